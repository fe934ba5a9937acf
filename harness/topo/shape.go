package topo

import (
	"fmt"
	"slices"
	"strings"
)

// parts is a union-find over the nodes of a topology.
type parts map[string]string

func (p parts) root(n string) string {
	for {
		up, ok := p[n]
		if !ok {
			return n
		}
		if over, ok := p[up]; ok {
			p[n] = over // halve the path
		}
		n = up
	}
}

// join reports whether a and b were in different parts, and makes one of them.
func (p parts) join(a, b string) bool {
	a, b = p.root(a), p.root(b)
	if a == b {
		return false
	}
	p[a] = b
	return true
}

// checkShape checks that the links join everything that has a link into one
// part, and that no loop of switches is there without having been asked for.
// A host does not forward, so a ring that goes through one is no loop.
func (t Topo) checkShape(m *mistakes) {
	isSwitch := make(map[string]bool, len(t.Switches))
	isNode := make(map[string]bool)
	for _, s := range t.Switches {
		isSwitch[s.Name], isNode[s.Name] = true, true
	}
	for _, h := range t.Hosts {
		isNode[h.Name] = true
		delete(isSwitch, h.Name) // a name taken twice
	}
	if t.Loops < LoopsRefused || t.Loops > LoopsStorm {
		m.add("topology", t.Loops.String()+" is unknown", "use LoopsRefused, LoopsSpanningTree or LoopsStorm")
	}
	all, forwarding := parts{}, parts{}
	trunk := make(map[string][]string) // the switches next to each, without the links that close a loop
	linked := make(map[string]bool)
	for _, l := range t.Links {
		if !isNode[l.A] || !isNode[l.B] || l.A == l.B {
			continue // reported as a mistake of the link
		}
		linked[l.A], linked[l.B] = true, true
		all.join(l.A, l.B)
		if !isSwitch[l.A] || !isSwitch[l.B] {
			continue
		}
		if forwarding.join(l.A, l.B) {
			trunk[l.A] = append(trunk[l.A], l.B)
			trunk[l.B] = append(trunk[l.B], l.A)
		} else if t.Loops == LoopsRefused {
			loop := append(path(trunk, l.A, l.B), l.A)
			for i, name := range loop {
				loop[i] = quoted(name)
			}
			m.add("link "+quoted(l.A)+"-"+quoted(l.B), "closes the loop "+strings.Join(loop, "-"),
				"leave it out, or set Loops to LoopsSpanningTree, or to LoopsStorm to see the storm")
		}
	}
	var roots []string
	members := make(map[string][]string)
	for _, name := range append(t.hostNames(), t.switchNames()...) {
		if !linked[name] {
			continue // reported as a node without a link
		}
		linked[name] = false // a name taken twice is listed once
		root := all.root(name)
		if members[root] == nil {
			roots = append(roots, root)
		}
		members[root] = append(members[root], name)
	}
	if len(roots) > 1 {
		var said []string
		for _, root := range roots {
			said = append(said, "("+list(members[root])+")")
		}
		m.add("topology", fmt.Sprintf("falls into %d parts that no link joins: %s", len(roots), list(said)), "link them, or bring them up as networks of their own")
	}
}

// path returns the way from a to b over next, both included.
func path(next map[string][]string, a, b string) []string {
	from := map[string]string{a: a}
	for queue := []string{a}; len(queue) > 0; queue = queue[1:] {
		for _, n := range next[queue[0]] {
			if _, ok := from[n]; !ok {
				from[n] = queue[0]
				queue = append(queue, n)
			}
		}
	}
	way := []string{b}
	for at := b; at != a; {
		up, ok := from[at]
		if !ok {
			return []string{a, b}
		}
		at = up
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}
