package page

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/flow"
)

// IndexName is the name of the page with a row for each scenario.
const IndexName = "index.html"

// Index writes index.html in a folder of runs: a row for each folder in it that has a report, the worst verdicts first. The
// error has ErrNoReport in its chain where there is none.
func Index(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	var all []*result
	var broken []string
	for _, e := range entries {
		r, err := load(filepath.Join(out, e.Name()))
		switch {
		case err == nil:
			all = append(all, r)
		case !errors.Is(err, ErrNoReport) && e.IsDir():
			broken = append(broken, err.Error())
		}
	}
	if len(all)+len(broken) == 0 {
		return fmt.Errorf("page: %s: %w in any folder of it: run scenarios first", out, ErrNoReport)
	}
	return write(filepath.Join(out, IndexName), index(all, broken, others(out)))
}

// others are pages in the folder, and in those in it, that are not of scenarios, such as that of a sweep.
func others(out string) (all []Cell) {
	for _, pattern := range []string{"*.html", "*/*.html"} {
		found, _ := fs.Glob(os.DirFS(out), pattern)
		for _, name := range found {
			if base := filepath.Base(name); base != IndexName && base != Name {
				all = append(all, Cell{Text: name, Link: (&url.URL{Path: name}).EscapedPath()})
			}
		}
	}
	return all
}

func index(all []*result, broken []string, others []Cell) Document {
	count := map[flow.Verdict]int{}
	t := Table{Caption: "Each scenario, the worst verdicts first", Columns: []Column{
		{"Verdict", false}, {"Scenario", false}, {"Dialect", false}, {"Server", false}, {"Client", false},
		{"Connections", true}, {"Files", true}, {"Bytes", true}, {"Seconds", true}, {"Again", true}, {"Checks", true},
	}}
	rank := func(r *result) int {
		return slices.Index([]flow.Verdict{flow.Fail, flow.Inconclusive, flow.Pass}, r.Verdict)
	}
	slices.SortStableFunc(all, func(a, b *result) int { return cmp.Compare(rank(a), rank(b)) })
	worst := flow.Pass
	for _, r := range all {
		count[r.Verdict]++
		worst = flow.Worst(worst, r.Verdict)
		files, total := r.files()
		var again uint64
		for _, c := range r.Connections {
			again += c.Retransmissions
		}
		passed := 0
		for _, c := range r.Checks {
			if c.Verdict == flow.Pass {
				passed++
			}
		}
		name := Cell{Text: strings.TrimSuffix(r.Part+", "+r.Variant, ", ")}
		if r.kept(Name) != "" {
			name.Link = url.PathEscape(filepath.Base(r.dir)) + "/" + Name
		}
		t.Rows = append(t.Rows, []Cell{
			{Verdict: r.Verdict, Sort: fmt.Sprint(rank(r))}, name, Text(r.Dialect), Text(r.ServerModel), Text(r.ClientMode),
			Number(float64(len(r.Connections)), thousands(len(r.Connections))), Number(float64(files), thousands(files)), Number(float64(total), size(total)),
			Number(r.Seconds.Run, three(r.Seconds.Run)), Number(float64(again), thousands(again)),
			Number(float64(passed)-float64(len(r.Checks)), fmt.Sprintf("%d of %d", passed, len(r.Checks))),
		})
	}
	if len(broken) > 0 {
		worst = flow.Worst(worst, flow.Inconclusive)
	}
	d := Document{
		Title: "Scenarios", Over: "wireproof report", Verdict: worst,
		Facts:    []Fact{{thousands(count[flow.Pass]), "", "PASS"}, {thousands(count[flow.Fail]), "", "FAIL"}, {thousands(count[flow.Inconclusive]), "", "INCONCLUSIVE"}},
		Sections: []Section{{ID: "scenarios", Title: "All runs in this folder", Text: broken, Tables: []Table{t}}},
		Foot:     "A row for each folder that holds a report; its name is a link to its page.",
	}
	if len(others) > 0 {
		t := Table{Caption: "Pages that are not of one scenario", Columns: []Column{{"Page", false}}}
		for _, o := range others {
			t.Rows = append(t.Rows, []Cell{o})
		}
		d.Sections = append(d.Sections, Section{ID: "others", Title: "Other pages", Tables: []Table{t}})
	}
	return d
}
