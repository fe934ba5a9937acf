package topo

import (
	"cmp"
	"slices"
)

// A drawing is a topology seen as a forest, and the links that are not in it.
type drawing struct {
	t        Topo
	bare     bool // links are drawn short and without what is written on them
	isSwitch map[string]bool
	name     map[string]string // a node's name as it is drawn
	addr     map[string]string // a host's addresses, after its name
	mark     map[string]string // the footnotes of a node
	links    map[string][]edge // by node, in the order of the links
	roots    []string          // one for each part
	children map[string][]edge // the tree
	extra    []int             // links that are not in the tree
	rank     map[string]int    // order of the nodes: switches as they are numbered, then the rest
}

// An edge is a link seen from one of its ends.
type edge struct {
	to    string
	link  int
	fromA bool
}

func newDrawing(t Topo) *drawing {
	d := &drawing{
		t: t, isSwitch: make(map[string]bool), name: make(map[string]string),
		addr: make(map[string]string), mark: make(map[string]string), links: make(map[string][]edge), children: make(map[string][]edge), rank: number(t.switchNames()),
	}
	for _, s := range t.Switches {
		d.isSwitch[s.Name] = true
		d.name[s.Name] = "[" + quoted(s.Name) + "]"
	}
	nodes := t.switchNames()
	numbers := number(t.hostNames())
	for _, h := range t.Hosts {
		if d.isSwitch[h.Name] {
			continue
		}
		d.name[h.Name] = quoted(h.Name)
		addr := addr4(numbers[h.Name]).Addr()
		if h.Addr.IsValid() {
			addr = h.Addr.Addr()
		}
		d.addr[h.Name] = " " + addr.String()
		if t.IPv6 {
			d.addr[h.Name] += " " + addr6(numbers[h.Name]).Addr().String()
		}
		nodes = append(nodes, h.Name)
	}
	for i, l := range t.Links {
		for _, name := range []string{l.A, l.B} {
			if _, ok := d.name[name]; !ok {
				d.name[name] = quoted(name) + "?"
				nodes = append(nodes, name)
			}
		}
		d.links[l.A] = append(d.links[l.A], edge{l.B, i, true})
		if l.A != l.B {
			d.links[l.B] = append(d.links[l.B], edge{l.A, i, false})
		}
	}
	for _, name := range nodes {
		if _, ok := d.rank[name]; !ok {
			d.rank[name] = len(d.rank) + 1
		}
	}
	d.grow(nodes)
	return d
}

// grow finds the forest. Among the switches of one distance from the root, the
// one with the lowest number claims a neighbour, and by its lowest port: what
// the spanning tree protocol comes to (br_should_become_designated_port and
// br_should_become_root_port in net/bridge/br_stp.c) when all links cost the same
// and the numbers order the bridge identifiers.
func (d *drawing) grow(nodes []string) {
	seen, used := make(map[string]bool), make(map[int]bool)
	byRank := func(a, b string) int { return cmp.Compare(d.rank[a], d.rank[b]) }
	slices.SortStableFunc(nodes, byRank)
	for _, node := range nodes {
		if seen[node] {
			continue
		}
		root := d.end(node)
		d.roots = append(d.roots, root)
		seen[root] = true
		level, edge := []string{root}, []string(nil) // edge: nodes that do not forward wait until switches are done
		for len(level) > 0 {
			slices.SortStableFunc(level, byRank)
			var next []string
			for _, at := range level {
				for _, e := range d.links[at] {
					if seen[e.to] {
						continue
					}
					seen[e.to], used[e.link] = true, true
					d.children[at] = append(d.children[at], e)
					if d.isSwitch[e.to] {
						next = append(next, e.to)
					} else {
						edge = append(edge, e.to)
					}
				}
			}
			if level = next; len(level) == 0 {
				level, edge = edge, nil
			}
		}
	}
	for i, l := range d.t.Links {
		if used[i] {
			continue
		}
		d.extra = append(d.extra, i)
		mark := superscript(len(d.extra))
		ends := []string{l.A, l.B}
		for _, name := range slices.Compact(ends) {
			if d.mark[name] != "" {
				d.mark[name] += "·"
			}
			d.mark[name] += mark
		}
	}
}

// end returns the node to draw first in the part that node is in: an end of it,
// a host if there is one, if the part is a chain, and node itself otherwise.
func (d *drawing) end(node string) string {
	var ends []string
	seen := map[string]bool{node: true}
	for queue := []string{node}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if len(d.links[at]) > 2 {
			return node
		}
		if len(d.links[at]) == 1 {
			ends = append(ends, at)
		}
		for _, e := range d.links[at] {
			if !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, e.to)
			}
		}
	}
	if len(ends) == 0 {
		return node
	}
	return slices.MinFunc(ends, func(a, b string) int {
		if d.isSwitch[a] != d.isSwitch[b] {
			if d.isSwitch[a] {
				return 1
			}
			return -1
		}
		return cmp.Compare(d.rank[a], d.rank[b])
	})
}

// text is what stands for a node in the tree.
func (d *drawing) text(node string) string {
	return d.name[node] + d.mark[node] + d.addr[node]
}
