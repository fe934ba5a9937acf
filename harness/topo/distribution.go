package topo

import (
	"fmt"
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
