package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// Options say how the runs of a plan are made.
type Options struct {
	Dir     string           // the sweep's folder; required
	Corpus  scenarios.Corpus // what is served; required
	Timeout time.Duration    // of one run; zero: scenarios' own
	Again   bool             // make those runs anew that were not PASS
	Keep    bool             // keep the captures and files of every run; zero: of those that are not PASS
	Program string           // whose main calls peers.Main; zero: this program
	On      func(Event)      // told of each run when it ends, one call at a time; may be nil
}

// An Event is one run that has ended.
type Event struct {
	Run         Run
	Result      Result
	Done, Total int           // runs of this plan, with those made before
	Left        time.Duration // until all are made, as far as the runs made so far tell
}

// Do makes the runs of the plan that the journal lacks, and adds their results to it. When ctx ends, the runs under way are
// given up and not recorded, and Do returns the context's cause. The error may also be one that no other run could escape: wrong usage, a
// machine that cannot, a full disk. A run whose verdict is not PASS is no error.
func Do(ctx context.Context, p Plan, j *Journal, o Options) error {
	left := j.Left(p, o.Again)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		mu    sync.Mutex
		fatal error
		group sync.WaitGroup
		slots = make(chan struct{}, max(p.Setup.Jobs, 1))
		guess = newEstimate(j.Results(p))
	)
	for i, run := range left {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			result, err := one(ctx, run, o)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && ctx.Err() == nil {
				err = j.Add(result)
			}
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				fatal = err
				stop(err)
				return
			}
			guess.add(result)
			if o.On != nil {
				o.On(Event{
					Run: run, Result: result, Done: len(p.Runs) - len(j.Left(p, false)), Total: len(p.Runs),
					Left: guess.of(left[min(i+1, len(left)):], max(p.Setup.Jobs, 1)),
				})
			}
		})
	}
	group.Wait()
	if fatal != nil {
		return fatal
	}
	return context.Cause(ctx)
}

// one makes one run. Its folder is named by its point, so that what is kept can be found.
func one(ctx context.Context, run Run, o Options) (Result, error) {
	dir := runDir(o.Dir, run)
	began := time.Now()
	reports, err := scenarios.RunAll(ctx, []scenarios.Scenario{run.Scenario},
		scenarios.Options{Out: dir, Corpus: o.Corpus, Timeout: o.Timeout, Program: o.Program}, 1, nil)
	if err != nil {
		return Result{}, errors.Join(err, os.RemoveAll(dir))
	}
	result := newResult(run, reports[0], began.UTC().Truncate(time.Millisecond), time.Since(began))
	if ctx.Err() != nil || result.Verdict == flow.Pass && !o.Keep {
		err = os.RemoveAll(dir)
	}
	return result, err
}

func runDir(dir string, run Run) string {
	name := strings.NewReplacer(" ", "_", "/", "-").Replace(run.Point.String())
	return filepath.Join(dir, "runs", name+"_repeat="+strconv.Itoa(run.Repeat))
}

// Verdict is the worst of all runs of the plan: those that were not made are INCONCLUSIVE.
func Verdict(p Plan, results []Result) flow.Verdict {
	var all []flow.Verdict
	for _, r := range results {
		all = append(all, r.Verdict)
	}
	if len(results) < len(p.Runs) {
		all = append(all, flow.Inconclusive)
	}
	return flow.Worst(all...)
}

// Fresh takes away what an earlier sweep left in a folder: its results, setup, figures and kept runs, and nothing else.
func Fresh(dir string) error {
	var errs []error
	names := []string{setupFile, resultsFile, summaryFile, runsFile, pageFile}
	figures, err := filepath.Glob(filepath.Join(dir, "*-against-*.svg"))
	errs = append(errs, err)
	for _, name := range names {
		figures = append(figures, filepath.Join(dir, name))
	}
	for _, name := range figures {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, os.RemoveAll(filepath.Join(dir, "runs")))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("--fresh: %w", err)
	}
	return nil
}
