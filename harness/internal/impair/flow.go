package impair

import (
	"encoding/binary"
	"net/netip"
)

// MaxFlows bounds the flows that an Impairment counts apart. Packets of flows beyond
// it share one count.
const MaxFlows = 1 << 16

// FlowID returns what sets the random numbers of one flow apart from those of others:
// it is mixed into the key. Source, destination and protocol decide it, and how many
// flows came before it between the same two with that protocol, from 0. Ports do
// not, because a client's differ from run to run.
func FlowID(src, dst netip.Addr, protocol uint8, ordinal uint64) uint64 {
	return flowID(src.As16(), dst.As16(), protocol, ordinal)
}

func flowID(src, dst [16]byte, protocol uint8, ordinal uint64) uint64 {
	id := mix(uint64(protocol) + golden)
	for _, addr := range [...]*[16]byte{&src, &dst} {
		id = mix(id ^ binary.BigEndian.Uint64(addr[:8]))
		id = mix(id + golden ^ binary.BigEndian.Uint64(addr[8:]))
	}
	return mix(id + (ordinal+1)*golden)
}

// A course is what was counted of one flow, or of a whole direction.
type course struct {
	id    uint64 // FlowID; 0 for a direction
	next  uint64 // the index of the next packet, where counted by flow
	chain chain
	since int      // packets since the last that was reordered
	seen  []uint64 // by rule: packets that it could have meant
}

// flows finds the course of each packet.
type flows struct {
	table    map[Tuple]*course
	pairs    map[Tuple]uint64 // flows so far, ports left out
	overflow *course
	last     Tuple // of the packet before: mostly this one's too
	course   *course
}

func newFlows() *flows {
	return &flows{table: map[Tuple]*course{}, pairs: map[Tuple]uint64{}}
}

// of returns the course of the flow that a packet belongs to, new where it is the first.
func (f *flows) of(v *View, rules int) *course {
	if f.course != nil && v.Tuple == f.last {
		return f.course
	}
	c := f.table[v.Tuple]
	if c == nil {
		c = f.add(v.Tuple, rules)
	}
	f.last, f.course = v.Tuple, c
	return c
}

func (f *flows) add(key Tuple, rules int) *course {
	if len(f.table) >= MaxFlows {
		if f.overflow == nil {
			f.overflow = &course{id: mix(golden), seen: make([]uint64, rules)}
		}
		return f.overflow
	}
	pair := key
	pair.SrcPort, pair.DstPort = 0, 0
	c := &course{id: flowID(key.Src, key.Dst, key.Protocol, f.pairs[pair]), seen: make([]uint64, rules)}
	f.pairs[pair]++
	f.table[key] = c
	return c
}
