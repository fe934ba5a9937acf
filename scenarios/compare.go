package scenarios

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
)

// A Comparison is one scenario on several back ends.
type Comparison struct {
	Part    string       `json:"part"`
	Variant string       `json:"variant"`
	Dialect string       `json:"dialect"`
	Verdict flow.Verdict `json:"verdict"`
	Checks  []flow.Check `json:"checks"`
	Sides   []Side       `json:"sides"`
}

// A Side is what one back end came to.
type Side struct {
	Backend Backend `json:"backend"`
	Facts   Facts   `json:"facts"`
	Report  Report  `json:"report"`
	// Missing is why this machine cannot run it; empty: it can.
	Missing string `json:"missing,omitempty"`
}

// Compare runs a scenario on own namespaces and on Mininet, measures both networks, and checks that they are the same
// network and did the same. A side that this machine cannot run makes the verdict INCONCLUSIVE. What is kept is in
// Options.Out, in a folder for each back end. The error says that a side that can be run was not.
func Compare(ctx context.Context, s Scenario, o Options) (Comparison, error) {
	c := Comparison{Part: s.Part, Variant: s.Variant, Dialect: string(s.Dialect)}
	o, err := o.withDefaults()
	if err != nil {
		return c, err
	}
	out := o.Out
	for _, b := range Backends() {
		o.Backend, o.Out = b, filepath.Join(out, string(b))
		asked := s
		switch b {
		case Namespaces:
			asked = inGuest(ctx, s)
		case Mininet: // which shapes its links itself
			asked = s.by(harness.EngineAuto)
		}
		side, err := compareSide(ctx, asked, o)
		if err != nil {
			return c, fmt.Errorf("%s on %s: %w", s.Name(), b, err)
		}
		c.Sides = append(c.Sides, side)
	}
	c.Checks = compareChecks(c.Sides[0], c.Sides[1])
	c.Verdict = flow.Overall(c.Checks)
	return c, nil
}

// inGuest returns s as it is compared in a guest of wireproof vm: there the user engine is slow, and links that are impaired are
// carried by netem, as Mininet's are, where the kernel has it and no other engine was asked for.
func inGuest(ctx context.Context, s Scenario) Scenario {
	if os.Getenv("WIREPROOF_VM") == "" || s.Engine != harness.EngineAuto || !slices.ContainsFunc(s.Topo.Links, impaired) {
		return s
	}
	with := s.by(harness.EngineNetem)
	if checkEngines(ctx, []Scenario{with}) != nil {
		return s // it lacks netem, or netem cannot do what is asked
	}
	return with
}

// by returns s with its links carried by e, as if that had been asked for.
func (s Scenario) by(e harness.Engine) Scenario {
	s.Engine, s.asked.Engine = e, e
	return s
}

func compareSide(ctx context.Context, s Scenario, o Options) (Side, error) {
	side := Side{Backend: o.Backend}
	if err := o.Backend.ready(ctx, []Scenario{s}); err != nil {
		if ctx.Err() != nil {
			return side, context.Cause(ctx)
		}
		side.Missing = err.Error()
		side.Report = newReport(s, o.Backend)
		return side, nil
	}
	var err error
	if side.Facts, err = measure(ctx, s, o.Backend); err != nil {
		return side, err
	}
	side.Report, err = Run(ctx, s, o)
	return side, err
}

