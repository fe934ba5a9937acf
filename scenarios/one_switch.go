package scenarios

import (
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
)

// Parts persistent, fork, thread, e and f: every host hangs on one switch, nothing is shaped.
//
//	h1 ── s1 ── h2          persistent, fork, thread
//
//	h1 ─┐    ┌─ h2
//	h4 ─┼ s1 ┼─ h3          e, f
//	h6 ─┘    └─ h5
//
// h1 serves; the others fetch.

// persistentPart: two clients at once; the server takes one at a time, so the other waits its turn.
func persistentPart(Params) []Scenario {
	return []Scenario{{
		Variant: DefaultVariant,
		Topo:    topo.Single(2),
		Servers: []string{"h1"},
		Steps: []Step{{
			{Client: "h2", Server: "h1", Novels: []int{1, 2, 3, 4, 5}},
			{Client: "h2", Server: "h1", Novels: []int{1}},
		}},
	}}
}

// concurrentPart: five non-persistent clients at once, one for each novel (run_concurrent.sh), then one persistent client.
func concurrentPart(name string) func(Params) []Scenario {
	return func(Params) []Scenario {
		t := topo.Single(2)
		t.Name = name
		var five Step
		for n := 1; n <= 5; n++ {
			five = append(five, Fetch{Client: "h2", Server: "h1", Novels: []int{n}, Mode: peers.NonPersistent})
		}
		return []Scenario{{
			Variant: DefaultVariant,
			Topo:    t,
			Servers: []string{"h1"},
			Steps:   []Step{five, {{Client: "h2", Server: "h1", Novels: []int{1, 2, 3, 4, 5}}}},
		}}
	}
}

func partE(Params) []Scenario {
	return []Scenario{sixHosts([5]int{1, 2, 3, 4, 5})}
}

func partF(Params) []Scenario {
	return []Scenario{sixHosts([5]int{2, 2, 2, 2, 2})}
}

// sixHosts gives h2 to h6 a novel each, all at once.
func sixHosts(novels [5]int) Scenario {
	var step Step
	for i, client := range []string{"h2", "h3", "h4", "h5", "h6"} {
		step = append(step, Fetch{Client: client, Server: "h1", Novels: []int{novels[i]}})
	}
	return Scenario{Variant: DefaultVariant, Topo: topo.Single(6), Servers: []string{"h1"}, Steps: []Step{step}}
}
