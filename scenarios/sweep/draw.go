package sweep

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of a figure.
const (
	figureWidth  = 16 * vg.Centimeter
	figureHeight = 10 * vg.Centimeter
)

// style is what sets one line apart from the others, in colour, in dashes and in shape, so that it is told in print and by
// people who see no colours. The colours are those of Okabe and Ito's palette that stand out on white.
type style struct {
	color  color.RGBA
	dashes []vg.Length
	glyph  draw.GlyphDrawer
}

var styles = []style{
	{color.RGBA{0x00, 0x72, 0xb2, 0xff}, nil, draw.CircleGlyph{}},
	{color.RGBA{0xd5, 0x5e, 0x00, 0xff}, []vg.Length{6, 3}, draw.BoxGlyph{}},
	{color.RGBA{0x00, 0x9e, 0x73, 0xff}, []vg.Length{2, 2}, draw.PyramidGlyph{}},
	{color.RGBA{0xcc, 0x79, 0xa7, 0xff}, []vg.Length{8, 2, 2, 2}, draw.SquareGlyph{}},
	{color.RGBA{0x56, 0xb4, 0xe9, 0xff}, []vg.Length{10, 4}, draw.RingGlyph{}},
	{color.RGBA{0x00, 0x00, 0x00, 0xff}, []vg.Length{1, 3}, draw.TriangleGlyph{}},
}

// SVG draws the figure. The letters are text, in the reader's own sans-serif font where Liberation Sans is not there.
func (f Figure) SVG() ([]byte, error) {
	p := plot.New()
	f.letter(p)
	p.Add(&plotter.Grid{Vertical: light, Horizontal: light})
	for i, s := range f.Series {
		if err := f.add(p, s, styles[i%len(styles)]); err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
	}
	f.scale(p)
	canvas := vgsvg.NewWith(vgsvg.UseWH(figureWidth, figureHeight))
	p.Draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

var light = draw.LineStyle{Color: color.Gray{0xe0}, Width: vg.Points(0.5)}

func (f Figure) letter(p *plot.Plot) {
	sans := func(size vg.Length) font.Font {
		return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	}
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = f.Title+"\n"+f.Subtitle, f.X, f.Y
	p.Title.TextStyle.Font, p.Title.Padding = sans(11), vg.Points(8)
	p.X.Label.TextStyle.Font, p.Y.Label.TextStyle.Font = sans(10), sans(10)
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font, p.Legend.TextStyle.Font = sans(9), sans(9), sans(9)
	p.BackgroundColor = color.White
	p.Legend.ThumbnailWidth, p.Legend.Padding = vg.Points(30), vg.Points(2)
}

// add draws one line: the medians, and bars from the first to the third quartile.
func (f Figure) add(p *plot.Plot, s Series, look style) error {
	places := bars(s.Places)
	line, points, err := plotter.NewLinePoints(places)
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: look.color, Width: vg.Points(1.4), Dashes: look.dashes}
	points.GlyphStyle = draw.GlyphStyle{Color: look.color, Radius: vg.Points(3), Shape: look.glyph}
	spread, err := plotter.NewYErrorBars(places)
	if err != nil {
		return err
	}
	spread.LineStyle = draw.LineStyle{Color: look.color, Width: vg.Points(1)}
	spread.CapWidth = vg.Points(7)
	p.Add(spread)
	named := []plot.Thumbnailer{points}
	if f.Names == nil { // between names there is nothing
		p.Add(line)
		named = append(named, line)
	}
	p.Add(points)
	if s.Label != "" {
		p.Legend.Add(s.Label, named...)
	}
	return nil
}

// scale sets the axes, and puts the legend where it hides least.
func (f Figure) scale(p *plot.Plot) {
	if f.LogX {
		p.X.Scale = plot.LogScale{}
		p.X.Min, p.X.Max = p.X.Min/1.25, p.X.Max*1.25
	} else {
		room := max((p.X.Max-p.X.Min)*0.05, 0.1)
		p.X.Min, p.X.Max = p.X.Min-room, p.X.Max+room
	}
	p.X.Tick.Marker = plot.ConstantTicks(f.valueTicks())
	if f.LogY {
		p.Y.Scale = plot.LogScale{}
		p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
		p.Y.Tick.Marker = plot.TickerFunc(logTicks)
	} else {
		p.Y.Min = 0
		p.Y.Max *= 1.1
	}
	p.Legend.Top = true
	p.Legend.Left = !f.falls()
	p.Legend.XOffs = vg.Points(6)
	if !p.Legend.Left {
		p.Legend.XOffs = -vg.Points(6)
	}
}

// falls says whether the lines go down from left to right, all in all: then the legend has room on the right.
func (f Figure) falls() bool {
	var rise float64
	for _, s := range f.Series {
		rise += math.Log(s.Places[len(s.Places)-1].Y.Median / s.Places[0].Y.Median)
	}
	return rise < 0
}

// valueTicks marks the values that were measured. A label that would stand on the one before it is left out.
func (f Figure) valueTicks() []plot.Tick {
	var xs []float64
	for _, s := range f.Series {
		for _, place := range s.Places {
			xs = append(xs, place.X)
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	at := func(x float64) float64 {
		if f.LogX {
			return math.Log(x)
		}
		return x
	}
	apart := (at(xs[len(xs)-1]) - at(xs[0])) * 0.05
	var ticks []plot.Tick
	last := math.Inf(-1)
	for _, x := range xs {
		tick := plot.Tick{Value: x}
		if at(x)-last >= apart {
			tick.Label, last = f.valueName(x), at(x)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

func (f Figure) valueName(x float64) string {
	if f.Names != nil {
		return f.Names[int(x)]
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// logTicks labels 1, 2 and 5 of each decade where there are few decades, and 1 of each where there are many.
func logTicks(least, most float64) []plot.Tick {
	many := math.Log10(most/least) > 3
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(least)); e <= math.Ceil(math.Log10(most)); e++ {
		for digit := 1.0; digit < 10; digit++ {
			// The nearest number to the text: 3*10^-1 is not 0.3.
			text := strconv.FormatFloat(digit, 'f', 0, 64) + "e" + strconv.Itoa(int(e))
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < least || v > most {
				continue
			}
			tick := plot.Tick{Value: v}
			if digit == 1 || !many && (digit == 2 || digit == 5) {
				tick.Label = strconv.FormatFloat(v, 'f', -1, 64)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// bars are places as package plotter reads them.
type bars []Place

func (b bars) Len() int                    { return len(b) }
func (b bars) XY(i int) (float64, float64) { return b[i].X, b[i].Y.Median }
func (b bars) YError(i int) (float64, float64) {
	return b[i].Y.Median - b[i].Y.Q1, b[i].Y.Q3 - b[i].Y.Median
}
