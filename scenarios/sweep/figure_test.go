package sweep

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/flow"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// known is a sweep whose figures are known: run n of a point took the point's own time and n seconds more.
func known(t *testing.T, values map[string][]string, repeat int, own func(Point) float64) (Plan, []Result) {
	t.Helper()
	p := mustPlan(t, Setup{Part: "g", Values: values, Repeat: repeat})
	var results []Result
	for _, run := range p.Runs {
		results = append(results, resultOf(run, own(run.Point)+float64(run.Repeat)))
	}
	return p, results
}

// By the inclusive method, that of a spreadsheet's QUARTILE.
func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Quartiles
	}{
		{[]float64{7}, Quartiles{7, 7, 7, 7, 7}},
		{[]float64{2, 1}, Quartiles{1, 1.25, 1.5, 1.75, 2}},
		{[]float64{5, 3, 1, 4, 2}, Quartiles{1, 2, 3, 4, 5}},
		{[]float64{1, 2, 3, 4}, Quartiles{1, 1.75, 2.5, 3.25, 4}},
	} {
		if got := quartiles(c.values); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.values, got, c.want)
		}
	}
}

// Only what passed counts.
func TestSummaryLeavesOutWhatDidNotPass(t *testing.T) {
	p, results := known(t, map[string][]string{"bw": {"1", "10"}}, 3, func(Point) float64 { return 0 })
	for i, r := range results {
		if r.Set["bw"] == "10" || r.Repeat == 3 {
			results[i].Verdict = flow.Inconclusive
			results[i].Seconds = 1000
		}
	}
	rows := Summarize(p, results)
	if rows[0].Runs != 3 || rows[0].Passed != 2 || rows[0].Seconds.Median != 1.5 || rows[0].Seconds.Most != 2 {
		t.Errorf("two of three passed: %+v", rows[0])
	}
	if rows[1].Runs != 3 || rows[1].Passed != 0 || rows[1].Seconds != (Quartiles{}) {
		t.Errorf("none passed: %+v", rows[1])
	}
	figures := Figures(p, rows)
	if len(figures) != 2 || len(figures[0].Series) != 1 || len(figures[0].Series[0].Places) != 1 {
		t.Errorf("figures %+v, want one place in each", figures)
	}
}

// A figure for each variable on a scale, a line for each combination of the others, logarithms where values span decades.
func TestFigures(t *testing.T) {
	own := func(p Point) float64 {
		if p.Value("dialect") == "lockstep" {
			return 100
		}
		return 0
	}
	p, results := known(t, map[string][]string{"bw": {"100", "1", "10"}, "delay": {"0s", "5ms"}, "dialect": {"both"}}, 3, own)
	figures := Figures(p, Summarize(p, results))
	var names []string
	for _, f := range figures {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"throughput-against-bw", "seconds-against-bw", "throughput-against-delay", "seconds-against-delay"}, names); diff != "" {
		t.Fatal(diff)
	}
	seconds := figures[1]
	var labels []string
	for _, s := range seconds.Series {
		labels = append(labels, s.Label)
	}
	if diff := cmp.Diff([]string{"delay 0s, stream", "delay 0s, lockstep", "delay 5ms, stream", "delay 5ms, lockstep"}, labels); diff != "" {
		t.Error(diff)
	}
	want := []Place{{X: 1, Runs: 3}, {X: 10, Runs: 3}, {X: 100, Runs: 3}}
	for i := range want {
		want[i].Y = Quartiles{101, 101.5, 102, 102.5, 103}
	}
	if diff := cmp.Diff(want, seconds.Series[1].Places); diff != "" {
		t.Error(diff)
	}
	if !seconds.LogX || !seconds.LogY {
		t.Errorf("1 to 100 Mbit/s and 1 to 103 s: axes of logarithms %v, %v", seconds.LogX, seconds.LogY)
	}
	if figures[3].LogX {
		t.Error("a delay of 0 has no place on an axis of logarithms")
	}
}

// Names lie on no scale.
func TestFiguresOfNames(t *testing.T) {
	p, results := known(t, map[string][]string{"server": {"fork", "thread"}}, 2, func(Point) float64 { return 1 })
	figures := Figures(p, Summarize(p, results))
	if len(figures) != 2 || !slices.Equal(figures[0].Names, []string{"fork", "thread"}) || figures[0].LogX {
		t.Errorf("%+v", figures)
	}
	if p, results := known(t, map[string][]string{"server": {"fork"}}, 2, func(Point) float64 { return 1 }); len(Figures(p, Summarize(p, results))) > 0 {
		t.Error("nothing varies, and there is a figure")
	}
}

