package page

import (
	"fmt"
	"html"
	"html/template"
	"strconv"
	"strings"
)

// A drawing is SVG in the making. Everything that is not a number or a word of this package goes through text or title,
// which escape it.
//
// Charts have no viewBox: places along them are percentages, so that a chart is as wide as the page and its letters stay as
// large as the page's. Only paths, which know no percentages, lie in a box that is stretched.
type drawing struct{ b strings.Builder }

// put writes markup. args are numbers, and words of this package.
func (d *drawing) put(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// text writes a text at a place, which is a number of pixels or a percentage.
func (d *drawing) text(x, y, class, s string) {
	d.put(`<text x="%s" y="%s" class="%s">%s</text>`, x, y, class, html.EscapeString(s))
}

// title says what is under the pointer.
func (d *drawing) title(s string) { d.put("<title>%s</title>", html.EscapeString(s)) }

// open begins an SVG that shows what label says.
func (d *drawing) open(class, width string, height float64, label string) {
	d.put(`<svg class="%s" width="%s" height="%s" role="img" aria-label="%s">`, class, width, num(height), html.EscapeString(label))
}

func (d *drawing) html() template.HTML { return template.HTML(d.b.String()) }

// num writes a coordinate, as short as it can be.
func num(v float64) string { return strconv.FormatFloat(float64(int64(v*100))/100, 'f', -1, 64) }

// share writes a percentage.
func share(part, whole float64) string {
	if whole <= 0 {
		return "0%"
	}
	return num(100*part/whole) + "%"
}

// A path is drawn in a box of 1000 by 1000 with 0, 0 at the lower left.
type path struct {
	b    strings.Builder
	x, y int
}

func (p *path) move(x, y int) { p.step('M', x, y) }
func (p *path) line(x, y int) { p.step('L', x, y) }

func (p *path) step(command byte, x, y int) {
	y = 1000 - y
	switch {
	case command == 'L' && x == p.x && y == p.y:
		return
	case command == 'L' && y == p.y:
		fmt.Fprintf(&p.b, "h%d", x-p.x)
	case command == 'L' && x == p.x:
		fmt.Fprintf(&p.b, "v%d", y-p.y)
	case command == 'L':
		fmt.Fprintf(&p.b, "l%d %d", x-p.x, y-p.y)
	default:
		fmt.Fprintf(&p.b, "M%d %d", x, y)
	}
	p.x, p.y = x, y
}

// dot draws a point, where the line's ends are round.
func (p *path) dot(x, y int) {
	p.move(x, y)
	p.b.WriteString("h0")
}

func (p *path) empty() bool { return p.b.Len() == 0 }
