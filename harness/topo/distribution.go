package topo

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Distribution is the form of jitter, by netem's names. In each, the jitter is
// a time J that the distribution is scaled by, and the sum of delay and jitter is
// never negative.
//
//   - uniform: from -J up to J, without J itself. Netem's default (tabledist in
//     the kernel's net/sched/sch_netem.c).
//   - normal: mean 0, standard deviation J.
//   - pareto: the Pareto distribution with exponent 3 and least value 1, moved by its mean
//     1.5 and stretched by 4/3: from -2/3 J, mostly a little early, now and then very late
//     (iproute2, netem/pareto.c).
//   - paretonormal: a quarter of normal's and three quarters of pareto's value at
//     the same probability (iproute2, netem/paretonormal.c).
//
// Netem's tables hold 16-bit numbers in units of J/8192 (NETEM_DIST_SCALE), so no packet
// is more than 4 J off in any of them; nor is it here.
type Distribution string

// The distributions. The zero Distribution is uniform.
const (
	Uniform      Distribution = "uniform"
	Normal       Distribution = "normal"
	Pareto       Distribution = "pareto"
	ParetoNormal Distribution = "paretonormal"
)

// Distributions returns the distributions there are.
func Distributions() []Distribution { return []Distribution{Uniform, Normal, Pareto, ParetoNormal} }

// ParseDistribution returns the distribution of this name; "" is uniform.
func ParseDistribution(s string) (Distribution, error) {
	if s == "" {
		return Uniform, nil
	}
	if d := Distribution(s); slices.Contains(Distributions(), d) {
		return d, nil
	}
	var names []string
	for _, d := range Distributions() {
		names = append(names, string(d))
	}
	return "", fmt.Errorf("unknown distribution %q: use one of %s", clip(s), strings.Join(names, ", "))
}

// Quantile returns the inverse of the cumulative distribution: the jitter, in units of J, that is not exceeded with
// probability u, above 0 and below 1. It is not yet held to 4 J.
func (d Distribution) Quantile(u float64) float64 {
	switch d {
	case Normal:
		return normalQuantile(u)
	case Pareto:
		return paretoQuantile(u)
	case ParetoNormal:
		// Iproute2 adds its tables, and that of pareto ends at 4.
		return normalQuantile(u)/4 + min(paretoQuantile(u), 4)*3/4
	}
	return 2*u - 1
}

func normalQuantile(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

func paretoQuantile(u float64) float64 { return (math.Pow(1-u, -1.0/3) - 1.5) * (4.0 / 3) }

// TableSize is how many entries a table has, as many as iproute2's.
const TableSize = 4096

// Table returns the distribution as netem has it: the quantiles in the middle of equal steps of probability, in 16-bit
// numbers of which 8192 (NETEM_DIST_SCALE in include/uapi/linux/pkt_sched.h) are one J. Rounding makes it the same on every
// architecture, although the last bit of a float64 function may differ from one to the next.
func (d Distribution) Table() *[TableSize]int16 {
	t := new([TableSize]int16)
	for i := range t {
		x := math.RoundToEven(d.Quantile((float64(i)+0.5)/TableSize) * 8192)
		t[i] = int16(max(-math.MaxInt16, min(math.MaxInt16, x)))
	}
	return t
}
