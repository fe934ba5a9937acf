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

// Input is one of several captures that are read as one.
type Input struct {
	Name   string // for people
	Reader io.Reader
}

// Analyze reads a capture to its end: pcap or pcapng, both byte orders, as it is or
// compressed by gzip or zstd. An error means that nothing could be judged: r is no capture
// (ErrNotCapture), a file of o.Files cannot be read, or ctx was cancelled. A capture that breaks
// off is no error: the packets before are analysed, and the Analysis says so.
func Analyze(ctx context.Context, r io.Reader, o Options) (*Analysis, error) {
	return AnalyzeAll(ctx, []Input{{Reader: r}}, o)
}

// AnalyzeAll is Analyze for several captures of the same traffic: packets are taken in the order of time,
// and the interfaces of all are as those of one. A capture that begins where another ended is the
// next file of a rotated one (tcpdump -C): its interfaces are that one's.
func AnalyzeAll(ctx context.Context, inputs []Input, o Options) (*Analysis, error) {
	list := make([]capfile.Input, len(inputs))
	for i, in := range inputs {
		list[i] = capfile.Input(in)
	}
	reader, err := capfile.Merge(list)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	memory := o.MemoryBytes
	if memory == 0 {
		memory = DefaultMemoryBytes
	}
	memory = max(memory, 4<<20)
	a := &Analysis{files: o.Files}
	var set *find.Set
	if len(o.Files) > 0 {
		shelf := &shelf{}
		defer shelf.close()
		if set, err = find.NewSet(shelf.sources(o.Files), memory/4); err != nil {
			reader.Close()
			return nil, fmt.Errorf("prepare to find files: %w", err)
		}
		defer set.Close()
	}
	t := newTracker(o, a, set, memory/2)
	if len(inputs) > 1 {
		for _, in := range inputs {
			t.captures = append(t.captures, in.Name)
		}
	}
	if err := t.read(ctx, reader); err != nil {
		return nil, err
	}
	t.finishAll()
	if set != nil && set.Err() != nil {
		return nil, fmt.Errorf("find files: %w", set.Err())
	}
	for i, in := range inputs {
		format, compression, packets := reader.Capture(i)
		a.Captures = append(a.Captures, Capture{Name: in.Name, Format: format, Compression: compression, Packets: packets})
		if a.Format == "" {
			a.Format = format
		}
	}
	t.interfaces(reader)
	a.Vantage = a.vantage()
	t.problems()
	return a, nil
}

// read passes all packets to the tracker.
func (t *tracker) read(ctx context.Context, reader *capfile.Merged) error {
	if err := t.packets(ctx, reader); err != nil {
		return err
	}
	a := t.a
	t.defrag.Flush()
	a.Fragments = t.defrag.Lost
	for _, err := range reader.Broken() {
		a.CutShort = true
		if len(a.Problems) < 8 {
			a.Problems = append(a.Problems, breaksOff(err))
		}
	}
	if a.Packets > 0 {
		a.First, a.Last = unix(t.first), unix(t.latest)
	}
	return nil
}

// packet takes the next packet.
func (t *tracker) packet(p *decodedPacket) error {
	a := t.a
	a.Packets++
	a.Bytes += uint64(p.captured)
	if a.Packets == 1 {
		t.first, t.latest = p.mark.Time, p.mark.Time
	}
	if p.mark.Time < t.latest {
		a.Backwards++
		t.first = min(t.first, p.mark.Time)
	} else {
		t.latest = p.mark.Time
	}
	a.Interfaces[p.iface].Packets++
	s, status := &p.segment, p.status
	t.plain = p.plain
	if status == segment.Fragment {
		where, whole := uint32(p.iface)<<16^s.Device, false
		a.Pieces++
		if status, whole = t.defrag.Add(s.Piece, where, p.mark.Time, s); !whole {
			return nil
		}
		a.Reassembled++
	}
	switch status {
	case segment.OK:
		a.TCP++
		if len(s.Payload) < s.Length {
			a.Truncated++
		}
		t.segment(s, p.mark, p.iface)
	case segment.NotTCP:
		a.Ignored++
	case segment.Malformed, segment.Fragment: // of fragments put together: one within another
		a.Undecodable++
	case segment.UnknownLink:
		a.UnknownLinks++
	}
	if t.set != nil && t.set.Err() != nil {
		return fmt.Errorf("find files: %w", t.set.Err())
	}
	return nil
}

func (t *tracker) describe(it capfile.Interface) Interface {
	name := segment.LinkName(it.LinkType)
	if name == "" {
		name = fmt.Sprintf("unknown (%d)", it.LinkType)
	}
	return Interface{Name: it.Name, Capture: t.capture(find.Mark{Capture: it.Capture}), LinkType: name, SnapLen: it.SnapLen}
}

// breaksOff is the sentence for a capture that is cut: "the capture breaks off …", or "b.pcap: capture breaks off …".
func breaksOff(err error) string {
	var f *capfile.FormatError
	if errors.As(err, &f) && f.Error() == err.Error() {
		return "the " + err.Error()
	}
	return err.Error()
}

// interfaces takes over what the capture says of its interfaces at its end.
func (t *tracker) interfaces(reader *capfile.Merged) {
	a := t.a
	a.Comments = reader.Comments()
	a.DropsKnown = len(reader.Interfaces()) > 0
	for i, it := range reader.Interfaces() {
		if i >= len(a.Interfaces) {
			a.Interfaces = append(a.Interfaces, t.describe(it))
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
			a.Problems = append(a.Problems, fmt.Sprintf("%s packets are of a link type that is not known: %s", thousands(int64(it.Packets)), it.LinkType[9:len(it.LinkType)-1]))
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
