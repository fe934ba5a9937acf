package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// DefaultJobs is how many scenarios RunAll runs at once when it is not told. Most of a scenario's time goes by in
// waiting (for the spanning tree, for a rate), so it does not follow the number of processors.
const DefaultJobs = 12

// An Event tells what RunAll is at.
type Event struct {
	Scenario Scenario
	Report   *Report // nil when the scenario starts
}

// RunAll runs the scenarios, several at once (on Mininet one after the other), and returns a report for each, in the order given. on, when it is not nil,
// is told when each starts and ends, one call at a time.
//
// A scenario that could not be run has a report too: INCONCLUSIVE, with the reason. The error is of the kinds that no
// other scenario could escape either: wrong usage, or a machine that cannot; the rest is then not started.
func RunAll(ctx context.Context, all []Scenario, o Options, jobs int, on func(Event)) ([]Report, error) {
	if jobs <= 0 {
		jobs = DefaultJobs
	}
	if o.Live != nil {
		jobs = 1
	}
	if o.Backend == Mininet {
		jobs = 1 // each uses the same names in the machine's own namespace
	}
	letGo, err := o.Backend.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer letGo()
	o.OneProcessor = o.OneProcessor || jobs > 1 && len(all) > 1
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reports := make([]Report, len(all))
	var (
		mu    sync.Mutex
		fatal error
		group sync.WaitGroup
		room  places
	)
	tell := func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if on != nil {
			on(e)
		}
	}
	for i, s := range all {
		place := room.ask(s.waits())
		group.Go(func() {
			defer place.leave()
			select {
			case <-place.taken:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				reports[i] = notRun(s, o, context.Cause(ctx))
				return
			}
			tell(Event{Scenario: s})
			report, err := Run(ctx, s, o)
			if err != nil {
				report = notRun(s, o, err)
				_ = errors.Join(keep(o.Dir(s), report), drawPage(ctx, o.Dir(s), report)) // where there is a folder; the report itself is returned
				if cannot(err) {
					mu.Lock()
					if fatal == nil {
						fatal = err
					}
					mu.Unlock()
					stop(err)
				}
			}
			reports[i] = report
			tell(Event{Scenario: s, Report: &report})
		})
	}
	room.open(jobs)
	group.Wait()
	return reports, fatal
}

// waits is roughly how long a scenario waits for other things than a processor. After a link was down TCP waits for as long again:
// its timer doubles (RFC 6298, section 5.5).
func (s Scenario) waits() time.Duration {
	var wait time.Duration
	for _, f := range s.Fetches() {
		wait = max(wait, f.At)
	}
	for _, l := range s.Topo.Links {
		for _, c := range slices.Concat(l.AB.Schedule, l.BA.Schedule) {
			wait = max(wait, c.From, c.To+c.To-c.From)
		}
	}
	switch {
	case lossy(s.Topo):
		wait += 8 * time.Second
	case s.Topo.Loops == topo.LoopsSpanningTree:
		wait += 4 * time.Second
	case delayed(s.Topo):
		wait += time.Second
	}
	return wait
}

// notRun is the report of a scenario that did not come to its end.
func notRun(s Scenario, o Options, why error) Report {
	r := newReport(s, o.Backend)
	r.Again = s.Again(o)
	r.Checks = append(r.Checks, couldNotRun(why))
	r.Verdict = flow.Overall(r.Checks)
	f := failureOf(r.Checks)
	r.Failure = &f
	return r
}

func couldNotRun(why error) flow.Check {
	return flow.Check{Name: "run", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("it could not be run: %v", why)}
}
