package topo

import "strconv"

// Pair is two hosts on one cable, without a switch:
//
//	h1 ── h2
func Pair() Topo {
	t := Topo{Name: "pair"}
	t.AddHost("h1", "h2").AddLink("h1", "h2")
	return t
}

// Single is n hosts on one switch, unshaped, as Mininet's SingleSwitchTopo:
//
//	[s1]─┬─ h1
//	     ├─ h2
//	     └─ hN
func Single(n int) Topo {
	t := Topo{Name: "single"}
	t.AddSwitch("s1")
	for i := range min(n, tooMany) {
		h := "h" + strconv.Itoa(i+1)
		t.AddHost(h).AddLink(h, "s1")
	}
	return t
}

// Linear is a chain of switches with a host at either end, every link the same:
//
//	h1 ── [s1] ── [s2] ── … ── [sN] ── h2
//
// With no switch the hosts are joined directly. (Mininet's LinearTopo has a host
// on every switch; this is the chain of part j.)
func Linear(switches int, p LinkParams) Topo {
	t := Topo{Name: "linear"}
	t.AddHost("h1", "h2")
	last := "h1"
	for i := range min(switches, tooMany) {
		s := "s" + strconv.Itoa(i+1)
		t.AddSwitch(s).AddLink(last, s, p)
		last = s
	}
	t.AddLink(last, "h2", p)
	return t
}

// Tree is a tree of switches, depth levels of them, each with fanout children,
// and hosts for leaves, every link the same. Nodes are named and links added
// depth first, as Mininet's TreeTopo does.
//
//	[s1]─┬─ [s2]─┬─ h1
//	     │       └─ h2
//	     └─ [s3]─┬─ h3
//	             └─ h4
func Tree(depth, fanout int, p LinkParams) Topo {
	t := Topo{Name: "tree"}
	var add func(depth int) string
	add = func(depth int) string {
		if depth <= 0 {
			h := "h" + strconv.Itoa(len(t.Hosts)+1)
			t.AddHost(h)
			return h
		}
		s := "s" + strconv.Itoa(len(t.Switches)+1)
		t.AddSwitch(s)
		for range fanout {
			if len(t.Hosts) >= tooMany || len(t.Switches) >= tooMany {
				break
			}
			t.AddLink(s, add(depth-1), p)
		}
		return s
	}
	// No tree deeper than this has few enough switches, and the call stack is finite.
	add(min(depth, tooMany))
	return t
}
