package impair

import (
	"math"
	"math/bits"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// The tables hold 16-bit numbers in units of J/8192, as netem's do, so that no packet is
// more than 4 J off; they have 4096 entries, as iproute2's have, and are computed when
// first asked for: the inverse of the cumulative distribution at the middle of 4096
// equal steps of probability.
const (
	tableBits  = 12
	tableScale = 8192 // one J: NETEM_DIST_SCALE in include/uapi/linux/pkt_sched.h
	tableMost  = math.MaxInt16
)

type table [1 << tableBits]int16

// Rounding to 16 bits makes the tables the same on every architecture, although the
// last bit of a float64 function may differ from one to the next.
func makeTable(inverse func(u float64) float64) *table {
	t := new(table)
	for i := range t {
		u := (float64(i) + 0.5) / float64(len(t))
		x := math.RoundToEven(inverse(u) * tableScale)
		t[i] = int16(max(-tableMost, min(tableMost, x)))
	}
	return t
}

func normalInverse(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

func paretoInverse(u float64) float64 { return (math.Pow(1-u, -1.0/3) - 1.5) * (4.0 / 3) }

func paretoNormalInverse(u float64) float64 {
	// Netem takes its pareto table for the sum, which is cut off at 4 already.
	return normalInverse(u)/4 + min(paretoInverse(u), 4)*3/4
}

var tables = map[topo.Distribution]func() *table{
	topo.Normal:       sync.OnceValue(func() *table { return makeTable(normalInverse) }),
	topo.Pareto:       sync.OnceValue(func() *table { return makeTable(paretoInverse) }),
	topo.ParetoNormal: sync.OnceValue(func() *table { return makeTable(paretoNormalInverse) }),
}

// jitter turns random numbers into times around zero.
type jitter struct {
	scale uint64 // J in nanoseconds
	table *table // nil: uniform
}

func newJitter(j time.Duration, d topo.Distribution) jitter {
	made := jitter{scale: uint64(max(j, 0))}
	if t := tables[d]; t != nil {
		made.table = t()
	}
	return made
}

// at returns the time for a random number, in integers throughout.
func (j jitter) at(random uint64) time.Duration {
	if j.table == nil {
		high, _ := bits.Mul64(random, 2*j.scale)
		return time.Duration(high) - time.Duration(j.scale)
	}
	// The top bits choose the entry. Split as netem does, so that hours do not overflow.
	x := int64(j.table[random>>(64-tableBits)])
	s := int64(j.scale)
	return time.Duration(s/tableScale*x + (s%tableScale*x+tableScale/2)>>13)
}
