package sweep

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/wireproof/wireproof/harness/flow"
)

// pageFile is the page of a sweep: one file that needs no other.
const pageFile = "sweep.html"

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageData is what the template shows.
type pageData struct {
	Title, Command, Served, Machine string
	Plan                            Plan
	Made, Passed                    int
	Figures                         []pageFigure
	Names                           []string // of the settings
	Rows                            []pageRow
	Others                          []pageOther
}

type pageFigure struct {
	Name, Title string
	SVG         template.HTML
}

type pageRow struct {
	Values        []string
	Passed, Runs  int
	Bytes         int64
	Seconds, Mbit pageQuartiles
}

type pageQuartiles struct{ Q1, Median, Q3 string }

type pageOther struct {
	Point, Reason string
	Repeat        int
	Seed          uint64
	Verdict       flow.Verdict
}

// writePage writes the page: the figures, the table behind them, and what did not count.
func writePage(w io.Writer, p Plan, results []Result, rows []Row, figures []Figure, drawn [][]byte, command string) error {
	data := pageData{
		Title: "part " + p.Setup.Part + ", swept: " + p.Runs[0].Scenario.Title, Command: command, Machine: p.Setup.Machine, Plan: p, Made: len(results), Names: p.settingNames(),
		Served: "whole files",
	}
	if p.Setup.Excerpt > 0 {
		data.Served = fmt.Sprintf("the first %d bytes of each file", p.Setup.Excerpt)
	}
	for i, f := range figures {
		_, body, _ := bytes.Cut(drawn[i], []byte("<svg")) // without the declaration of a file of its own
		data.Figures = append(data.Figures, pageFigure{f.Name, f.Title, template.HTML("<svg" + string(body))})
	}
	for _, row := range rows {
		shown := pageRow{Passed: row.Passed, Runs: row.Runs, Bytes: row.Bytes}
		for _, s := range row.Point {
			shown.Values = append(shown.Values, s.Value)
		}
		if row.Passed > 0 {
			shown.Seconds, shown.Mbit = shortly(row.Seconds), shortly(row.MbitPerSecond)
		}
		data.Rows = append(data.Rows, shown)
	}
	for _, r := range results {
		if r.Verdict == flow.Pass {
			data.Passed++
			continue
		}
		data.Others = append(data.Others, pageOther{r.point().String(), r.Reason, r.Repeat, r.Seed, r.Verdict})
	}
	return pageTemplate.Execute(w, data)
}

func shortly(q Quartiles) pageQuartiles {
	return pageQuartiles{Short(q.Q1), Short(q.Median), Short(q.Q3)}
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
