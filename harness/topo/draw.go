package topo

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// drawWidth is what a drawing is kept within where that is possible: the
// terminal that everyone has.
const drawWidth = 80

// Draw returns a drawing of t for a terminal that shows UTF-8, ending in a
// newline, within 80 columns where the names allow it. Switches are in brackets,
// hosts have their address, and what is written on a link shapes each direction
// of it; where the two differ, → is what the left end sends and ← the right.
//
// A network with a loop is drawn as the tree that the spanning tree protocol
// finds when all its links cost the same, and the links beside the tree are
// listed under it, their ends marked. Draw also draws what Validate refuses.
func (t Topo) Draw() string {
	d := newDrawing(t)
	title := d.title()
	lines, fits := d.body()
	if same, ok := t.alike(); ok && !fits {
		d.bare = true // what all links share is said once, which leaves room
		lines, _ = d.body()
		if same.Shaped() {
			title += ", all " + same.String() + " in each direction"
		}
	} else if d.labelled() {
		title += "; figures are for each direction"
	}
	lines = append([]string{title, ""}, lines...)
	lines = append(lines, d.footnotes()...)
	return strings.Join(lines, "\n") + "\n"
}

func (d *drawing) title() string {
	name := d.t.Name
	if name == "" {
		name = "network"
	}
	if strings.IndexFunc(name, func(c rune) bool { return c < ' ' || c > '~' }) >= 0 {
		name = fmt.Sprintf("%+q", name)
	}
	return fmt.Sprintf("%s: %s, %s, %s", name, count(len(d.t.Hosts), "host"),
		count(len(d.t.Switches), "switch"), count(len(d.t.Links), "link"))
}

func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "ch"):
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// alike returns what shapes both directions of every link, if it is the same everywhere.
func (t Topo) alike() (LinkParams, bool) {
	for _, l := range t.Links {
		if !l.AB.Equal(t.Links[0].AB) || !l.BA.Equal(t.Links[0].AB) {
			return LinkParams{}, false
		}
	}
	if len(t.Links) == 0 {
		return LinkParams{}, false
	}
	return t.Links[0].AB, true
}

func (d *drawing) labelled() bool {
	for _, l := range d.t.Links {
		if l.AB.Shaped() && l.AB.Equal(l.BA) {
			return true
		}
	}
	return false
}

// label is what is written on a link, seen from its A end or from its B end.
func (d *drawing) label(link int, fromA bool) string {
	l := d.t.Links[link]
	switch there, back := l.AB, l.BA; {
	case d.bare || !there.Shaped() && !back.Shaped():
		return ""
	case there.Equal(back):
		return there.String()
	case fromA:
		return "→ " + there.String() + " ← " + back.String()
	default:
		return "→ " + back.String() + " ← " + there.String()
	}
}

// footnotes lists the links that are not in the tree.
func (d *drawing) footnotes() []string {
	var loops, more []string
	for i, link := range d.extra {
		l := d.t.Links[link]
		line := "  " + superscript(i+1) + " " + d.name[l.A] + d.cable(l.A, d.label(link, true), l.B) + d.name[l.B]
		if d.isSwitch[l.A] && d.isSwitch[l.B] {
			loops = append(loops, line)
		} else {
			more = append(more, line)
		}
	}
	var lines []string
	if len(loops) > 0 {
		fate := "refused unless Loops allows it"
		switch d.t.Loops {
		case LoopsSpanningTree:
			fate = "kept idle by the spanning tree"
		case LoopsStorm:
			fate = "with no spanning tree to cut it"
		}
		lines = append(lines, "", "beside the tree, closing a loop, "+fate+":")
		lines = append(lines, loops...)
	}
	if len(more) > 0 {
		lines = append(lines, "", "beside the tree, further links of hosts, which do not forward:")
		lines = append(lines, more...)
	}
	return lines
}

func superscript(n int) string {
	return strings.Map(func(c rune) rune { return []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[c-'0'] }, fmt.Sprint(n))
}

// cable is a link between two nodes on one line.
func (d *drawing) cable(left, label, right string) string {
	if label != "" {
		return " ── " + label + " ── "
	}
	before, after := " ", " "
	if d.bare && d.isSwitch[left] {
		before = ""
	}
	if d.bare && d.isSwitch[right] {
		after = ""
	}
	return before + "──" + after
}

func width(s string) int { return utf8.RuneCountInString(s) }
