package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// resultOf is what a run came to in these tests: figures that differ from run to run.
func resultOf(run Run, seconds float64) Result {
	r := newResult(run, scenarios.Report{Verdict: flow.Pass}, epoch, 0)
	r.Seconds, r.MbitPerSecond, r.Bytes = seconds, 1/seconds, 1000
	return r
}

func mustOpen(t *testing.T, dir string, s Setup) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// What was made is not made again, whatever else is asked for later; and nothing but that is left out.
func TestASweepGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	small := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}, Repeat: 2})
	j := mustOpen(t, dir, small.Setup)
	for i, run := range small.Runs[:3] {
		if err := j.Add(resultOf(run, float64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, small.Setup)
	if left := j.Left(small, false); len(left) != 1 || key(left[0].Point, left[0].Repeat, left[0].Seed) != key(small.Runs[3].Point, small.Runs[3].Repeat, small.Runs[3].Seed) {
		t.Errorf("left are %v, want the fourth", left)
	}
	if len(j.Changes) > 0 || j.Mended {
		t.Errorf("the same setup has changes %q, mended %v", j.Changes, j.Mended)
	}
	_ = j.Close()

	large := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"100", "10", "1"}}, Repeat: 4})
	j = mustOpen(t, dir, large.Setup)
	if n := len(j.Left(large, false)); n != 12-3 {
		t.Errorf("%d runs are left of a larger sweep, want 9", n)
	}
	if got, want := strings.Join(j.Changes, "; "), "--repeat was 2, is 4; --bw was 1,10, is 100,10,1"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
}

func TestRunsThatWereNotPassAreMadeAnew(t *testing.T) {
	p := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}})
	j := mustOpen(t, t.TempDir(), p.Setup)
	bad := resultOf(p.Runs[1], 1)
	bad.Verdict = flow.Inconclusive
	for _, r := range []Result{resultOf(p.Runs[0], 1), bad} {
		if err := j.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(j.Left(p, false)); n != 0 {
		t.Errorf("%d runs are left", n)
	}
	if left := j.Left(p, true); len(left) != 1 || left[0].Point.String() != p.Runs[1].Point.String() {
		t.Errorf("to be made anew: %v", left)
	}
	if got := Verdict(p, j.Results(p)); got != flow.Inconclusive {
		t.Errorf("the sweep is %s", got)
	}
	if err := j.Add(resultOf(p.Runs[1], 2)); err != nil {
		t.Fatal(err)
	}
	if got := Verdict(p, j.Results(p)); got != flow.Pass {
		t.Errorf("made anew, the sweep is %s", got)
	}
	if got := Verdict(p, j.Results(p)[:1]); got != flow.Inconclusive {
		t.Errorf("with a run that was not made, the sweep is %s", got)
	}
}

// A machine that stopped while a line was written: the line goes, all before it count.
func TestALineThatWasCutIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	p := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}})
	j := mustOpen(t, dir, p.Setup)
	for _, run := range p.Runs {
		if err := j.Add(resultOf(run, 1)); err != nil {
			t.Fatal(err)
		}
	}
	_ = j.Close()
	name := filepath.Join(dir, resultsFile)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.IndexByte(string(whole), '\n') + 1
	for cut := first; cut < len(whole); cut += 7 {
		if err := os.WriteFile(name, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		j := mustOpen(t, dir, p.Setup)
		if n := len(j.Results(p)); n != 1 || j.Mended != (cut > first) {
			t.Errorf("cut at %d: %d results, mended %v", cut, n, j.Mended)
		}
		if err := j.Add(resultOf(p.Runs[1], 1)); err != nil {
			t.Fatal(err)
		}
		_ = j.Close()
		if got, _ := os.ReadFile(name); string(got) != string(whole) {
			t.Fatalf("cut at %d and gone on, the file is %q, want %q", cut, got, whole)
		}
	}
	if err := os.WriteFile(name, append([]byte("nonsense\n"), whole...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir, p.Setup); !errors.Is(err, scenarios.ErrUsage) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a line that is none of ours: %v", err)
	}
}

// Runs that would not compare are refused, with everything that differs.
func TestJournalRefusesWhatDoesNotCompare(t *testing.T) {
	before := Setup{Part: "g", Values: map[string][]string{"bw": {"1"}}, Repeat: 1, Seed: 1, Jobs: 1, Fixed: map[string]string{"nagle": "true", "client": "persistent"}, Machine: "a 286"}
	for want, change := range map[string]func(*Setup){
		"the part was g, is h": func(s *Setup) { s.Part = "h" },
		"--seed was 1, is 2":   func(s *Setup) { s.Seed = 2 },
		"--jobs was 1, is 4":   func(s *Setup) { s.Jobs = 4 },
		"the number of bytes served of each file was all, is 5":                                                 func(s *Setup) { s.Excerpt = 5 },
		"--client was persistent, is not given; --nagle was true, is not given; --whole was not given, is true": func(s *Setup) { s.Fixed = map[string]string{"whole": "true"} },
		"the machine was a 286, is a 386":                                                                       func(s *Setup) { s.Machine = "a 386" },
	} {
		dir := t.TempDir()
		_ = mustOpen(t, dir, before).Close()
		s := before
		change(&s)
		_, err := OpenJournal(dir, s)
		if !errors.Is(err, scenarios.ErrUsage) || !strings.Contains(fmt.Sprint(err), ": "+want+": ") {
			t.Errorf("%v, want %q", err, want)
		}
		if j, err := OpenJournal(dir, before); err != nil {
			t.Errorf("after %q was refused, what was there does not open: %v", want, err)
		} else {
			_ = j.Close()
		}
		if err := Fresh(dir); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, dir, s)
	}
}

func TestOneSweepAtATime(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Setup{Part: "g"})
	if _, err := OpenJournal(dir, Setup{Part: "g"}); !errors.Is(err, scenarios.ErrUsage) || !strings.Contains(err.Error(), "another sweep is writing there") {
		t.Errorf("a second sweep in one folder: %v", err)
	}
	_ = j.Close()
	mustOpen(t, dir, Setup{Part: "g"})
}

// Whatever stands in the folder, it is read or refused; and what was read once is read again.
func FuzzJournal(f *testing.F) {
	p, err := NewPlan(Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}})
	if err != nil {
		f.Fatal(err)
	}
	line, err := json.Marshal(resultOf(p.Runs[0], 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"part":"g","repeat":1,"seed":1,"jobs":1}`), append(line, '\n'))
	f.Add([]byte(`{"part":"g","repeat":1,"seed":1,"jobs":1}`), bytes.Replace(append(line, '\n'), []byte(`"seconds":1`), []byte(`"seconds":1e308`), 1))
	f.Add([]byte(`{}`), []byte("{}\n{\"set\":null}\n{\"set\""))
	f.Fuzz(func(t *testing.T, setup, results []byte) {
		dir := t.TempDir()
		for name, content := range map[string][]byte{setupFile: setup, resultsFile: results} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		j, err := OpenJournal(dir, p.Setup)
		if err != nil {
			if !errors.Is(err, scenarios.ErrUsage) {
				t.Fatalf("%v is no ErrUsage", err)
			}
			return
		}
		first := len(j.done)
		if err := j.Add(resultOf(p.Runs[1], 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := Write(dir, p, j.Results(p), ""); err != nil {
			t.Fatal(err)
		}
		_ = j.Close()
		again := mustOpen(t, dir, p.Setup)
		if n := len(again.done); n != first && n != first+1 {
			t.Errorf("%d results, then %d", first, n)
		}
	})
}
