package page

import (
	"time"
)

// A chart has time along it and one quantity up.
type chart struct {
	label  string        // what it shows, in a sentence
	span   time.Duration // along
	high   float64       // up, from 0
	scales []scale       // of what is up
	height float64       // of the plot, in pixels
	curves []curve
	marks  []chartMark
}

type curve struct {
	class string
	path  *path
}

// A chartMark is a vertical line with a short text at its head.
type chartMark struct {
	at   time.Duration
	text string
	full string // what the text stands for
}

const axisHeight = 22

// x is where a time lies, of 1000.
func (c *chart) x(t time.Duration) int { return thousandth(float64(t), float64(c.span)) }

// y is where a value lies, of 1000.
func (c *chart) y(v float64) int { return thousandth(v, c.high) }

func thousandth(v, of float64) int {
	if of <= 0 {
		return 0
	}
	return int(min(max(v/of, 0), 1)*1000 + .5)
}

// draw returns the chart: its scale to the left, and what is beside it.
func (c *chart) draw(d *drawing) {
	up := pick(c.high, c.scales)
	along := pick(c.span.Seconds(), timeScales)
	const top = 18.
	bottom := top + c.height
	d.put(`<div class="chart" data-span="%g" data-time="%s" data-of="%g" data-high="%g" data-unit="%s" data-top="%s" data-height="%s">`,
		c.span.Seconds()/along.of, along.unit, up.of, c.high/up.of, up.unit, num(top), num(c.height))
	lines := nice(c.high/up.of, max(2, int(c.height/40)))
	d.put(`<svg class="scale" width="52" height="%s" aria-hidden="true">`, num(bottom+axisHeight))
	d.text("46", num(top-7), "tick e", up.unit)
	for _, v := range lines {
		y := bottom - v*up.of/max(c.high, 1e-12)*c.height
		d.text("46", num(min(max(y+4, top+6), bottom+3)), "tick e", three(v))
	}
	d.put("</svg>")
	d.open("area", "100%", bottom+axisHeight, c.label)
	for _, v := range lines {
		y := num(bottom - v*up.of/max(c.high, 1e-12)*c.height)
		d.put(`<line class="grid" x1="0" x2="100%%" y1="%s" y2="%s"/>`, y, y)
	}
	ticks := nice(c.span.Seconds()/along.of, 5)
	for i, v := range ticks {
		at := v * along.of / max(c.span.Seconds(), 1e-12)
		class, text := "tick m", three(v)
		switch {
		case i == 0:
			class = "tick"
			text += " " + along.unit
		case at > .96:
			class = "tick e"
		}
		d.text(share(at, 1), num(bottom+16), class, text)
	}
	for _, m := range c.marks {
		x := share(float64(m.at), float64(c.span))
		d.put(`<g><line class="mark" x1="%s" x2="%s" y1="%s" y2="%s"/>`, x, x, num(top), num(bottom))
		d.text(x, num(top-5), "tick", m.text)
		d.title(m.full)
		d.put("</g>")
	}
	d.put(`<svg y="%s" width="100%%" height="%s" viewBox="0 0 1000 1000" preserveAspectRatio="none" overflow="visible">`, num(top), num(c.height))
	for _, curve := range c.curves {
		if !curve.path.empty() {
			d.put(`<path class="%s" d="%s"/>`, curve.class, curve.path.b.String())
		}
	}
	d.put("</svg></svg></div>")
}
