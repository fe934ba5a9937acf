package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
)

// The failure bundle: what is in the folder of a scenario that fails or is INCONCLUSIVE, besides what every folder has.
//
//	failure.txt      what was seen, what was expected, the seed, the command that runs it again, what is in the folder
//	state/h1.txt     what the host's kernel said at that moment: sockets (ss), queues (tc), interfaces, neighbours
//	state/links.txt  what both ends of each link had counted
const (
	failureFile = "failure.txt"
	stateFolder = "state"
	// stateTimeout is how long the hosts have to say what they know.
	stateTimeout = 5 * time.Second
)

// A Failure says in two lines why the verdict is not PASS.
type Failure struct {
	Saw      string `json:"saw"`
	Expected string `json:"expected"`
	State    string `json:"state,omitempty"` // when the hosts were asked for their state, "" where they were not
}

// lastState is what the network said of itself when the first thing went wrong.
type lastState struct {
	once sync.Once
	mu   sync.Mutex
	when string
}

// look keeps the state of every host now, if it is the first time that something is wrong. The network has to be up.
func (r *run) look(why string) {
	r.state.once.Do(func() {
		at := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), stateTimeout)
		defer cancel()
		if words := []rune(why); len(words) > 160 { // what it begins with is enough to know it again
			why = string(words[:160]) + "…"
		}
		when := fmt.Sprintf("at %s, when: %s", at.UTC().Format("15:04:05.000"), why)
		if err := r.network.WriteState(ctx, filepath.Join(r.dir, stateFolder)); err != nil {
			when += fmt.Sprintf(" (not whole: %v)", err)
		}
		r.state.mu.Lock()
		r.state.when = when
		r.state.mu.Unlock()
	})
}

// lastLook returns a context that ends when ctx does, but not before the state of every host has been kept. What runs in the
// network is to be given that one, so that it is still there to be looked at.
func (r *run) lastLook(ctx context.Context) (context.Context, func()) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		r.look(context.Cause(ctx).Error())
		cancel(context.Cause(ctx))
	})
	return later, func() {
		if !stop() {
			<-later.Done()
		}
		cancel(nil)
	}
}

// explain says in the report why its verdict is not PASS.
func (r *run) explain() {
	if r.report.Verdict == flow.Pass {
		return
	}
	f := failureOf(r.report.Checks)
	r.state.mu.Lock()
	f.State = r.state.when
	r.state.mu.Unlock()
	r.report.Failure = &f
}

// failureOf is about the first of the checks with the worst verdict.
func failureOf(checks []flow.Check) Failure {
	var worst flow.Check
	others := -1
	verdict := flow.Overall(checks)
	for _, c := range checks {
		if c.Verdict == flow.Pass {
			continue
		}
		others++
		if c.Verdict == verdict && worst.Name == "" {
			worst = c
		}
	}
	f := Failure{Saw: fmt.Sprintf("%s: %s: %s", worst.Verdict, worst.Name, worst.Detail), Expected: fmt.Sprintf("PASS: %s: %s", worst.Name, expected(worst.Name))}
	if others == 1 {
		f.Saw += " (and 1 more check did not pass)"
	} else if others > 1 {
		f.Saw += fmt.Sprintf(" (and %d more checks did not pass)", others)
	}
	return f
}

// expected is what a check passes for.
func expected(check string) string {
	if text := flow.Expected(check); text != "" {
		return text
	}
	return map[string]string{
		"run":       "a run that comes to its end in its time",
		"clients":   "each client says that it got everything it asked for",
		"turns":     "one connection served after the other",
		"storm":     "a storm, for there to be something to cure",
		"calm":      "nothing moves any more once the loop is cut",
		"agreement": "disk, wire and connections say the same",
	}[check]
}

// bundle writes failure.txt, where there is something to say, and removes a state that turned out to be of no failure. It
// comes last, since it lists what is there.
func (r *run) bundle() error {
	if r.report.Failure == nil {
		return os.RemoveAll(filepath.Join(r.dir, stateFolder))
	}
	var b strings.Builder
	f := r.report.Failure
	fmt.Fprintf(&b, "%s: %s\n\nsaw:      %s\nexpected: %s\nseed:     %d\nagain:    %s\n\nIn this folder:\n", r.report.Name(), r.report.Verdict, f.Saw, f.Expected, r.report.Seed, r.report.Again)
	entries, err := os.ReadDir(r.dir)
	for _, e := range entries {
		fmt.Fprintf(&b, "  %-24s %s\n", e.Name(), r.explained(e.Name()))
	}
	fmt.Fprintf(&b, "\nChecks:\n")
	for _, c := range r.report.Checks {
		fmt.Fprintf(&b, "  %-12s  %-11s  %s\n", c.Verdict, c.Name, c.Detail)
	}
	if err := errors.Join(err, os.WriteFile(filepath.Join(r.dir, failureFile), []byte(b.String()), 0o644)); err != nil {
		return fmt.Errorf("%s: failure: %w", r.scenario.Name(), err)
	}
	return nil
}

// explained says what a file of the folder is.
func (r *run) explained(name string) string {
	switch ext := filepath.Ext(name); {
	case name == stateFolder:
		return "sockets (ss), queues (tc), interfaces and neighbours of each host, counters of each link; " + r.report.Failure.State
	case name == "report.json":
		return "everything that is known of the run"
	case name == "report.html":
		return "the same to look at"
	case name == "received":
		return "what each client wrote to disk"
	case name == "files":
		return "what was served: the beginnings of the files"
	case name == networkCapture:
		return "every interface of the network: tshark -r " + name + " -Y frame.comment"
	case ext == ".pcapng":
		return "what passed there: tshark -r " + name + " -Y frame.comment"
	case strings.HasPrefix(name, "server-") && ext == ".log", strings.HasPrefix(name, "client-") && ext == ".log":
		return "what the process said"
	}
	return ""
}
