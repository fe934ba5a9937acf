package scenarios

import (
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Parts g, h, i and j: two hosts, and between them a chain of shaped links with one thing that varies.
//
//	h1 ──1000── s1 ──1000── h2                       g: bandwidth, h: delay, i: loss
//
//	h1 ──1000── s1 ──1000── … ──1000── s8 ──1000── h2        j: hops
//
// h1 serves, h2 fetches novel 3.

func partG(Params) []Scenario {
	return []Scenario{chain(1, topo.LinkParams{Rate: 1000 * topo.Mbit})}
}

func partH(Params) []Scenario {
	return []Scenario{chain(1, topo.LinkParams{Rate: 1000 * topo.Mbit, Delay: time.Millisecond})}
}

func partI(Params) []Scenario {
	return []Scenario{chain(1, topo.LinkParams{Rate: 1000 * topo.Mbit, LossPercent: 5})}
}

func partJ(p Params) []Scenario {
	hops := 8
	if p.Hops > 0 {
		hops = p.Hops
	}
	return []Scenario{chain(hops, topo.LinkParams{Rate: 1000 * topo.Mbit})}
}

func chain(switches int, link topo.LinkParams) Scenario {
	return Scenario{
		Variant: DefaultVariant,
		Topo:    topo.Linear(switches, link),
		Servers: []string{"h1"},
		Steps:   []Step{{{Client: "h2", Server: "h1", Novels: []int{3}}}},
	}
}
