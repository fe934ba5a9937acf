package bpfloss

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/wireproof/wireproof/harness/topo"
)

// maxNumber is the highest number of a packet. It leaves the sign bit free, by which the program compares.
const maxNumber = math.MaxInt64

// joined returns ranges in order, those that touch or overlap made one.
func joined(ranges []topo.Range) []topo.Range {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b topo.Range) int { return cmp.Compare(a.First, b.First) })
	kept := ranges[:0]
	for _, r := range ranges {
		if n := len(kept); n > 0 && (kept[n-1].Last == 0 || r.First <= kept[n-1].Last+1) {
			if last := &kept[n-1].Last; *last != 0 && (r.Last == 0 || r.Last > *last) {
				*last = r.Last
			}
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// rangeSize is the size of an entry of the table: first and last, 64 bits each.
const rangeSize = 16

// rangeTable returns the table that the program searches: the ranges in order, filled up to one below a power of two
// and one more with entries that no packet is in. steps is how often the search halves it.
func rangeTable(ranges []topo.Range) (table []byte, steps int) {
	ranges = joined(ranges)
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
