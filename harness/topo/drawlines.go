package topo

import (
	"fmt"
	"strings"
)

// body draws every part of the network, and reports whether it fits.
func (d *drawing) body() (lines []string, fits bool) {
	fits = true
	for i, root := range d.roots {
		if i > 0 {
			lines = append(lines, "")
		}
		part, ok := d.part(root)
		lines, fits = append(lines, part...), fits && ok
	}
	return lines, fits
}

// part draws the tree under root: as a tree that grows to the right where that
// fits, as an outline otherwise.
func (d *drawing) part(root string) (lines []string, fits bool) {
	if depth, ok := d.depth(root); ok && depth <= drawWidth {
		lines = d.tree(root)
		if fit(lines) {
			return lines, true
		}
	}
	return d.outline(root, "", ""), false
}

func fit(lines []string) bool {
	for _, line := range lines {
		if width(line) > drawWidth {
			return false
		}
	}
	return true
}

// depth returns how many nodes deep the tree is, if it is no deeper than the
// drawing is wide.
func (d *drawing) depth(root string) (int, bool) {
	level := []string{root}
	for deep := 0; deep <= drawWidth; deep++ {
		var next []string
		for _, at := range level {
			for _, e := range d.children[at] {
				next = append(next, e.to)
			}
		}
		if len(next) == 0 {
			return deep + 1, true
		}
		level = next
	}
	return 0, false
}

// A branch is what hangs on one line of a fork: a child, or the mention of many.
type branch struct {
	label string
	node  string
	lines []string
}

// branches returns the children of a node. Many hosts in a row that hang on links
// of the same kind are shown as the first three, how many more, and the last.
func (d *drawing) branches(node string) []branch {
	const most = 12
	var all []branch
	children := d.children[node]
	label := func(e edge) string { return d.label(e.link, e.fromA) }
	for i := 0; i < len(children); i++ {
		e := children[i]
		run := i
		for run < len(children) && !d.isSwitch[children[run].to] && len(d.links[children[run].to]) == 1 &&
			label(children[run]) == label(e) {
			run++
		}
		all = append(all, branch{label: label(e), node: e.to})
		if run-i <= most {
			continue
		}
		for _, e := range children[i+1 : i+3] {
			all = append(all, branch{label: label(e), node: e.to})
		}
		all = append(all, branch{label: label(e), lines: []string{fmt.Sprintf("… %d more hosts …", run-i-4)}})
		all = append(all, branch{label: label(e), node: children[run-1].to})
		i = run - 1
	}
	return all
}

// lead is the piece of line before a child, with its label, as wide as the
// widest label beside it.
func lead(label string, widest int) string {
	switch {
	case widest == 0:
		return "─ "
	case label == "":
		return "─" + strings.Repeat("─", widest+3) + " "
	default:
		return "─ " + label + " " + strings.Repeat("─", widest-width(label)+2) + " "
	}
}

func widest(branches []branch) int {
	w := 0
	for _, b := range branches {
		w = max(w, width(b.label))
	}
	return w
}

// tree draws a node and what hangs on it to the right:
//
//	[s1] ─┬─ 1Gbit ─── [s2] ─┬─ h1
//	      └─ 10Mbit ── h3    └─ h2
//
// except that each leaf has a line to itself.
func (d *drawing) tree(node string) []string {
	text := d.text(node)
	branches := d.branches(node)
	if len(branches) == 0 {
		return []string{text}
	}
	if len(branches) == 1 {
		first := text + d.cable(node, branches[0].label, branches[0].node)
		return hang(first, strings.Repeat(" ", width(first)), d.tree(branches[0].node))
	}
	var lines []string
	w := widest(branches)
	indent := strings.Repeat(" ", width(text)+2)
	for i, b := range branches {
		block := b.lines
		if block == nil {
			block = d.tree(b.node)
		}
		stem := lead(b.label, w)
		rest := strings.Repeat(" ", width(stem))
		switch i {
		case 0:
			block = hang(text+" ─┬"+stem, indent+"│"+rest, block)
		case len(branches) - 1:
			block = hang(indent+"└"+stem, indent+" "+rest, block)
		default:
			block = hang(indent+"├"+stem, indent+"│"+rest, block)
		}
		lines = append(lines, block...)
	}
	return lines
}

// hang puts first before the first line of block and rest before the others.
func hang(first, rest string, block []string) []string {
	lines := make([]string, len(block))
	for i, line := range block {
		if i == 0 {
			lines[i] = first + line
		} else {
			lines[i] = rest + line
		}
	}
	return lines
}

// outline draws a node and under it, indented, what hangs on it. First stands
// before the node, and rest before every line under it. A chain stays on the
// line, and is folded where there is no more room on it.
func (d *drawing) outline(node, first, rest string) []string {
	lines := []string{first + d.text(node)}
	branches := d.branches(node)
	for len(branches) == 1 {
		child := branches[0].node
		piece := d.cable(node, branches[0].label, child) + d.text(child)
		last := &lines[len(lines)-1]
		if width(*last)+width(piece) > drawWidth {
			lines = append(lines, rest+"    "+strings.TrimLeft(piece, " "))
		} else {
			*last += piece
		}
		node, branches = child, d.branches(child)
	}
	w := widest(branches)
	for i, b := range branches {
		turn, down := "├", "│  "
		if i == len(branches)-1 {
			turn, down = "└", "   "
		}
		stem := rest + turn + lead(b.label, w)
		if b.lines != nil {
			lines = append(lines, hang(stem, rest+down, b.lines)...)
		} else {
			lines = append(lines, d.outline(b.node, stem, rest+down)...)
		}
	}
	return lines
}
