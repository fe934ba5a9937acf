package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"
)

const (
	laneHeight = 20 // of a connection's bar with its space, in pixels
	barHeight  = 15
	rowGap     = 10
	maxLanes   = 400 // bars beneath each other
)

// timeline draws a row for each client and a bar for each connection, with the files in it. numbers gives each file's number in
// the list below.
func timeline(r *result, numbers map[string]int) template.HTML {
	first, last := r.span()
	span := max(last.Sub(first), time.Microsecond)
	var d drawing
	rows := clients(r)
	height := 0.0
	for i := range rows {
		rows[i].y = height + rowGap/2
		height += float64(len(rows[i].lanes)*laneHeight + rowGap)
	}
	unit := pick(span.Seconds(), timeScales)
	d.put(`<div class="chart timeline" data-span="%g" data-time="%s" data-height="%s" data-top="0"><svg class="scale" width="52" height="%s" aria-hidden="true">`,
		span.Seconds()/unit.of, unit.unit, num(height), num(height+axisHeight))
	for _, row := range rows {
		d.text("46", num(row.y+float64(len(row.lanes)*laneHeight)/2+2), "who e", cut(row.client, 7))
	}
	d.put("</svg>")
	d.open("area", "100%", height+axisHeight, fmt.Sprintf("Timeline of %s of %s over %s",
		count(len(r.Connections), "connection"), count(len(rows), "client"), seconds(span)))
	for i, v := range nice(span.Seconds()/unit.of, 5) {
		at := v * unit.of / span.Seconds()
		d.put(`<line class="grid" x1="%s" x2="%s" y1="0" y2="%s"/>`, share(at, 1), share(at, 1), num(height))
		class, text := "tick m", three(v)
		switch {
		case i == 0:
			class = "tick"
			text += " " + unit.unit
		case at > .96:
			class = "tick e"
		}
		d.text(share(at, 1), num(height+16), class, text)
	}
	for _, row := range rows {
		d.put(`<line class="grid" x1="0" x2="100%%" y1="%s" y2="%s"/>`, num(row.y-rowGap/2), num(row.y-rowGap/2))
		for lane, list := range row.lanes {
			for _, i := range list {
				bar(&d, r, i, row.y+float64(lane*laneHeight), first, span, numbers)
			}
		}
	}
	d.put("</svg></div>")
	return d.html()
}

// bar draws one connection: a line from its first to its last packet, and upon it a box for each file.
func bar(d *drawing, r *result, i int, y float64, first time.Time, span time.Duration, numbers map[string]int) {
	c := r.Connections[i]
	at := func(t time.Time) float64 { return float64(t.Sub(first)) / float64(span) }
	if i < maxPlotted {
		d.put(`<a href="#c%d" aria-label="connection %d">`, i+1, i+1)
	} else {
		d.put("<a>")
	}
	d.put(`<rect class="conn" x="%s" y="%s" height="%d" style="width:max(%s,3px)"/>`,
		share(at(c.First), 1), num(y), barHeight, share(at(c.Last)-at(c.First), 1))
	d.title(fmt.Sprintf("%d: %s to %s, %s, %s", i+1, r.host(c.Client), r.host(c.Server), size(c.BytesToClient), seconds(c.Last.Sub(c.First))))
	for k, f := range c.Found {
		x, w := at(f.Time), at(f.LastTime)-at(f.Time)
		n := numbers[f.Name]
		d.put(`<g><rect class="file f%d" x="%s" y="%s" height="%d" style="width:max(%s,2px)"/>`, k%2, share(x, 1), num(y), barHeight, share(w, 1))
		if n > 0 && w > .035 {
			d.text(share(x+w/2, 1), num(y+barHeight-4), "infile m", fmt.Sprint(n))
		}
		d.title(fmt.Sprintf("file %d, %s: %s in %s", n, f.Name, size(uint64(f.Size)), seconds(f.LastTime.Sub(f.Time))))
		d.put("</g>")
	}
	d.put("</a>")
}

// A client is a row of the timeline: its connections, those at the same time in lanes.
type client struct {
	client string
	lanes  [][]int
	y      float64
}

func clients(r *result) []client {
	byName := make(map[string][]int)
	for i, c := range r.Connections[:min(len(r.Connections), maxRows)] {
		name := r.host(c.Client)
		byName[name] = append(byName[name], i)
	}
	var rows []client
	total := 0
	for name, list := range byName {
		slices.SortStableFunc(list, func(a, b int) int { return r.Connections[a].First.Compare(r.Connections[b].First) })
		row := client{client: name}
		var ends []time.Time
		for _, i := range list {
			c := r.Connections[i]
			lane := slices.IndexFunc(ends, func(t time.Time) bool { return t.Before(c.First) })
			if lane < 0 {
				lane = len(ends)
				ends = append(ends, c.Last)
				row.lanes = append(row.lanes, nil)
			}
			ends[lane] = c.Last
			row.lanes[lane] = append(row.lanes[lane], i)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b client) int { return natural(a.client, b.client) })
	for i := range rows {
		if total += len(rows[i].lanes); total > maxLanes {
			rows[i].lanes = rows[i].lanes[:max(len(rows[i].lanes)-(total-maxLanes), 1)]
		}
	}
	return rows
}

// numbered gives each file of the connections a number, in the order in which they were first seen.
func numbered(r *result) (numbers map[string]int, names []string) {
	type seen struct {
		name string
		at   time.Time
	}
	numbers = make(map[string]int)
	var all []seen
	for _, c := range r.Connections {
		for _, f := range c.Found {
			all = append(all, seen{f.Name, f.Time})
		}
	}
	slices.SortStableFunc(all, func(a, b seen) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	for _, s := range all {
		if numbers[s.name] == 0 {
			names = append(names, s.name)
			numbers[s.name] = len(names)
		}
	}
	return numbers, names
}

// cut shortens a name to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	if n < 2 {
		return "…"
	}
	return string(r[:n-1]) + "…"
}
