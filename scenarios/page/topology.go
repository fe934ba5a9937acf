package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"unicode/utf8"
)

// A topology is drawn twice, from the server to the right for wide windows and from the server down for narrow ones; the
// style shows the one that fits.

const (
	letter    = 6.4   // width of a letter of 11 pixels, with room to spare
	widest    = 1080. // of a wide drawing
	rowHeight = 46.
)

// drawTopology returns the drawings, and what all links have in common.
func drawTopology(r *result) (drawn template.HTML, common string) {
	g := newGraph(r)
	common, same := g.alike()
	wide, fits := g.wide(!same, false)
	if !fits {
		wide, fits = g.wide(!same, true)
	}
	if !fits {
		return template.HTML(`<div class="topology">`) + g.narrow(!same) + "</div>", common
	}
	return template.HTML(`<div class="topology onwide">`) + wide + template.HTML(`</div><div class="topology onnarrow">`) + g.narrow(!same) + "</div>", common
}

func (g *graph) describe() string {
	switches := 0
	for _, n := range g.nodes {
		if g.r.Hosts[n] == "" {
			switches++
		}
	}
	return fmt.Sprintf("Topology: %s, %s, %s. The table of links has the same figures.", count(len(g.nodes)-switches, "host"),
		count(switches, "switch", "switches"), count(len(g.r.Links), "link"))
}

// wide draws the tree to the right, with what passed in one line or in two. It does not fit where the tree is deep and much
// is written on it.
func (g *graph) wide(withAsked, stacked bool) (template.HTML, bool) {
	deepest, longest := 0, 0
	y := make(map[string]float64)
	row := 0.
	var place func(node string) float64
	place = func(node string) float64 {
		deepest = max(deepest, g.depth(node))
		list := g.children[node]
		if len(list) == 0 {
			y[node] = (row + .5) * rowHeight
			row++
			return y[node]
		}
		var first, last float64
		for i, b := range list {
			asked, passed := g.labels(b)
			for _, line := range lines(passed, stacked) {
				longest = max(longest, utf8.RuneCountInString(line))
			}
			if withAsked {
				longest = max(longest, utf8.RuneCountInString(asked))
			}
			last = place(b.to)
			if i == 0 {
				first = last
			}
		}
		y[node] = (first + last) / 2
		return y[node]
	}
	for _, node := range g.nodes {
		if _, placed := y[node]; !placed {
			place(node)
		}
	}
	const left, right = 66., 110.
	column := max(float64(longest)*letter+56, 96)
	if stacked {
		column = max(float64(longest)*letter+36, 96)
	}
	width := left + float64(deepest)*column + right
	if width > widest {
		return "", false
	}
	x := func(node string) float64 { return left + float64(g.depth(node))*column }
	height := row*rowHeight + 8
	var d drawing
	for _, i := range g.extra {
		l := g.r.Links[i]
		x1, y1, x2, y2 := x(l.A), y[l.A], x(l.B), y[l.B]
		if x1 == x2 {
			// Between the nodes and the bends of the links behind them, where nothing is written.
			d.put(`<path class="wire idle" d="M%s %sC%s %s %s %s %s %s">`, num(x1), num(y1), num(x1+30), num(y1), num(x2+30), num(y2), num(x2), num(y2))
		} else {
			// Below everything.
			height += 14
			d.put(`<path class="wire idle" d="M%s %sV%sH%sV%s">`, num(x1), num(y1), num(height-6), num(x2), num(y2))
		}
		d.title(l.A + "-" + l.B + ": not part of the tree")
		d.put("</path>")
	}
	for _, node := range g.nodes {
		for _, b := range g.children[node] {
			from, to := x(node), x(b.to)
			bend := from + 26
			d.put(`<path class="wire" stroke-width="%s" d="M%s %sH%sV%sH%s"/>`, num(g.thickness(b.link)), num(from), num(y[node]), num(bend), num(y[b.to]), num(to))
			asked, passed := g.labels(b)
			middle := num((bend + to - 8) / 2)
			if withAsked {
				d.text(middle, num(y[b.to]-8), "note m", asked)
			}
			for i, line := range lines(passed, stacked) {
				d.text(middle, num(y[b.to]+16+float64(i)*12), "note m soft", line)
			}
		}
	}
	for _, node := range g.nodes {
		leaf := len(g.children[node]) == 0
		g.node(&d, node, x(node), y[node])
		switch {
		case node == g.root:
			d.text(num(x(node)-13), num(y[node]+4), "name e", cut(node, 8))
			d.text(num(x(node)-13), num(y[node]+18), "note e soft", g.r.Hosts[node])
		case leaf:
			d.text(num(x(node)+13), num(y[node]), "name", cut(node, 14))
			d.text(num(x(node)+13), num(y[node]+14), "note soft", g.r.Hosts[node])
		default:
			d.text(num(x(node)), num(y[node]-13), "name m", cut(node, 8))
		}
	}
	d.put("</svg>")
	return g.frame(width, height) + d.html(), true
}

