package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/scenarios/sweep"
)

// A sweep that is stopped again and again, by Ctrl-C and by SIGKILL: no result is lost, none is there twice, and in the end
// all are there.
func TestSweepStoppedGoesOn(t *testing.T) {
	harnesstest.Require(t, "root")
	const runs = 24
	before := lookAround()
	dir := t.TempDir()
	files, out := filepath.Join(dir, "files"), filepath.Join(dir, "out")
	if err := os.MkdirAll(files, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(files, "zeros"), make([]byte, 50_000), 0o644); err != nil {
		t.Fatal(err)
	}
	start := func() (*program, mark) {
		m := newMark()
		cmd := exec.Command("wireproof", "sweep", "g", "--bw", "100,200,500", "--repeat", "4", "--files", files, "--out", out)
		cmd.Env = append(os.Environ(), string(m))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return startProgram(t, cmd), m
	}
	made := 0
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGKILL, os.Interrupt, syscall.SIGKILL} {
		p, m := start()
		if !eventually(func() bool { return len(resultLines(t, out)) >= made+3 }) {
			t.Fatalf("no new results: %s", p.stderr.String())
		}
		namespaces := m.namespaces()
		at := time.Now()
		p.signal(t, signal)
		status := p.status(t)
		made = len(resultLines(t, out))
		if signal == os.Interrupt {
			want := fmt.Sprintf("wireproof: interrupted: %d of %d runs are in %s: the same command goes on from there\n", made, runs, out)
			if said := p.stderr.String(); status != statusInconclusive || len(said) < len(want) || said[len(said)-len(want):] != want {
				t.Errorf("exit status %d, and it says %q, want %q", status, said, want)
			}
		}
		wantNothingLeft(t, m, namespaces, at, before)
	}
	p, _ := start()
	if status := p.status(t); status != statusPass {
		t.Errorf("exit status %d: %s", status, p.stderr.String())
	}
	lines := resultLines(t, out)
	seen := map[string]bool{}
	for _, r := range lines {
		seen[r.Name()] = true
	}
	if len(lines) != runs || len(seen) != runs {
		t.Errorf("%d results of %d runs, want %d of as many", len(lines), len(seen), runs)
	}
}

// resultLines are the whole lines of a sweep's results.
func resultLines(t *testing.T, out string) []sweep.Result {
	f, err := os.Open(filepath.Join(out, "results.jsonl"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []sweep.Result
	for s := bufio.NewScanner(f); s.Scan(); {
		var r sweep.Result
		if json.Unmarshal(s.Bytes(), &r) != nil {
			break // it is being written, or was cut
		}
		all = append(all, r)
	}
	return all
}
