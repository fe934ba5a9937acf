package topo

import (
	"slices"
	"strconv"
	"strings"
)

// LinkNames returns the name of each link: "h1-s1", and "h1-s1#2" for a second link between
// the same two. Chance is keyed by it.
func (t Topo) LinkNames() []string {
	names := make([]string, len(t.Links))
	count := make(map[[2]string]int, len(t.Links))
	for i, l := range t.Links {
		pair := [2]string{min(l.A, l.B), max(l.A, l.B)}
		count[pair]++
		names[i] = l.String()
		if n := count[pair]; n > 1 {
			names[i] += "#" + strconv.Itoa(n)
		}
	}
	return names
}

// SetLink changes the parameters of links as text says:
//
//	h1-s1:delay=10ms,loss=1%      both directions of a link
//	h1>s1:rate=1Mbit              what h1 sends
//	all:delay=5ms                 both directions of every link
//
// What the text does not name stays as it is. A second link between two nodes is h1-s1#2,
// or h1>s1#2. The error joins a *Mistake for everything that cannot be read, a link that
// does not exist among it; t is unchanged then. Ranges are for Validate, but for
// those in a text that has other mistakes.
func (t *Topo) SetLink(text string, open TraceOpener) error {
	return t.setLinks(text, "link", "h1-s1:delay=10ms,loss=1%", func(params string, m *mistakes, where string) func(*LinkParams) {
		var p LinkParams
		p.apply(params, open, m, where)
		if m.err() != nil {
			p.checkNumbers(m, where) // Validate will not see them, since nothing is changed
		}
		return func(l *LinkParams) {
			var said mistakes // already; the file of a trace is not read again
			items := l.apply(params, nil, &said, where)
			if slices.ContainsFunc(items, func(i linkItem) bool { return i.key == "trace" }) {
				l.Trace = p.Trace
			}
		}
	})
}

// SetSchedule gives links the changes that text says, in place of those they have:
//
//	h1-s1: down 2s..3s; 10Mbit after 5s
//
// Links are named as in SetLink, and changes are as ParseSchedule reads them. The error
// joins a *Mistake for everything that cannot be read; t is unchanged then.
func (t *Topo) SetSchedule(text string) error {
	return t.setLinks(text, "schedule", "h1-s1: down 2s..3s; 10Mbit after 5s", func(changes string, m *mistakes, where string) func(*LinkParams) {
		all, err := ParseSchedule(changes)
		for _, mistake := range Mistakes(err) {
			m.add(where+", "+mistake.Where, mistake.What, mistake.Remedy)
		}
		return func(l *LinkParams) { l.Schedule = slices.Clone(all) }
	})
}

// setLinks parts text at its colon, finds the links before it, and does to them what read
// makes of the rest.
func (t *Topo) setLinks(text, kind, example string, read func(rest string, m *mistakes, where string) func(*LinkParams)) error {
	var m mistakes
	name, rest, ok := strings.Cut(text, ":")
	name = strings.TrimSpace(name)
	if !ok {
		m.add(kind+" "+strconv.QuoteToASCII(clip(text)), "there is no colon behind a link's name", "write it like "+example)
		return m.err()
	}
	where := kind + " " + quotedLink(name)
	found := t.findLinks(name)
	if len(found) == 0 {
		t.noLink(name, where, &m)
	}
	change := read(strings.TrimSpace(rest), &m, where)
	if err := m.err(); err != nil {
		return err
	}
	t.Links = slices.Clone(t.Links) // may be shared with the topology that this one is a copy of
	for _, d := range found {
		if d.ab {
			change(&t.Links[d.link].AB)
		}
		if d.ba {
			change(&t.Links[d.link].BA)
		}
	}
	return nil
}

// directions are one link and those of its directions that are meant.
type directions struct {
	link   int
	ab, ba bool
}

// findLinks returns what a name means: nothing, one link, one direction of it, or all.
// Names of nodes may have a dash, so it is compared with the links there are.
func (t Topo) findLinks(name string) []directions {
	if name == "all" {
		all := make([]directions, len(t.Links))
		for i := range all {
			all[i] = directions{i, true, true}
		}
		return all
	}
	names := t.LinkNames()
	for i, l := range t.Links {
		number := strings.TrimPrefix(names[i], l.String())
		switch name {
		case l.A + "-" + l.B + number, l.B + "-" + l.A + number:
			return []directions{{i, true, true}}
		case l.A + ">" + l.B + number:
			return []directions{{i, true, false}}
		case l.B + ">" + l.A + number:
			return []directions{{i, false, true}}
		}
	}
	return nil
}

func (t Topo) noLink(name, where string, m *mistakes) {
	names := t.LinkNames()
	remedy := "there are " + list(names)
	if n := nearest(strings.ReplaceAll(name, ">", "-"), names); n != "" {
		remedy = "did you mean " + n + "? " + remedy
	}
	m.add(where, "there is no such link", remedy)
}

// quotedLink returns the name of a link as it is where that is legible.
func quotedLink(name string) string {
	if goodName(strings.NewReplacer(">", "", "#", "").Replace(name)) {
		return clip(name)
	}
	return strconv.QuoteToASCII(clip(name))
}
