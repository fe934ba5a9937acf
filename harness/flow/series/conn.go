package series

import (
	"net/netip"
	"time"

	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// conn is a connection while it is read.
type conn struct {
	out      *Connection
	client   end
	server   end
	iface    int // where it is seen
	haveC    bool
	haveS    bool
	cISN     uint32
	synAck   int64        // when the SYN-ACK was sent last
	resent   bool         // it was sent more than once
	streams  [2]direction // 0: from the client
	goodSums [2]bool      // 0: of the client
	recent   [16]print    // of packets, to know those again that were captured twice
	at       int
	first    int64
	last     int64
}

// An end is an address and a port.
type end struct {
	addr segment.Addr
	port uint16
}

// A print is what is the same in two captures of one packet; a retransmission has another IP identification.
type print struct {
	seq, ack uint32
	length   int
	id       uint16
	checksum uint16
	flags    uint8
	fromC    bool
	time     int64
}

// twice says whether this very packet was there a moment ago. Without an identification (IPv6) the moment is short.
func (c *conn) twice(s *segment.Segment, fromC bool, t int64) bool {
	p := print{s.Seq, s.Ack, s.Length, s.ID, s.Checksum, s.Flags, fromC, 0}
	limit := int64(100 * time.Microsecond)
	if s.ID != 0 {
		limit = int64(time.Second)
	}
	for _, r := range c.recent {
		when := r.time
		r.time = 0
		if r == p && when != 0 && t-when <= limit && when-t <= limit {
			return true
		}
	}
	p.time = t
	c.recent[c.at] = p
	c.at = (c.at + 1) % len(c.recent)
	return false
}

// segment takes a segment of the connection.
func (c *conn) segment(o *Options, s *segment.Segment, packet uint64, t int64) {
	fromC := end{s.Src, s.SrcPort} == c.client
	if c.twice(s, fromC, t) {
		return
	}
	c.last = max(c.last, t)
	from, total := 1, &c.out.ToClient
	if fromC {
		from, total = 0, &c.out.ToServer
	}
	sender, peer := &c.streams[from], &c.streams[1-from]
	bin := c.bin(o.Bins, t)
	mine, theirs := &bin.ToClient, &bin.ToServer
	if fromC {
		mine, theirs = theirs, mine
	}
	e := Event{FromClient: fromC, Packet: packet, Time: unix(t)}
	again := c.handshake(o, s, &e, t)
	total.Segments++
	mine.Segments++

	seq := s.Seq
	if s.Flags&segment.SYN != 0 {
		seq++
	}
	if !sender.started {
		sender.start(seq)
	}
	off := sender.offset(seq)
	if s.Flags&segment.ACK != 0 {
		c.acknowledged(peer, theirs, s.Ack, t)
	}
	if s.Flags&segment.RST != 0 {
		e.Kind = RST
		c.event(o, e)
		return
	}
	length := int64(s.Length)
	if s.Flags&(segment.SYN|segment.FIN) == 0 && length <= 1 && off == sender.next-1 && len(sender.holes) == 0 {
		length = 0 // a keep-alive or a probe of a window of zero
	}
	if sender.fin >= 0 {
		length = min(length, max(0, sender.fin-off))
	}
	if length > 0 {
		span := Span{off, off + length}
		repeated := sender.take(off, off+length)
		sender.left(off, off+length, t, repeated)
		if repeated {
			mine.SentAgain.add(span)
		} else {
			mine.Sent.add(span)
		}
		again = again || repeated
		total.Bytes += uint64(length)
		mine.Bytes += uint64(length)
		if fromC {
			data := e
			data.Kind, data.Again, data.Offset, data.Bytes = Request, repeated, off, length
			data.Text = string(s.Payload[:min(len(s.Payload), int(length), maxText)])
			c.event(o, data)
		}
	}
	if s.Flags&segment.FIN != 0 {
		at := off + int64(s.Length)
		e.Kind, e.Offset = FIN, at
		if at == sender.fin {
			e.Again = true
			again = true
		} else if sender.fin < 0 {
			sender.fin = at
		}
		c.event(o, e)
	}
	if again {
		total.Again++
		mine.Again++
	}
	total.Length = sender.next
}

// acknowledged notes an acknowledgement of what a direction has sent.
func (c *conn) acknowledged(d *direction, f *Flow, ack uint32, t int64) {
	if !d.started {
		d.start(ack)
	}
	off := d.offset(ack)
	if d.fin >= 0 {
		off = min(off, d.fin)
	}
	if off > d.next || off < 0 {
		return
	}
	f.Acked = max(f.Acked, off)
	if sent := d.acked(off); sent != 0 {
		f.roundTrip(time.Duration(max(t-sent, 0)))
	}
}

// handshake lists the segments of a handshake, and says whether this one had been there before.
func (c *conn) handshake(o *Options, s *segment.Segment, e *Event, t int64) (again bool) {
	syn, ack, rst := s.Flags&segment.SYN != 0, s.Flags&segment.ACK != 0, s.Flags&segment.RST != 0
	switch {
	case syn && !ack:
		e.Kind = SYN
		if e.FromClient {
			again = c.haveC
			c.haveC, c.cISN = true, s.Seq
		} else {
			again = c.haveS // both ends began (RFC 9293, 3.5)
			c.haveS, c.out.ServerISN = true, s.Seq
		}
	case syn && !e.FromClient:
		e.Kind = SYNACK
		again = c.haveS
		c.resent = c.haveS
		c.haveS, c.out.ServerISN, c.synAck = true, s.Seq, t
	case ack && !rst && e.FromClient && c.haveS && !c.out.Established:
		c.out.Established = true
		if c.synAck != 0 && !c.resent {
			c.out.HandshakeRTT = time.Duration(max(t-c.synAck, 0))
		}
		established := *e
		established.Kind = Established
		c.event(o, established)
		return false
	default:
		return false
	}
	e.Again = again
	c.event(o, *e)
	if again {
		return true
	}
	d := &c.streams[1]
	if e.FromClient {
		d = &c.streams[0]
	}
	if !d.started {
		d.start(s.Seq + 1)
	}
	return false
}

func unix(ns int64) time.Time { return time.Unix(0, ns).UTC() }

func (e end) addrPort() netip.AddrPort { return netip.AddrPortFrom(e.addr.IP(), e.port) }
