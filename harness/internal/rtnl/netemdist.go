package rtnl

import (
	"math"

	"github.com/wireproof/wireproof/harness/topo"
)

// The kernel draws jitter from a table of 16-bit numbers, in units of Jitter/8192 (linux/pkt_sched.h, NETEM_DIST_SCALE),
// each entry as likely as the next (net/sched/sch_netem.c, tabledist). It takes up to 16384 of them, and has none of its
// own but the uniform distribution. The tables here are worked out from the definitions in topo.Distribution: the
// inverse of the cumulative distribution, in the middle of 4096 equal steps of probability.
const (
	distEntries = 4096
	distScale   = 8192
)

// distTable returns d's table, or nil where the kernel needs none. A table that an emulator was given once can only be
// replaced (netem_change keeps it): so a change to uniform is one to a table as well.
func distTable(d topo.Distribution, change bool) []int16 {
	var inverse func(u float64) float64
	switch d {
	case topo.Normal:
		inverse = normalInverse
	case topo.Pareto:
		inverse = paretoInverse
	case topo.ParetoNormal:
		inverse = func(u float64) float64 {
			// iproute2 adds the tables, and that of pareto ends at 4.
			return normalInverse(u)/4 + min(paretoInverse(u), 4)*3/4
		}
	default:
		if !change {
			return nil
		}
		inverse = func(u float64) float64 { return 2*u - 1 }
	}
	table := make([]int16, distEntries)
	for i := range table {
		x := math.RoundToEven(inverse((float64(i)+0.5)/distEntries) * distScale)
		table[i] = int16(max(-math.MaxInt16, min(math.MaxInt16, x)))
	}
	return table
}

func normalInverse(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// paretoInverse is of exponent 3 and least value 1, moved by its mean and stretched.
func paretoInverse(u float64) float64 { return (math.Pow(1-u, -1.0/3) - 1.5) * 4 / 3 }
