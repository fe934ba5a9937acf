package series

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/wireproof/wireproof/harness/flow/internal/capfile"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// Read reads a capture, pcap or pcapng, to its end. An error means that there is nothing to show: r is no capture
// (flow.ErrNotCapture is in its chain), it cannot be read, or ctx was cancelled. One that breaks off is no error: what came
// before is in the Series, and CutShort says so.
func Read(ctx context.Context, r io.Reader, o Options) (*Series, error) {
	capture, err := capfile.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	t := &reader{o: o.withDefaults(), capture: capture, out: &Series{}, conns: make(map[[2]end]*conn)}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	return t.finish(), nil
}

// reader sorts segments into connections.
type reader struct {
	o       Options
	capture *capfile.Reader
	out     *Series
	conns   map[[2]end]*conn // by both ends, the lesser first: the newest connection between them
	all     []*conn
	last    *conn
	only    int // the interface that counts, -1: any
	links   []uint16
}

func (r *reader) read(ctx context.Context) error {
	var p capfile.Packet
	var s segment.Segment
	var first, last int64
	r.only = -1
	for {
		if r.out.Packets&1023 == 0 && ctx.Err() != nil {
			return fmt.Errorf("read capture: %w", context.Cause(ctx))
		}
		if err := r.capture.Next(&p); err != nil {
			var broken *capfile.FormatError
			if errors.As(err, &broken) {
				r.out.CutShort = true
			} else if err != io.EOF {
				return fmt.Errorf("read capture: %w", err)
			}
			break
		}
		r.out.Packets++
		if r.out.Packets == 1 {
			first, last = p.Time, p.Time
		}
		first, last = min(first, p.Time), max(last, p.Time)
		for _, it := range r.capture.Interfaces()[len(r.links):] {
			if r.o.Interface != "" && it.Name == r.o.Interface && r.only < 0 {
				r.only = len(r.links)
			}
			r.links = append(r.links, it.LinkType)
		}
		if segment.Decode(r.links[p.Interface], p.Data, p.Length, &s) == segment.OK {
			r.segment(&s, &p)
		}
	}
	if r.out.Packets > 0 {
		r.out.First, r.out.Last = unix(first), unix(last)
	}
	return nil
}

func (r *reader) segment(s *segment.Segment, p *capfile.Packet) {
	from, to := end{s.Src, s.SrcPort}, end{s.Dst, s.DstPort}
	if r.only >= 0 && p.Interface != r.only || !r.wanted(from) && !r.wanted(to) {
		return
	}
	c := r.last
	if c == nil || !c.between(from, to) {
		c = r.conns[pair(from, to)]
	}
	if damaged(c, s, from) || c == nil && s.Flags&segment.RST != 0 {
		return
	}
	if c == nil || c.over(s, from) {
		if c = r.add(s, from, to, p); c == nil {
			return
		}
	}
	r.last = c
	if c.iface == p.Interface {
		c.segment(&r.o, s, r.out.Packets, p.Time)
	}
}

// damaged says whether a segment with a wrong checksum is one that its receiver threw away. Where the sender's checksums
// were never seen right, they are filled in behind the capture.
func damaged(c *conn, s *segment.Segment, from end) bool {
	side := 0
	if c != nil && c.client != from {
		side = 1
	}
	switch s.Sum {
	case segment.SumGood:
		if c != nil {
			c.goodSums[side] = true
		}
	case segment.SumBad:
		return c == nil && s.Flags&segment.SYN == 0 || c != nil && c.goodSums[side]
	}
	return false
}

// over says whether a segment begins a new connection between the ends of an old one.
func (c *conn) over(s *segment.Segment, from end) bool {
	switch s.Flags & (segment.SYN | segment.ACK | segment.RST) {
	case segment.SYN:
		if c.client == from {
			return !c.haveC || c.cISN != s.Seq
		}
		return c.haveS && c.out.ServerISN != s.Seq
	case segment.SYN | segment.ACK:
		return c.client != from && c.haveS && c.out.ServerISN != s.Seq
	}
	return false
}

// add begins a connection, nil where there are enough.
func (r *reader) add(s *segment.Segment, from, to end, p *capfile.Packet) *conn {
	syn := s.Flags&(segment.SYN|segment.ACK) == segment.SYN
	if len(r.all) >= r.o.Connections {
		if syn {
			r.out.NotFollowed++
		}
		return nil
	}
	client, server := from, to
	switch {
	case syn:
	case s.Flags&segment.SYN != 0, r.wanted(from) && !r.wanted(to), r.wanted(from) == r.wanted(to) && from.port < to.port:
		client, server = to, from
	}
	c := &conn{
		client: client, server: server, iface: p.Interface, first: p.Time, last: p.Time,
		out: &Connection{Client: client.addrPort(), Server: server.addrPort(), Width: narrowest},
	}
	r.conns[pair(from, to)] = c
	r.all = append(r.all, c)
	return c
}

// wanted says whether an end is the server that is asked for.
func (r *reader) wanted(e end) bool {
	want := r.o.Server
	if want.Port() != 0 && want.Port() != e.port {
		return false
	}
	ip := want.Addr()
	return !ip.IsValid() || ip.IsUnspecified() || segment.From(ip) == e.addr
}

func pair(a, b end) [2]end {
	if c := compare(a, b); c > 0 {
		return [2]end{b, a}
	}
	return [2]end{a, b}
}

func compare(a, b end) int {
	for i := range a.addr {
		if a.addr[i] != b.addr[i] {
			return int(a.addr[i]) - int(b.addr[i])
		}
	}
	return int(a.port) - int(b.port)
}

func (r *reader) finish() *Series {
	for _, c := range r.all {
		c.out.First, c.out.Last = unix(c.first), unix(c.last)
		r.out.Connections = append(r.out.Connections, *c.out)
	}
	return r.out
}

func (c *conn) between(a, b end) bool {
	return c.client == a && c.server == b || c.client == b && c.server == a
}