// frame opens a drawing.
func (g *graph) frame(width, height float64) template.HTML {
	var d drawing
	d.put(`<svg class="graph" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-label="%s">`,
		num(width), num(height), num(width), num(height), template.HTMLEscapeString(g.describe()))
	return d.html()
}

// lines parts what passed into its two directions, where there is no room for both beside each other.
func lines(passed string, stacked bool) []string {
	there, back, ok := strings.Cut(passed, " ←")
	if !stacked || !ok {
		return []string{passed}
	}
	_, unit, _ := strings.Cut(strings.TrimSpace(back), " ")
	return []string{there + " " + unit, "←" + back}
}

// thickness of a link's line: by the root of what it carried, so that little is still seen beside much.
func (g *graph) thickness(i int) float64 {
	if g.heaviest == 0 {
		return 1.5
	}
	return 1.5 + 5*math.Sqrt(float64(g.r.Links[i].load())/float64(g.heaviest))
}

// node draws a host as a circle, a server as a full one, a switch as a square.
func (g *graph) node(d *drawing, name string, x, y float64) {
	d.put("<g>")
	switch {
	case g.r.Hosts[name] == "":
		d.put(`<rect class="switch" x="%s" y="%s" width="14" height="14" rx="2"/>`, num(x-7), num(y-7))
		d.title("switch " + name)
	case g.serves(name):
		d.put(`<circle class="server" cx="%s" cy="%s" r="7"/>`, num(x), num(y))
		d.title("server " + name + ", " + g.r.Hosts[name])
	default:
		d.put(`<circle class="host" cx="%s" cy="%s" r="6.5"/>`, num(x), num(y))
		d.title("host " + name + ", " + g.r.Hosts[name])
	}
	d.put("</g>")
}

// narrow draws the tree downwards, a row for each node. An only child stands below its parent, so that a chain does not
// wander to the right.
func (g *graph) narrow(withAsked bool) template.HTML {
	const step, left, width = 18., 12., 324.
	x, y := make(map[string]float64), make(map[string]float64)
	var d, wires drawing
	for i, node := range g.nodes {
		y[node] = (float64(i) + .5) * rowHeight
		x[node] = left
	}
	for _, node := range g.nodes {
		for _, b := range g.children[node] {
			x[b.to] = x[node]
			if len(g.children[node]) > 1 {
				x[b.to] += step
			}
			wires.put(`<path class="wire" stroke-width="%s" d="M%s %sV%sH%s"/>`, num(min(g.thickness(b.link), 4.5)), num(x[node]), num(y[node]), num(y[b.to]), num(x[b.to]))
		}
	}
	height := float64(len(g.nodes)+len(g.extra))*rowHeight - float64(len(g.extra))*rowHeight/2
	d.b.WriteString(string(g.frame(width, height)))
	d.b.WriteString(wires.b.String())
	for _, node := range g.nodes {
		g.node(&d, node, x[node], y[node])
		d.put(`<text x="%s" y="%s"><tspan class="name">`, num(x[node]+13), num(y[node]))
		d.put(`%s</tspan> <tspan class="note soft" dx="4">%s</tspan></text>`, template.HTMLEscapeString(cut(node, 14)), template.HTMLEscapeString(g.r.Hosts[node]))
		if b, ok := g.parent[node]; ok {
			asked, passed := g.labels(b)
			if withAsked && asked != "" {
				passed = asked + " · " + passed
			}
			d.text(num(x[node]+13), num(y[node]+15), "note soft", cut(passed, int((width-x[node]-13)/letter)))
		}
	}
	for i, at := range g.extra {
		l := g.r.Links[at]
		d.text(num(left), num((float64(len(g.nodes))+float64(i)/2)*rowHeight+12), "note soft", "not in the tree: "+l.A+"-"+l.B)
	}
	d.put("</svg>")
	return d.html()
}
