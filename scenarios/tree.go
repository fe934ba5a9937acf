package scenarios

import (
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Parts k, l and m: a tree of seven switches; the numbers are Mbit/s.
//
//	                  S
//	                  │1000
//	                  s1
//	        1000 ┌────┴────┐ 1000
//	             s2 ┄┄500┄┄ s3              ┄ the loop of m
//	        500┌─┴─┐500 500┌─┴─┐500
//	           s4  s5      s6  s7
//	       250 │   │       │   │
//	          H I J K     L M N O
//	                      │   │ 1000
//	                      S1  S2            servers of l and m
//
// S serves in k; S, S1 and S2 serve in l and m.

// tree is the topology of part k; l and m add to it.
func tree(name string) topo.Topo {
	t := topo.Topo{Name: name}
	for _, h := range strings.Fields("S H I J K L M N O") {
		t.AddHost(h)
	}
	for _, s := range strings.Fields("s1 s2 s3 s4 s5 s6 s7") {
		t.AddSwitch(s)
	}
	link := func(rate topo.BitRate, pairs string) {
		for pair := range strings.FieldsSeq(pairs) {
			a, b, _ := strings.Cut(pair, "-")
			t.AddLink(a, b, topo.LinkParams{Rate: rate * topo.Mbit})
		}
	}
	link(1000, "s1-s2 s1-s3")
	link(500, "s2-s4 s2-s5 s3-s6 s3-s7")
	link(1000, "S-s1")
	link(250, "H-s4 I-s4 J-s5 K-s5 L-s6 M-s6 N-s7 O-s7")
	return t
}

// threeServers is the topology of part l.
func threeServers(name string) topo.Topo {
	t := tree(name)
	t.AddHost("S1")
	t.AddHost("S2")
	t.AddLink("S1", "s6", topo.LinkParams{Rate: 1000 * topo.Mbit})
	t.AddLink("S2", "s7", topo.LinkParams{Rate: 1000 * topo.Mbit})
	return t
}

// loop is the topology of part m.
func loop(cure topo.Loops) topo.Topo {
	t := threeServers("m")
	t.AddLink("s2", "s3", topo.LinkParams{Rate: 500 * topo.Mbit})
	t.Loops = cure
	return t
}

func partK(Params) []Scenario {
	variant := func(name, second, third, fourth string) Scenario {
		return Scenario{Variant: name, Topo: tree("k"), Servers: []string{"S"}, Steps: []Step{{
			get("H", "S", 250, 1), get(second, "S", 750, 2), get(third, "S", 1000, 3), get(fourth, "S", 1350, 4),
		}}}
	}
	return []Scenario{variant("A", "I", "J", "K"), variant("B", "K", "M", "N")}
}

func partL(Params) []Scenario {
	variant := func(name string, fetches ...Fetch) Scenario {
		return Scenario{Variant: name, Topo: threeServers("l"), Servers: []string{"S", "S1", "S2"}, Steps: []Step{fetches}}
	}
	return []Scenario{
		variant("A", get("H", "S", 250, 1), get("I", "S", 750, 2), get("J", "S1", 1000, 3), get("K", "S2", 1350, 4)),
		variant("B", get("K", "S", 350, 2), get("M", "S1", 500, 3), get("N", "S2", 950, 4), get("H", "S", 1200, 1)),
	}
}

func partM(Params) []Scenario {
	variant := func(name string, cure topo.Loops, fetches ...Fetch) Scenario {
		s := Scenario{Variant: name, Topo: loop(cure), Servers: []string{"S", "S1", "S2"}}
		for _, f := range fetches {
			s.Steps = append(s.Steps, Step{f})
		}
		return s
	}
	storm := variant(StormVariant, topo.LoopsStorm, get("H", "S", 0, 1))
	storm.Storm = true
	storm.Servers = []string{"S"}
	return []Scenario{
		variant("A", topo.LoopsSpanningTree, get("H", "S", 0, 1), get("I", "S", 0, 1), get("J", "S1", 0, 1), get("K", "S2", 0, 1)),
		variant("B", topo.LoopsSpanningTree, get("H", "S", 0, 1), get("K", "S", 0, 1), get("M", "S1", 0, 1), get("N", "S2", 0, 1)),
		storm,
	}
}

// get is one fetch of the tables in parts.md: the offset in milliseconds, one novel.
func get(client, server string, atMilliseconds int, novel int) Fetch {
	return Fetch{Client: client, Server: server, Novels: []int{novel}, At: time.Duration(atMilliseconds) * time.Millisecond}
}
