package sweep

import (
	"fmt"
	"strconv"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios/page"
)

// pageFile is the page of a sweep: one file that needs no other.
const pageFile = "sweep.html"

// document is the sweep's page: the figures, the table behind them, and the runs that do not count.
func document(p Plan, results []Result, rows []Row, figures []Figure, drawn [][]byte, command string) page.Document {
	passed := 0
	for _, r := range results {
		if r.Verdict == flow.Pass {
			passed++
		}
	}
	d := page.Document{
		Title: "Part " + p.Setup.Part + ", swept", Over: "wireproof sweep", Verdict: Verdict(p, results), Lead: p.Runs[0].Scenario.Title + ".",
		Facts: []page.Fact{
			{Value: strconv.Itoa(passed), Unit: fmt.Sprintf("of %d", len(p.Runs)), Name: "runs PASS"},
			{Value: strconv.Itoa(len(p.Points)), Name: "points"},
			{Value: strconv.Itoa(p.Setup.Repeat), Name: "runs of each"},
		},
		Foot: fmt.Sprintf("Seed %d, the next one for each round. %d at once. %s", p.Setup.Seed, p.Setup.Jobs, p.Setup.Machine),
	}
	pictures := page.Section{ID: "figures", Title: "Figures", Command: command, Text: []string{
		"Points are medians, bars reach from the first to the third quartile. Only runs whose verdict is PASS count. " + served(p.Setup),
	}}
	for i, f := range figures {
		pictures.Figures = append(pictures.Figures, page.Figure{Alt: f.words(), SVG: drawn[i]})
	}
	d.Sections = append(d.Sections, pictures, page.Section{ID: "points", Title: "Points", Tables: []page.Table{pointTable(p, rows)}})
	if passed < len(results) {
		d.Sections = append(d.Sections, page.Section{ID: "others", Title: "Runs that do not count", Tables: []page.Table{otherTable(results)}})
	}
	return d
}

// served says what was transferred in each run.
func served(s Setup) string {
	if s.Excerpt == 0 {
		return "Every run serves whole files."
	}
	return fmt.Sprintf("Every run serves the first %d bytes of each file.", s.Excerpt)
}

// words say what a figure shows, for those who do not see it.
func (f Figure) words() string {
	text := f.Y + " against " + f.X + "."
	for _, s := range f.Series {
		first, last := s.Places[0], s.Places[len(s.Places)-1]
		text += fmt.Sprintf(" %s: %s at %s, %s at %s.", s.Label, Short(first.Y.Median), f.valueName(first.X), Short(last.Y.Median), f.valueName(last.X))
	}
	return text
}

func pointTable(p Plan, rows []Row) page.Table {
	t := page.Table{Caption: "Quartiles of each point"}
	for _, name := range p.settingNames() {
		v, _ := variable(name)
		t.Columns = append(t.Columns, page.Column{Name: name, Number: v.Numeric()})
	}
	for _, name := range []string{"Runs", "PASS", "Bytes", "s, q1", "s, median", "s, q3", "Mbit/s, q1", "Mbit/s, median", "Mbit/s, q3"} {
		t.Columns = append(t.Columns, page.Column{Name: name, Number: true})
	}
	for _, row := range rows {
		var cells []page.Cell
		for _, s := range row.Point {
			if v, _ := variable(s.Name); v.Numeric() {
				cells = append(cells, page.Number(v.Number(s.Value), s.Value))
			} else {
				cells = append(cells, page.Text(s.Value))
			}
		}
		for _, n := range []int{row.Runs, row.Passed, int(row.Bytes)} {
			cells = append(cells, page.Number(float64(n), strconv.Itoa(n)))
		}
		for _, q := range []Quartiles{row.Seconds, row.MbitPerSecond} {
			for _, f := range []float64{q.Q1, q.Median, q.Q3} {
				cell := page.Number(f, Short(f))
				if row.Passed == 0 {
					cell.Text = "-"
				}
				cells = append(cells, cell)
			}
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func otherTable(results []Result) page.Table {
	t := page.Table{Caption: "Verdicts other than PASS", Columns: []page.Column{
		{Name: "Verdict"}, {Name: "Point"}, {Name: "Repeat", Number: true}, {Name: "Seed", Number: true}, {Name: "Reason"},
	}}
	for _, r := range results {
		if r.Verdict != flow.Pass {
			t.Rows = append(t.Rows, []page.Cell{
				{Verdict: r.Verdict, Sort: string(r.Verdict)}, page.Text(r.point().String()), page.Number(float64(r.Repeat), strconv.Itoa(r.Repeat)),
				page.Number(float64(r.Seed), strconv.FormatUint(r.Seed, 10)), page.Text(r.Reason),
			})
		}
	}
	return t
}

// Short is a measurement in three digits, for a table that people read.
func Short(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 1:
		return fmt.Sprintf("%.4f", f)
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
