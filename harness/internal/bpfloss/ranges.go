package bpfloss

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/wireproof/wireproof/harness/topo"
)

// maxNumber is the highest number of a packet. It leaves the sign bit free, by which the program compares.
const maxNumber = math.MaxInt64

// rangeSize is the size of an entry of the table: first and last, 64 bits each.
const rangeSize = 16

// rangeTable returns the table that the program searches: the ranges in order, filled up to one below a power of two
// and one more with entries that no packet is in. steps is how often the search halves it.
func rangeTable(ranges []topo.Range) (table []byte, steps int) {
	ranges = topo.JoinRanges(ranges)
	steps = bits.Len(uint(len(ranges)))
	for i := range 1 << steps {
		first, last := uint64(math.MaxUint64), uint64(maxNumber)
		if i < len(ranges) {
			first = ranges[i].First
			if ranges[i].Last != 0 {
				last = ranges[i].Last
			}
		}
		table = binary.NativeEndian.AppendUint64(table, first)
		table = binary.NativeEndian.AppendUint64(table, last)
	}
	return table, steps
}