// measure brings the scenario's network up by itself, with the kernel's offloads, so that what is measured are its links
// and not this machine's processors.
func measure(ctx context.Context, s Scenario, b Backend) (f Facts, err error) {
	t := s.Topo
	if s.Storm { // a network in which frames go round for ever cannot be measured; it is part m's, which is
		return f, nil
	}
	n, err := b.start(ctx, t, &harness.Options{Offload: harness.OffloadOn, Engine: s.Engine})
	if err != nil {
		return f, err
	}
	defer func() {
		if closed := n.close(); err == nil {
			err = closed
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	return factsOf(ctx, n.Network, s)
}

// compareChecks holds two sides to each other, and both to what was asked of them.
func compareChecks(a, b Side) []flow.Check {
	for _, side := range []Side{a, b} {
		if side.Missing != "" {
			return []flow.Check{{Name: "run", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("%s: %s", side.Backend, side.Missing)}}
		}
	}
	checks := []flow.Check{verdicts(a, b)}
	same := func(name string, of func(Side) []string, what string) {
		c := flow.Check{Name: name, Verdict: flow.Pass, Detail: fmt.Sprintf("%d %s, the same on %s and %s", len(of(a)), what, a.Backend, b.Backend)}
		var differ []string
		for _, line := range without(of(a), of(b)) {
			differ = append(differ, fmt.Sprintf("only on %s: %s", a.Backend, line))
		}
		for _, line := range without(of(b), of(a)) {
			differ = append(differ, fmt.Sprintf("only on %s: %s", b.Backend, line))
		}
		if differ != nil {
			c.Verdict, c.Detail = flow.Fail, strings.Join(differ, "; ")
		}
		checks = append(checks, c)
	}
	same("connections", connectionsOf, "connections")
	same("files", filesOf, "files")
	if a.Facts.Interfaces != nil {
		same("hosts", func(s Side) []string { return s.Facts.Interfaces }, "interfaces with names, MACs and addresses")
		same("reachability", func(s Side) []string { return s.Facts.Reached }, "pairs of hosts that reach each other")
	}
	return append(append(checks, a.Facts.within(a.Backend)...), b.Facts.within(b.Backend)...)
}

// verdicts checks that both sides passed, each check of theirs with the same verdict.
func verdicts(a, b Side) flow.Check {
	worst := func(s Side) map[string]flow.Verdict {
		m := map[string]flow.Verdict{}
		for _, c := range s.Report.Checks {
			if m[c.Name] == "" {
				m[c.Name] = c.Verdict
			}
			m[c.Name] = flow.Worst(m[c.Name], c.Verdict)
		}
		return m
	}
	c := flow.Check{Name: "verdicts", Verdict: flow.Pass, Detail: fmt.Sprintf("%s on both", a.Report.Verdict)}
	ours, theirs := worst(a), worst(b)
	if !maps.Equal(ours, theirs) || a.Report.Verdict != b.Report.Verdict {
		c.Verdict = flow.Fail
		if a.Report.Verdict == flow.Inconclusive || b.Report.Verdict == flow.Inconclusive {
			c.Verdict = flow.Inconclusive
		}
		c.Detail = fmt.Sprintf("%s on %s (%v), %s on %s (%v)", a.Report.Verdict, a.Backend, ours, b.Report.Verdict, b.Backend, theirs)
	} else if a.Report.Verdict != flow.Pass {
		c.Verdict = a.Report.Verdict
	}
	return c
}

// without returns the lines of a that b does not have, each as often as it has more of them.
func without(a, b []string) []string {
	count := map[string]int{}
	for _, line := range b {
		count[line]++
	}
	var left []string
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			left = append(left, line)
		}
	}
	return left
}

// connectionsOf lists a side's connections by what does not change from run to run: not ports, nor who
// was the first to close.
func connectionsOf(s Side) []string {
	var all []string
	for _, c := range s.Report.Connections {
		client, _, _ := strings.Cut(c.Client, ":")
		all = append(all, fmt.Sprintf("%s to %s, %s: %s", client, c.Server, c.Handshake, strings.Join(c.Files, ", ")))
	}
	slices.Sort(all)
	return all
}

// filesOf lists what a side's clients got.
func filesOf(s Side) []string {
	var all []string
	for _, t := range s.Report.Transfers {
		client, _, _ := strings.Cut(t.Client, ":")
		for _, f := range t.Files {
			all = append(all, fmt.Sprintf("%s from %s: %s, %d bytes, %s", client, t.Server, f.Name, f.Bytes, f.SHA256))
		}
	}
	slices.Sort(all)
	return all
}