// Every kind of figure can be drawn, and what is drawn is well-formed and has what it is about.
func TestPicturesAreDrawn(t *testing.T) {
	for name, values := range map[string]map[string][]string{
		"logarithms": {"bw": {"1", "10", "1000"}, "dialect": {"both"}}, "linear": {"loss": {"0", "1", "2"}}, "names": {"server": {"fork", "thread"}},
		"one value each": {"delay": {"1ms", "2ms"}, "dialect": {"both"}, "server": {"fork", "thread"}, "congestion": {"cubic", "reno"}},
	} {
		p, results := known(t, values, 3, func(p Point) float64 { return float64(len(p.String())) })
		for _, f := range Figures(p, Summarize(p, results)) {
			svg, err := f.SVG()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			text := wellFormed(t, name, svg)
			for _, want := range append([]string{f.X, f.Y, f.Title, f.Subtitle}, labelsOf(f)...) {
				if !strings.Contains(text, want) {
					t.Errorf("%s: %s does not say %q", name, f.Name, want)
				}
			}
			if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
				t.Errorf("%s: %s has coordinates that are no numbers", name, f.Name)
			}
		}
	}
}

func labelsOf(f Figure) []string {
	var all []string
	for _, s := range f.Series {
		all = append(all, s.Label)
	}
	return append(all, f.Names...)
}

// wellFormed reads XML to its end, and returns its text.
func wellFormed(t *testing.T, name string, document []byte) string {
	t.Helper()
	var text strings.Builder
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
			text.WriteByte('\n')
		}
	}
}

func TestLogTicks(t *testing.T) {
	labels := func(least, most float64) (all []string) {
		for _, tick := range logTicks(least, most) {
			if tick.Label != "" {
				all = append(all, tick.Label)
			}
		}
		return all
	}
	if diff := cmp.Diff([]string{"0.1", "0.2", "0.5", "1", "2"}, labels(0.1, 3)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0.001", "0.01", "0.1", "1", "10"}, labels(0.0009, 11)); diff != "" {
		t.Error(diff)
	}
}

// The folder has tables that a spreadsheet reads, and a page that needs no other file.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	p, results := known(t, map[string][]string{"bw": {"1", "10"}, "dialect": {"both"}}, 2, func(Point) float64 { return 1 })
	results[0].Verdict, results[0].Reason = flow.Fail, `wire: "Shogun.txt" is <not> there, at all`
	names, err := Write(dir, p, results[:7], "wireproof sweep g --bw 1,10")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"runs.csv", "summary.csv", "throughput-against-bw.svg", "seconds-against-bw.svg", "sweep.html"}, names); diff != "" {
		t.Error(diff)
	}
	runs := table(t, filepath.Join(dir, "runs.csv"))
	if len(runs) != 8 || !slices.Equal(runs[0], []string{"part", "bw", "dialect", "repeat", "seed", "verdict", "seconds", "mbit_per_second", "bytes", "connections", "retransmissions", "reason"}) ||
		runs[1][11] != results[0].Reason {
		t.Errorf("%q", runs)
	}
	summary := table(t, filepath.Join(dir, "summary.csv"))
	if len(summary) != 5 || summary[0][8] != "seconds_median" {
		t.Errorf("%q", summary)
	}
	page, err := os.ReadFile(filepath.Join(dir, "sweep.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"data:image/svg", "throughput of a client, Mbit/s against rate of every link, Mbit/s. stream: ", "wireproof sweep g --bw 1,10", "runs PASS", "is &lt;not&gt; there", "FAIL",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func table(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The time left is of the points that are left, not an average of all.
func TestEstimate(t *testing.T) {
	p := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}, Repeat: 3})
	e := newEstimate(nil)
	if got := e.of(p.Runs, 1); got != 0 {
		t.Errorf("before the first run %v are left", got)
	}
	for _, run := range p.Runs[:2] {
		r := resultOf(run, 1)
		if r.WallSeconds = 2; r.Set["bw"] == "1" {
			r.WallSeconds = 20
		}
		e.add(r)
	}
	if got := e.of(p.Runs[2:], 1); got.Round(time.Millisecond) != 44*time.Second {
		t.Errorf("%v are left, want 44s", got)
	}
	if got := e.of(p.Runs[2:], 2); got.Round(time.Millisecond) != 22*time.Second {
		t.Errorf("%v are left with two at once, want 22s", got)
	}
	if math.Signbit(e.of(nil, 1).Seconds()) {
		t.Error("negative")
	}
}
