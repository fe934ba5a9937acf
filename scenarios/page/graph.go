package page

import (
	"cmp"
	"slices"
)

// A graph is the topology of a report's links, seen as a tree that spreads from the server: data runs along it.
type graph struct {
	r        *result
	root     string
	nodes    []string // in the order of drawing
	children map[string][]branch
	extra    []int // links that are not in the tree: they close loops, or lead to what is drawn already
	parent   map[string]branch
	heaviest uint64 // bytes of both directions of one link
}

// A branch is a link seen from its nearer end.
type branch struct {
	to   string
	link int
	away bool // to is the link's B
}

func (l link) load() uint64 { return l.Sent.Bytes + l.SentBA.Bytes }

// newGraph spans the tree over the links that carried the most, as the spanning tree left them.
func newGraph(r *result) *graph {
	g := &graph{r: r, children: make(map[string][]branch), parent: make(map[string]branch)}
	order := make([]int, len(r.Links))
	for i := range order {
		order[i] = i
		g.heaviest = max(g.heaviest, r.Links[i].load())
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.Links[b].load(), r.Links[a].load()) })
	group := make(map[string]string)
	var find func(string) string
	find = func(n string) string {
		if up, ok := group[n]; ok && up != n {
			group[n] = find(up)
			return group[n]
		}
		return n
	}
	next := make(map[string][]branch)
	for _, i := range order {
		l := r.Links[i]
		a, b := find(l.A), find(l.B)
		if a == b {
			g.extra = append(g.extra, i)
			continue
		}
		group[a] = b
		next[l.A] = append(next[l.A], branch{l.B, i, true})
		next[l.B] = append(next[l.B], branch{l.A, i, false})
	}
	slices.Sort(g.extra)
	g.root = g.server()
	seen := make(map[string]bool)
	var grow func(node string)
	grow = func(node string) {
		seen[node] = true
		g.nodes = append(g.nodes, node)
		list := next[node]
		slices.SortStableFunc(list, func(a, b branch) int { return natural(a.to, b.to) })
		for _, b := range list {
			if !seen[b.to] {
				g.children[node] = append(g.children[node], b)
				g.parent[b.to] = b
				grow(b.to)
			}
		}
	}
	roots := []string{g.root}
	for _, l := range r.Links {
		roots = append(roots, l.A, l.B)
	}
	for _, node := range roots {
		if node != "" && !seen[node] {
			grow(node)
		}
	}
	return g
}

// server is the host that the first connection goes to, or the first that was captured, or the first there is.
func (g *graph) server() string {
	if len(g.r.Connections) > 0 {
		if name := g.r.host(g.r.Connections[0].Server); g.r.Hosts[name] != "" {
			return name
		}
	}
	for _, c := range g.r.Captures {
		if g.r.Hosts[c.Host] != "" {
			return c.Host
		}
	}
	if len(g.r.Links) > 0 {
		return g.r.Links[0].A
	}
	return ""
}

// serves says whether a host had connections made to it.
func (g *graph) serves(node string) bool {
	return slices.ContainsFunc(g.r.Connections, func(c connection) bool { return g.r.host(c.Server) == node })
}

// depth is how many links a node is from the root of its tree.
func (g *graph) depth(node string) int {
	n := 0
	for {
		b, ok := g.parent[node]
		if !ok {
			return n
		}
		l := g.r.Links[b.link]
		node = l.A
		if !b.away {
			node = l.B
		}
		n++
	}
}

// labels are what is written on a link: what was asked of it, and what passed, first away from the root.
func (g *graph) labels(b branch) (asked, passed string) {
	l := g.r.Links[b.link]
	there, back := l.Asked, l.back()
	sent, returned := l.Sent, l.SentBA
	if !b.away {
		there, back, sent, returned = back, there, returned, sent
	}
	switch {
	case there.Equal(back):
		asked = there.String()
	default:
		asked = "→ " + or(there.String(), "unshaped") + " ← " + or(back.String(), "unshaped")
	}
	unit := pick(float64(max(sent.Bytes, returned.Bytes)), byteScales)
	passed = "→ " + three(float64(sent.Bytes)/unit.of) + " ← " + three(float64(returned.Bytes)/unit.of) + " " + unit.unit
	return asked, passed
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// alike returns what every direction of every link was asked for, where that is the same.
func (g *graph) alike() (string, bool) {
	for _, l := range g.r.Links {
		if !l.Asked.Equal(g.r.Links[0].Asked) || !l.back().Equal(g.r.Links[0].Asked) {
			return "", false
		}
	}
	if len(g.r.Links) == 0 {
		return "", false
	}
	return g.r.Links[0].Asked.String(), true
}
