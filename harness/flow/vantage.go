package flow

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// A packet may be captured at several places: interfaces of one file, files of several hosts, VLANs of a trunk. Each
// direction of a connection is counted at one of them, its vantage point: where its first packet was seen first, which
// is nearest to its sender, so that nothing that the path loses behind it is lost to the count. Copies from other
// places fill in bytes that the vantage point lacks, and count nowhere.

// place is where a packet was captured: an interface, and what tells places behind one interface apart.
type place struct {
	iface  int32 // -1: none
	device uint32
}

// sight says whether a packet was seen before.
type sight uint8

const (
	firstSight sight = iota
	elsewhere        // at other places, not here
	again            // here
)

// kind is what a segment was found to be when it was seen first.
type kind uint8

const (
	isRetransmission kind = 1 << iota
	isOutOfOrder
	isKeepAlive
	isDuplicateAck
)

// recent remembers a packet, to know it again when it is captured twice.
type recent struct {
	print  uint64
	time   int64
	places [3]uint32 // mixed of place, to be small
	n      uint8
	kind   kind
	sight  sight // of the segment at hand
	filled bool  // counted in FilledIn
}

// again says whether the same packet was captured a moment ago: one that crosses
// several interfaces, or a capture of both directions of a loopback. The sender's IP
// identification, TCP checksum and numbers are the same; a retransmission has a
// new identification. Where there is none (IPv6), a copy at the same place
// must follow at once.
func (t *tracker) again(s *segment.Segment, m find.Mark, iface int) *recent {
	h := fingerprint(s)
	here := uint32(iface)<<16 ^ s.Device
	r := &t.recent[h%maxRecent]
	known := slices.Contains(r.places[:r.n], here)
	limit := int64(100e3) // nanoseconds
	if s.ID != 0 || !known {
		limit = 1e9
	}
	switch {
	case r.print != h || r.n == 0 || abs(m.Time-r.time) > limit:
		*r = recent{print: h, time: m.Time, places: [3]uint32{here}, n: 1}
	case known:
		r.sight = again
	default:
		r.sight = elsewhere
		if int(r.n) < len(r.places) {
			r.places[r.n] = here
			r.n++
		}
	}
	return r
}

func fingerprint(s *segment.Segment) uint64 {
	h := binary.LittleEndian.Uint64(s.Src[8:])*0x9E3779B97F4A7C15 ^ binary.LittleEndian.Uint64(s.Dst[8:])*0xC2B2AE3D27D4EB4F
	h ^= (uint64(s.Seq)<<32 | uint64(s.Ack)) * 0x165667B19E3779F9
	h ^= (uint64(s.SrcPort)<<48 | uint64(s.DstPort)<<32 | uint64(s.ID)<<16 | uint64(s.Checksum)) * 0xD6E8FEB86659FD93
	h ^= uint64(s.Length)<<16 ^ uint64(s.Flags)<<8 ^ uint64(s.Window)<<40
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 32
	return h
}

// vantage is the sentence about where connections are counted, or "" where there was no choice.
func (a *Analysis) vantage() string {
	if len(a.Interfaces) < 2 && len(a.Captures) < 2 {
		return ""
	}
	count := map[string]int{}
	var names []string
	filled := uint64(0)
	add := func(where, what string) {
		if where == "" {
			where = "an interface without a name"
		}
		name := where + " for what " + what
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	for _, c := range a.Connections {
		if c.BytesToClient > 0 || c.Interface != "" {
			add(c.Interface, "servers send")
		}
		if c.BytesToServer > 0 || c.ClientInterface != "" {
			add(c.ClientInterface, "clients send")
		}
		filled += c.FilledIn
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	text := fmt.Sprintf("captured at %s; each direction of a connection is counted where its first packet was seen first, nearest to its sender: %s.",
		plural(len(a.Interfaces), "interface"), few(names, 6))
	if a.Duplicates > 0 {
		text += fmt.Sprintf(" %s copies of packets were left out of the count.", thousands(int64(a.Duplicates)))
	}
	if filled > 0 {
		text += fmt.Sprintf(" %s %s seen elsewhere only, and %s in what was not seen there.", plural(int(filled), "segment"), verb(filled, "was", "were"), verb(filled, "fills", "fill"))
	}
	return text
}

func verb(n uint64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// whereabouts names a vantage point.
func (t *tracker) whereabouts(s *stream) string {
	if s == nil || s.at.iface < 0 || int(s.at.iface) >= len(t.a.Interfaces) {
		return ""
	}
	it := t.a.Interfaces[s.at.iface]
	name := it.Name
	if name == "" && len(t.a.Interfaces) > 1 {
		name = fmt.Sprintf("interface %d", s.at.iface)
	}
	if it.Capture != "" {
		name = strings.TrimPrefix(name+" of "+it.Capture, " of ")
	}
	return name
}
