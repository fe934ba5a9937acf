package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// The files of a sweep's folder.
const (
	setupFile   = "sweep.json"
	resultsFile = "results.jsonl"
)

// A Journal keeps a sweep's results: a line of JSON for each run, written and synced before the next one starts. One process
// at a time has it open. It is not safe for concurrent use.
type Journal struct {
	// Changes says how the setup differs from the one that the folder had before, a line for each; the runs still compare.
	Changes []string
	// Mended says that the last line was cut (the machine stopped while it was written) and has been taken away.
	Mended bool

	file *os.File
	done map[string]Result // by key; the last one counts
}

// OpenJournal opens the results in a folder, and makes them where there are none. The error, marked scenarios.ErrUsage, says
// which of what was asked differs from what was asked before, where the runs would not compare, or that another sweep is at
// work there.
func OpenJournal(dir string, s Setup) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("results: %w: choose a folder that can be written", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, resultsFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("results: %w: choose a folder that can be written", err)
	}
	j := &Journal{file: file, done: map[string]Result{}}
	if err := j.open(dir, s); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

func (j *Journal) open(dir string, s Setup) error {
	switch err := unix.Flock(int(j.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("%w: %s: another sweep is writing there: wait for it, or choose another folder with --out", scenarios.ErrUsage, dir)
	case err != nil:
		return fmt.Errorf("results: lock: %w", err)
	}
	if err := j.agree(dir, s); err != nil {
		return err
	}
	return j.read()
}

// agree compares the setup with the one that the folder has, and writes it there where it may go on.
func (j *Journal) agree(dir string, s Setup) error {
	name := filepath.Join(dir, setupFile)
	text, err := os.ReadFile(name)
	if err == nil {
		var before Setup
		if err := json.Unmarshal(text, &before); err != nil {
			return fmt.Errorf("%w: %s is not what a sweep wrote (%w): choose another folder with --out", scenarios.ErrUsage, name, err)
		}
		if clashes := s.clashes(before); len(clashes) > 0 {
			return fmt.Errorf("%w: %s has a sweep whose runs would not compare with these: %s: give what was given then, or another folder with --out, or start anew with --fresh",
				scenarios.ErrUsage, dir, strings.Join(clashes, "; "))
		}
		j.Changes = s.changes(before)
	} else if !os.IsNotExist(err) {
		return fmt.Errorf("results: %w", err)
	}
	text, err = json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return replace(name, append(text, '\n'))
}

// read takes in the lines that are there. A last line that was cut is taken away; any other that cannot be read is an error.
func (j *Journal) read() error {
	text, err := io.ReadAll(j.file)
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if j.Mended = whole < len(text); j.Mended {
		if err := j.file.Truncate(int64(whole)); err != nil {
			return fmt.Errorf("results: take away a line that was cut: %w", err)
		}
	}
	n := 0
	for line := range bytes.Lines(text[:whole]) {
		n++
		var r Result
		err := json.Unmarshal(line, &r)
		if err == nil {
			err = r.sound()
		}
		if err != nil {
			return fmt.Errorf("%w: %s, line %d: %w: take the line away, or choose another folder with --out", scenarios.ErrUsage, j.file.Name(), n, err)
		}
		j.done[r.key()] = r
	}
	_, err = j.file.Seek(int64(whole), io.SeekStart)
	return err
}

// Add writes a result and syncs it to the disk.
func (j *Journal) Add(r Result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("results: %w: make room, and the same command goes on", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	j.done[r.key()] = r
	return nil
}

// Result returns what came of a run, if it was made.
func (j *Journal) Result(run Run) (Result, bool) {
	r, ok := j.done[key(run.Point, run.Repeat, run.Seed)]
	return r, ok
}

// Results returns what came of the runs of a plan, in its order; those that were not made are left out.
func (j *Journal) Results(p Plan) []Result {
	var all []Result
	for _, run := range p.Runs {
		if r, ok := j.Result(run); ok {
			all = append(all, r)
		}
	}
	return all
}

// Left returns the runs that are still to be made; again also makes those anew whose verdict was not PASS.
func (j *Journal) Left(p Plan, again bool) []Run {
	var left []Run
	for _, run := range p.Runs {
		if r, ok := j.Result(run); !ok || again && r.Verdict != flow.Pass {
			left = append(left, run)
		}
	}
	return left
}

// Close ends the use of the folder. Every result is on the disk already.
func (j *Journal) Close() error { return j.file.Close() }

// replace writes a file so that a reader, and the disk after a crash, has the old or the new content whole.
func replace(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
