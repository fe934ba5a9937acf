package scenarios

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// Run brings the scenario's network up, runs its servers and clients in it, takes it down, and judges what the captures
// and the disks show. Everything it saw is in the report and in Options.Dir; nothing else stays.
//
// The error says that the scenario could not be run at all: wrong usage (ErrUsage), a machine that cannot (harness's
// errors), or a server that never listened. A transfer that failed is no error but the report's verdict. When ctx ends
// early the report is INCONCLUSIVE, and says so. Runs may go on at the same time.
func Run(ctx context.Context, s Scenario, o Options) (Report, error) {
	r, err := newRun(s, o)
	if err != nil {
		return newReport(s, o.Backend), fmt.Errorf("%s: %w", s.Name(), err)
	}
	if err := r.perform(ctx, func() { r.judge(ctx) }); err != nil {
		r.report.Checks = append(r.report.Checks, couldNotRun(err))
		r.report.Verdict = flow.Overall(r.report.Checks)
		return r.report, errors.Join(fmt.Errorf("%s: %w", s.Name(), err), r.finish(ctx))
	}
	return r.report, r.finish(ctx)
}

// finish leaves the folder as it is kept.
func (r *run) finish(ctx context.Context) error {
	whole := !r.options.FailuresOnly || r.report.Verdict != flow.Pass
	if whole {
		r.annotate(ctx)
	}
	r.live.end(ctx)
	r.explain()
	err := keep(r.dir, r.report)
	if whole && err == nil {
		err = drawPage(ctx, r.dir, r.report)
	}
	return errors.Join(err, r.bundle())
}

// newRun makes the folder that a run leaves its traces in.
func newRun(s Scenario, o Options) (*run, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	dir, err := o.prepare(s)
	if err != nil {
		return nil, err
	}
	r := &run{scenario: s, dir: dir, fetches: s.Fetches(), report: newReport(s, o.Backend)}
	r.report.Again, r.report.dir = s.Again(o), dir
	if s.Excerpt > 0 {
		if o.Corpus, err = o.Corpus.excerpt(filepath.Join(dir, "files"), s.Excerpt); err != nil {
			return nil, err
		}
	}
	r.options = o
	return r, nil
}

// run is one run of a scenario: the network while it is up, and what has been seen so far.
type run struct {
	scenario Scenario
	options  Options
	dir      string
	fetches  []Fetch

	network  *network
	servers  []*process
	captures []*nodeCapture
	live     *following // nil where nobody looks on
	results  []result   // of fetches, by index
	state    lastState
	stormed  *stormEvidence
	carried  []harness.LinkStats // of the topology's links, at the end
	cut      error               // why it ended before its time, nil when it did not

	report Report
}

// perform is everything that needs the network. It leaves it down. The judgement needs it for what it may show to be wrong,
// which is then looked at: see look.
func (r *run) perform(ctx context.Context, judge func()) (err error) {
	began := time.Now()
	r.network, err = r.options.Backend.start(ctx, r.scenario.Topo, &harness.Options{
		Engine:       r.scenario.Engine,
		OneProcessor: r.options.OneProcessor || slices.ContainsFunc(r.scenario.Topo.Links, impaired),
	})
	if err != nil {
		return err
	}
	r.report.Seconds.Up = time.Since(began).Seconds()
	defer func() {
		downBegan := time.Now()
		err = errors.Join(err, r.network.close())
		r.report.Seconds.Down = time.Since(downBegan).Seconds()
	}()
	r.describeHosts()

	runBegan := time.Now()
	runCtx, cancel := context.WithTimeoutCause(ctx, r.options.Timeout,
		fmt.Errorf("the scenario took longer than %v", r.options.Timeout))
	defer cancel()
	runCtx, lose := context.WithCancelCause(runCtx)
	defer lose(nil)
	go func() {
		select {
		case <-r.network.lost:
			lose(r.network.why())
		case <-runCtx.Done():
		}
	}()
	insideCtx, ended := r.lastLook(runCtx)
	defer ended()
	err = r.inside(insideCtx)
	r.report.Seconds.Run = time.Since(runBegan).Seconds()
	r.describeLinks()
	if runCtx.Err() != nil { // also where all was over before the last look had ended
		r.cut, err = context.Cause(runCtx), nil
	}
	if err != nil {
		return err
	}
	judge()
	if r.report.Verdict != flow.Pass {
		r.look("the judgement: " + failureOf(r.report.Checks).Saw)
	}
	return nil
}

// inside runs the peers in the network that is up, captured from before the first to after the last packet.
func (r *run) inside(ctx context.Context) (err error) {
	if r.scenario.Storm {
		if r.stormed, err = r.storm(ctx); err != nil {
			return err
		}
	}
	defer r.stopCaptures()
	if err := r.startCaptures(ctx); err != nil {
		return err
	}
	if r.options.Live != nil {
		if r.live, err = r.options.Live.follow(r.captures); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, r.stopServers()) }()
	defer func() {
		if err != nil {
			r.look(err.Error())
		}
	}()
	if err := r.startServers(ctx); err != nil {
		return err
	}
	r.network.Begin()
	if err := r.runClients(ctx); err != nil {
		return err
	}
	r.waitQuiet(ctx)
	return nil
}

// waitQuiet waits until the last packet of every connection has passed: the servers' hosts then have no socket left
// but the listening one. If that does not come to pass, the missing ends show in the capture, and the judge says so.
func (r *run) waitQuiet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	for _, server := range r.scenario.Servers {
		if err := r.network.Host(server).WaitQuiet(ctx, protocol.DefaultPort); err != nil {
			r.look(err.Error())
		}
	}
}

func newReport(s Scenario, b Backend) Report {
	if b == "" {
		b = Namespaces
	}
	return Report{
		scenario: s.Name(), Part: s.Part, Variant: s.Variant, Title: s.Title, Topology: s.Topo.Name, Loops: s.Topo.Loops, Backend: string(b),
		Dialect: string(s.Dialect), ServerModel: string(s.Model), ClientMode: s.ClientMode(), Seed: s.Topo.Seed, Excerpt: s.Excerpt,
		Verdict: flow.Inconclusive,
		Checks:  []flow.Check{}, Transfers: []peers.Transfer{}, Connections: []Connection{},
		Captures: []Capture{}, Links: []Link{}, Hosts: map[string]string{},
	}
}

func (r *run) describeHosts() {
	r.report.TCP, _ = r.network.Host(r.scenario.Topo.Hosts[0].Name).TCP() // the same in all
	for _, h := range r.scenario.Topo.Hosts {
		r.report.Hosts[h.Name] = r.network.Host(h.Name).Addr().String()
	}
}
