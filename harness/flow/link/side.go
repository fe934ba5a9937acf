package link

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/wireproof/wireproof/harness/flow/internal/capfile"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// ErrNotCapture is in the chain of the error for input that is neither pcap nor pcapng.
var ErrNotCapture = capfile.ErrNotCapture

// epb_flags of pcapng, section 4.3.1 of the draft.
const (
	flagsDirection = 3
	inbound        = 1
	outbound       = 2
	segmentOffload = 1 << 11
)

// side reads the frames of one direction out of a capture.
type side struct {
	reader    *capfile.Reader
	want      uint32 // direction
	ifname    string
	packet    capfile.Packet // valid while more is true
	more      bool
	last      int64 // the latest time stamp of all packets
	before    int64 // of those that are looked at, the one before
	seen      Side
	broken    error
	ifaces    map[int]bool // those whose packets were met
	otherLink bool
}

func openSide(src io.Reader, want uint32, ifname string) (*side, error) {
	r, err := capfile.NewReader(src)
	if err != nil {
		return nil, err
	}
	s := &side{reader: r, want: want, ifname: ifname, ifaces: make(map[int]bool)}
	return s, s.next()
}

// next reads on to the next frame of the direction. An error is one of the reader, and not of
// a capture that breaks off.
func (s *side) next() error {
	for {
		err := s.reader.Next(&s.packet)
		if err != nil {
			s.more = false
			var f *capfile.FormatError
			switch {
			case errors.As(err, &f):
				s.seen.CutShort, s.broken = true, err
			case err != io.EOF:
				return fmt.Errorf("read capture: %w", err)
			}
			return nil
		}
		p := &s.packet
		it := &s.reader.Interfaces()[p.Interface]
		if s.ifname != "" && it.Name != s.ifname {
			continue
		}
		if !s.ifaces[p.Interface] {
			s.ifaces[p.Interface] = true
			s.otherLink = s.otherLink || it.LinkType != segment.LinkEthernet
		}
		s.last = max(s.last, p.Time)
		if p.Flags&flagsDirection == 0 {
			s.seen.Undirected++
		}
		if p.Flags&flagsDirection != s.want {
			continue
		}
		if s.seen.Frames > 0 && p.Time < s.before {
			s.seen.Backwards++
		}
		s.before = p.Time
		s.seen.Frames++
		if len(p.Data) < p.Length {
			s.seen.Truncated++
		}
		if p.Flags&segmentOffload != 0 {
			s.seen.Super++
		}
		s.more = true
		return nil
	}
}

// problems says, at the end, why the capture is not the whole truth. which names it.
func (s *side) problems(which string) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, which+" "+fmt.Sprintf(format, args...)) }
	known, found := true, s.ifname == ""
	for _, it := range s.reader.Interfaces() {
		if s.ifname != "" && it.Name != s.ifname {
			continue
		}
		found = true
		known = known && it.DropsKnown
		if s.seen.Dropped += it.Dropped; s.seen.Dropped < it.Dropped {
			s.seen.Dropped = 1<<64 - 1
		}
	}
	switch {
	case s.broken != nil:
		say("is not whole: the %v", s.broken)
	case !found:
		say("has no interface %q: name one that it has", s.ifname)
	case !known:
		say("does not say how many packets it lost: it ended before its time, or was not made by wireproof")
	}
	if n := s.seen.Dropped; n > 0 {
		say("lost %s by its own count", count(n, "packet"))
	}
	if n := s.seen.Truncated; n > 0 {
		say("has %s cut by the snap length", count(n, "frame"))
	}
	if n := s.seen.Undirected; n > 0 {
		say("does not say of %s whether the interface sent or received it: capture one interface, to pcapng", count(n, "frame"))
	}
	if n := s.seen.Super; n > 0 {
		say("has %s that stand for several packets of the wire: switch segmentation offloads off", count(n, "frame"))
	}
	if len(s.ifaces) > 1 {
		say("has packets of %d interfaces: say which is meant", len(s.ifaces))
	}
	if s.otherLink {
		say("is not of Ethernet frames")
	}
	return list
}

// count writes a number of things in words, with commas between groups of three digits.
func count(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
