package flow

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/wireproof/wireproof/harness/flow/internal/capfile"
	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// ErrNotCapture is in the chain of the error of [Analyze] for input that is
// neither pcap nor pcapng.
var ErrNotCapture = capfile.ErrNotCapture

// Analyze reads a capture (pcap or pcapng, both byte orders) to its end. An
// error means that nothing could be judged: r is no capture (ErrNotCapture), a
// file of o.Files cannot be read, or ctx was cancelled. A capture that breaks
// off is no error: the packets before are analysed, and the Analysis says so.
func Analyze(ctx context.Context, r io.Reader, o Options) (*Analysis, error) {
	reader, err := capfile.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	memory := o.MemoryBytes
	if memory == 0 {
		memory = DefaultMemoryBytes
	}
	memory = max(memory, 4<<20)
	a := &Analysis{Format: reader.Format(), files: o.Files}
	var set *find.Set
	if len(o.Files) > 0 {
		shelf := &shelf{}
		defer shelf.close()
		if set, err = find.NewSet(shelf.sources(o.Files), memory/4); err != nil {
			return nil, fmt.Errorf("prepare to find files: %w", err)
		}
	}
	t := newTracker(o, a, set, memory/2)
	if err := t.read(ctx, reader); err != nil {
		return nil, err
	}
	t.finishAll()
	if set != nil && set.Err() != nil {
		return nil, fmt.Errorf("find files: %w", set.Err())
	}
	t.interfaces(reader)
	t.problems()
	return a, nil
}

// read passes all packets to the tracker.
func (t *tracker) read(ctx context.Context, reader *capfile.Reader) error {
	a := t.a
	var p capfile.Packet
	var s segment.Segment
	var first, last int64
	var links []uint16
	for {
		if a.Packets&1023 == 0 && ctx.Err() != nil {
			return fmt.Errorf("analyse capture: %w", context.Cause(ctx))
		}
		err := reader.Next(&p)
		if err != nil {
			var f *capfile.FormatError
			if errors.As(err, &f) {
				a.CutShort = true
				a.Problems = append(a.Problems, "the "+f.Error())
			} else if err != io.EOF {
				return fmt.Errorf("read capture: %w", err)
			}
			break
		}
		a.Packets++
		a.Bytes += uint64(len(p.Data))
		if a.Packets == 1 {
			first, last = p.Time, p.Time
		}
		if p.Time < last {
			a.Backwards++
			first = min(first, p.Time)
		} else {
			last = p.Time
		}
		for p.Interface >= len(a.Interfaces) {
			it := reader.Interfaces()[len(a.Interfaces)]
			name := segment.LinkName(it.LinkType)
			if name == "" {
				name = fmt.Sprintf("unknown (%d)", it.LinkType)
			}
			a.Interfaces = append(a.Interfaces, Interface{Name: it.Name, LinkType: name, SnapLen: it.SnapLen})
			t.names = append(t.names, it.Name)
			links = append(links, it.LinkType)
		}
		a.Interfaces[p.Interface].Packets++
		switch segment.Decode(links[p.Interface], p.Data, p.Length, &s) {
		case segment.OK:
			a.TCP++
			if len(s.Payload) < s.Length {
				a.Truncated++
			}
			t.segment(&s, find.Mark{Packet: a.Packets, Time: p.Time}, p.Interface)
		case segment.NotTCP:
			a.Ignored++
		case segment.Fragment:
			a.Fragments++
		case segment.Malformed:
			a.Undecodable++
		case segment.UnknownLink:
			a.UnknownLinks++
		}
		if t.set != nil && t.set.Err() != nil {
			return fmt.Errorf("find files: %w", t.set.Err())
		}
	}
	if a.Packets > 0 {
		a.First, a.Last = unix(first), unix(last)
	}
	return nil
}

// interfaces takes over what the capture says of its interfaces at its end.
func (t *tracker) interfaces(reader *capfile.Reader) {
	a := t.a
	a.Comments = reader.Comments()
	a.DropsKnown = len(reader.Interfaces()) > 0
	for i, it := range reader.Interfaces() {
		if i >= len(a.Interfaces) {
			name := segment.LinkName(it.LinkType)
			if name == "" {
				name = fmt.Sprintf("unknown (%d)", it.LinkType)
			}
			a.Interfaces = append(a.Interfaces, Interface{Name: it.Name, LinkType: name, SnapLen: it.SnapLen})
		}
		a.Interfaces[i].Dropped, a.Interfaces[i].DropsKnown = it.Dropped, it.DropsKnown
		if a.Dropped += it.Dropped; a.Dropped < it.Dropped {
			a.Dropped = 1<<64 - 1
		}
		a.DropsKnown = a.DropsKnown && it.DropsKnown
	}
}

// problems puts missing evidence into sentences.
func (t *tracker) problems() {
	a := t.a
	say := func(n uint64, one, many string) {
		switch {
		case n == 1:
			a.Problems = append(a.Problems, one)
		case n > 1:
			a.Problems = append(a.Problems, thousands(int64(min(n, 1<<62)))+" "+many)
		}
	}
	if a.Packets == 0 {
		a.Problems = append(a.Problems, "the capture holds no packet")
	}
	say(a.Dropped, "the capture lost one packet by its own count", "packets were lost by the capture's own count")
	say(a.Truncated, "one TCP segment is cut short by the snap length", "TCP segments are cut short by the snap length: capture with -s 0")
	say(a.Fragments, "one IP fragment of TCP was not put together", "IP fragments of TCP were not put together")
	say(a.Undecodable, "one packet's headers are cut or contradict themselves", "packets' headers are cut or contradict themselves")
	for _, it := range a.Interfaces {
		if len(it.LinkType) > 7 && it.LinkType[:7] == "unknown" && it.Packets > 0 {
			a.Problems = append(a.Problems, fmt.Sprintf("%s packets are of a link type that is not known: %s", thousands(int64(it.Packets)), it.LinkType[8:len(it.LinkType)-1]))
			if len(a.Problems) > 48 {
				break
			}
		}
	}
	say(a.BadChecksums, "one TCP segment has a wrong checksum and was left out, as its receiver does", "TCP segments have a wrong checksum and were left out, as their receivers do")
	say(a.Backwards, "one packet is older than the one before it", "packets are older than the one before them")
	say(t.implausible, "one TCP segment is a gigabyte or more from what its connection expects and was left out",
		"TCP segments are a gigabyte or more from what their connection expects and were left out")
	say(t.evicted, "one open connection was let go to make room for others", "open connections were let go to make room for others")
	say(a.ConnectionsNotListed, "one connection more than can be listed", "connections more than can be listed")
}
