package topo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Change is what becomes of a link's parameters for some time. Written as text it is
//
//	change = what when
//	what   = "down" | parameters                ; as ParseLinkParams reads them
//	when   = time ".." time | "from" time "to" time | "after" time
//
// such as "down 2s..3s", "10Mbit after 5s" or "loss=20%,delay=80ms from 1s to 4s". Times
// are Go's durations since the link's start.
type Change struct {
	// From is when the change comes.
	From time.Duration `json:"from_ns"`
	// To is when it ends, and what it replaced is back. Zero: it stays.
	To time.Duration `json:"to_ns,omitempty"`
	// Down cuts the link: everything sent is lost.
	Down bool `json:"down,omitempty"`
	// Set gives parameters other values, as ParseLinkParams reads them. What it does
	// not name stays as it is. Of changes that overlap, the later in the list wins.
	Set string `json:"set,omitempty"`
}

// String returns the change as ParseSchedule reads it.
func (c Change) String() string {
	what := c.Set
	if c.Down {
		what = "down"
	}
	if c.To == 0 {
		return what + " after " + c.From.String()
	}
	return what + " " + c.From.String() + ".." + c.To.String()
}

// ParseSchedule reads changes that are parted by semicolons. The error joins a *Mistake
// for each that cannot be read.
func ParseSchedule(text string) ([]Change, error) {
	var all []Change
	var m mistakes
	for _, part := range strings.Split(text, ";") {
		if c, ok := parseChange(strings.TrimSpace(part), &m); ok {
			all = append(all, c)
		}
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	return all, nil
}

// maxChanges bounds a schedule: what it leads to is checked at each of its times.
const maxChanges = 500

const wantChange = `write it like "down 2s..3s" or "10Mbit after 5s"`

func parseChange(text string, m *mistakes) (Change, bool) {
	where := fmt.Sprintf("change %q", clip(text))
	what, when, ok := cutWhen(text)
	if !ok {
		m.add(where, "it does not say what happens and when", wantChange)
		return Change{}, false
	}
	var c Change
	good := true
	for _, end := range []struct {
		text string
		at   *time.Duration
	}{{when[0], &c.From}, {when[1], &c.To}} {
		if end.text == "" {
			continue
		}
		at, err := time.ParseDuration(end.text)
		if err != nil {
			m.add(where, fmt.Sprintf("%q is no time", clip(end.text)), "write it like 2s, 1.5s or 300ms")
			good = false
		}
		*end.at = at
	}
	if good && when[1] != "" && c.To <= c.From {
		m.add(where, "it ends no later than it begins", "let it end after "+c.From.String()+`, or write "after `+c.From.String()+`"`)
		good = false
	}
	if strings.EqualFold(what, "down") {
		c.Down = true
		return c, good
	}
	before := len(*m)
	c.Set = canonicalSet(what, m, where)
	return c, good && len(*m) == before
}

// cutWhen parts a change in what happens and when it begins and ends.
func cutWhen(text string) (what string, when [2]string, ok bool) {
	words := strings.Fields(text)
	n := len(words)
	switch {
	case n >= 3 && strings.EqualFold(words[n-2], "after"):
		return strings.Join(words[:n-2], " "), [2]string{words[n-1]}, true
	case n >= 5 && strings.EqualFold(words[n-4], "from") && strings.EqualFold(words[n-2], "to"):
		return strings.Join(words[:n-4], " "), [2]string{words[n-3], words[n-1]}, true
	case n >= 2:
		from, to, ok := strings.Cut(words[n-1], "..")
		return strings.Join(words[:n-1], " "), [2]string{from, to}, ok && from != "" && to != ""
	}
	return "", when, false
}

// canonicalSet returns parameters as they print, or adds what is wrong with them.
func canonicalSet(text string, m *mistakes, where string) string {
	var p LinkParams
	items := p.apply(text, nil, m, where)
	for _, item := range items {
		if item.key == "trace" {
			m.add(where, "a schedule cannot change the trace", "give the trace to the link from the start")
		}
	}
	return printItems(p, items)
}

// At returns the parameters in force at time d since the link's start, without the
// schedule, and whether the link is down. p must be valid.
func (p LinkParams) At(d time.Duration) (now LinkParams, down bool) {
	now = p
	now.Schedule = nil
	for _, c := range p.Schedule {
		if d < c.From || c.To != 0 && d >= c.To {
			continue
		}
		if c.Down {
			down = true
			continue
		}
		var m mistakes // none: p is valid
		now.apply(c.Set, nil, &m, "")
	}
	return now, down
}

// Times returns when At changes, sorted, each once.
func (p LinkParams) Times() []time.Duration {
	var all []time.Duration
	for _, c := range p.Schedule {
		all = append(all, c.From)
		if c.To != 0 {
			all = append(all, c.To)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// checkSchedule adds what is wrong with the changes, and with what they lead to.
func (p LinkParams) checkSchedule(m *mistakes, where string, hosts []string) {
	before := len(*m)
	if n := len(p.Schedule); n > maxChanges {
		m.add(where, fmt.Sprintf("%d changes", n), fmt.Sprintf("have at most %d, or use a trace", maxChanges))
		return
	}
	for _, c := range p.Schedule {
		place := where + fmt.Sprintf(", change %q", clip(c.String()))
		if c.From < 0 || c.To < 0 || c.To != 0 && c.To <= c.From {
			m.add(place, "it ends no later than it begins, or begins before the start", "use times from 0 on, and an end after the beginning")
		}
		switch {
		case c.Down == (c.Set != ""):
			m.add(place, "it must either take the link down or set parameters", wantChange)
		case c.Set != "":
			canonicalSet(c.Set, m, place)
		}
	}
	if len(*m) > before || len(p.Schedule) == 0 {
		return
	}
	// What p itself has wrong is said already: only what a change makes wrong is new.
	var known mistakes
	base := p
	base.Schedule = nil
	base.check(&known, where, hosts)
	said := map[string]bool{}
	for _, mistake := range known {
		said[mistake.(*Mistake).What] = true
	}
	for _, at := range p.Times() {
		var found mistakes
		now, _ := p.At(at)
		now.check(&found, where+", from "+at.String()+" on", hosts)
		for _, mistake := range found {
			if what := mistake.(*Mistake).What; !said[what] {
				said[what] = true
				*m = append(*m, mistake)
			}
		}
	}
}
