package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Figure is what one picture shows: a measure against a variable, a line for each combination of the others.
type Figure struct {
	Name     string // of the file, without extension: "throughput-against-bw"
	Title    string
	Subtitle string
	X, Y     string   // labels of the axes
	LogX     bool     // where the values span a decade and none is zero
	LogY     bool     //
	Names    []string // of the values at X = 0, 1, 2, …, where they lie on no scale
	Series   []Series
}

// A Series is one line of a figure.
type Series struct {
	Label  string
	Places []Place // by X, without those where no run passed
}

// A Place is a point of a line.
type Place struct {
	X    float64
	Y    Quartiles
	Runs int
}

// Figures returns what there is to draw: for each variable on a scale that varies one figure of throughput and one of completion time;
// where none does, those against the first that varies at all. It is empty where nothing passed or nothing varies.
func Figures(p Plan, rows []Row) []Figure {
	varying := p.Varying()
	var against []string
	for _, name := range varying {
		if v, ok := variable(name); ok && v.Numeric() {
			against = append(against, name)
		}
	}
	if len(against) == 0 && len(varying) > 0 {
		against = varying[:1]
	}
	var all []Figure
	for _, name := range against {
		for _, m := range measures {
			if f := figure(p, rows, name, m); len(f.Series) > 0 {
				all = append(all, f)
			}
		}
	}
	return all
}

// A measure is something that a row has quartiles of.
type measure struct {
	name, title, label string
	of                 func(Row) Quartiles
}

var measures = []measure{
	{"throughput", "throughput", "throughput of a client, Mbit/s", func(r Row) Quartiles { return r.MbitPerSecond }},
	{"seconds", "completion time", "completion time, s", func(r Row) Quartiles { return r.Seconds }},
}

func figure(p Plan, rows []Row, against string, m measure) Figure {
	v, _ := variable(against)
	f := Figure{
		Name: m.name + "-against-" + against, Title: fmt.Sprintf("part %s: %s against %s", p.Setup.Part, m.title, axisWords(against)),
		Subtitle: subtitle(p, rows), X: v.Label, Y: m.label,
	}
	if !v.Numeric() {
		f.X = against
	}
	others := slices.DeleteFunc(p.Varying(), func(name string) bool { return name == against })
	for _, row := range rows {
		x := v.Number
		if !v.Numeric() {
			x = func(text string) float64 {
				if !slices.Contains(f.Names, text) {
					f.Names = append(f.Names, text)
				}
				return float64(slices.Index(f.Names, text))
			}
		}
		place := Place{X: x(row.Point.Value(against)), Y: m.of(row), Runs: row.Passed}
		if row.Passed == 0 {
			continue
		}
		label := label(row.Point, others)
		i := slices.IndexFunc(f.Series, func(s Series) bool { return s.Label == label })
		if i < 0 {
			i = len(f.Series)
			f.Series = append(f.Series, Series{Label: label})
		}
		f.Series[i].Places = append(f.Series[i].Places, place)
	}
	var xs, ys []float64
	for _, s := range f.Series {
		slices.SortFunc(s.Places, func(a, b Place) int { return cmp.Compare(a.X, b.X) })
		for _, place := range s.Places {
			xs, ys = append(xs, place.X), append(ys, place.Y.Q1, place.Y.Q3)
		}
	}
	f.LogX, f.LogY = v.Numeric() && decades(xs), decades(ys)
	return f
}

func axisWords(name string) string {
	switch name {
	case "bw":
		return "bandwidth"
	case "hops":
		return "the number of switches"
	case "buffer":
		return "the buffer"
	case "server":
		return "the server model"
	case "congestion":
		return "congestion control"
	}
	return name
}

// subtitle says what the points are made of.
func subtitle(p Plan, rows []Row) string {
	least, most := -1, 0
	for _, row := range rows {
		if row.Passed > 0 && (least < 0 || row.Passed < least) {
			least = row.Passed
		}
		most = max(most, row.Passed)
	}
	text := fmt.Sprintf("medians and quartiles of %d runs", most)
	switch {
	case most == 1:
		text = "one run each"
	case least < most:
		text = fmt.Sprintf("medians and quartiles of %d to %d runs", least, most)
	}
	switch {
	case p.Setup.Excerpt > 0 && p.Setup.Excerpt%1024 == 0:
		text += fmt.Sprintf(", the first %d KiB of each file", p.Setup.Excerpt/1024)
	case p.Setup.Excerpt > 0:
		text += fmt.Sprintf(", the first %d bytes of each file", p.Setup.Excerpt)
	}
	return text
}

// label names a line by what sets it apart.
func label(p Point, names []string) string {
	var words []string
	for _, name := range names {
		text := p.Value(name)
		if v, ok := variable(name); ok && v.Numeric() {
			text = name + " " + text
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

// decades says whether values need a logarithmic axis, and can have one.
func decades(values []float64) bool {
	return len(values) > 0 && slices.Min(values) > 0 && slices.Max(values) >= 10*slices.Min(values)
}
