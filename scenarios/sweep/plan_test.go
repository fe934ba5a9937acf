package sweep

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/scenarios"
)

func mustPlan(t *testing.T, s Setup) Plan {
	t.Helper()
	p, err := NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pointsOf(p Plan) []string {
	var all []string
	for _, point := range p.Points {
		all = append(all, point.String())
	}
	return all
}

// Every combination of the values is a point, and every point is run once in each round.
func TestPlanIsTheProductOfTheValues(t *testing.T) {
	p := mustPlan(t, Setup{Part: "g", Values: map[string][]string{"bw": {"10", "100"}, "dialect": {"both"}, "server": {"thread", "fork"}}, Repeat: 3, Seed: 7})
	want := []string{
		"bw=10 dialect=stream server=thread", "bw=10 dialect=stream server=fork", "bw=10 dialect=lockstep server=thread", "bw=10 dialect=lockstep server=fork",
		"bw=100 dialect=stream server=thread", "bw=100 dialect=stream server=fork", "bw=100 dialect=lockstep server=thread", "bw=100 dialect=lockstep server=fork",
	}
	if diff := cmp.Diff(want, pointsOf(p)); diff != "" {
		t.Error(diff)
	}
	if len(p.Runs) != 24 {
		t.Fatalf("%d runs, want 24", len(p.Runs))
	}
	var orders []string
	for round := range 3 {
		var order []string
		for _, run := range p.Runs[8*round : 8*round+8] {
			if run.Repeat != round+1 || run.Seed != uint64(7+round) || run.Scenario.Topo.Seed != run.Seed {
				t.Errorf("round %d has repeat %d with seeds %d and %d", round+1, run.Repeat, run.Seed, run.Scenario.Topo.Seed)
			}
			order = append(order, run.Point.String())
		}
		orders = append(orders, strings.Join(order, "; "))
		slices.Sort(order)
		if !slices.Equal(order, slices.Sorted(slices.Values(want))) {
			t.Errorf("round %d does not have every point once: %q", round+1, order)
		}
	}
	if orders[0] == orders[1] && orders[1] == orders[2] {
		t.Error("every round has the same order, so that a point always follows the same other")
	}
	again := mustPlan(t, Setup{Part: "g", Values: p.Setup.Values, Repeat: 3, Seed: 7})
	for i, run := range again.Runs {
		if run.Point.String() != p.Runs[i].Point.String() {
			t.Fatalf("run %d differs from the same plan's: %s, %s", i, run.Point, p.Runs[i].Point)
		}
	}
}

// What a setting says is what the run has.
func TestSettingsReachTheScenario(t *testing.T) {
	p := mustPlan(t, Setup{Part: "j", Values: map[string][]string{
		"bw": {"10"}, "delay": {"5ms"}, "loss": {"2%"}, "hops": {"3"}, "buffer": {"512"}, "dialect": {"lockstep"}, "server": {"fork"}, "congestion": {"reno"},
	}})
	s := p.Runs[0].Scenario
	l := s.Topo.Links[0].BA
	if l.Rate != 10_000_000 || l.Delay.Milliseconds() != 5 || l.LossPercent != 2 || len(s.Topo.Switches) != 3 || s.Buffer != 512 ||
		s.Dialect != "lockstep" || s.Model != "fork" || s.Socket.Congestion != "reno" {
		t.Errorf("%+v with links %+v", s, l)
	}
	// Nothing is a value too, where the part itself has something.
	for part, values := range map[string]map[string][]string{"h": {"delay": {"0s"}}, "i": {"loss": {"0"}}} {
		l := mustPlan(t, Setup{Part: part, Values: values}).Runs[0].Scenario.Topo.Links[1].AB
		if l.Delay != 0 || l.LossPercent != 0 {
			t.Errorf("part %s without its %v still has %+v", part, values, l)
		}
	}
}

// Throughput and times of runs that serve different amounts do not compare.
func TestEveryRunServesTheSame(t *testing.T) {
	both := map[string][]string{"dialect": {"both"}, "delay": {"0s", "1ms"}}
	for name, c := range map[string]struct {
		setup Setup
		want  int64
	}{
		"what the shortest serves":      {Setup{Part: "g", Values: both}, 256 << 10},
		"all where nothing takes long":  {Setup{Part: "g", Values: map[string][]string{"bw": {"1", "10"}}}, 0},
		"all where that is asked for":   {Setup{Part: "g", Values: both, Params: scenarios.Params{Whole: true}}, 0},
		"so much where that is asked":   {Setup{Part: "g", Values: both, Excerpt: 1000}, 1000},
		"so much of a short run's also": {Setup{Part: "g", Values: map[string][]string{"bw": {"1"}}, Excerpt: 1000}, 1000},
	} {
		p := mustPlan(t, c.setup)
		if p.Setup.Excerpt != c.want {
			t.Errorf("%s: the plan says %d bytes, want %d", name, p.Setup.Excerpt, c.want)
		}
		for _, run := range p.Runs {
			if run.Scenario.Excerpt != c.want {
				t.Errorf("%s: %s serves %d bytes, want %d", name, run.Point, run.Scenario.Excerpt, c.want)
			}
		}
	}
}

// A part of several variants has them as points; elsewhere they are not mentioned.
func TestVariantsArePoints(t *testing.T) {
	p := mustPlan(t, Setup{Part: "k", Values: map[string][]string{"bw": {"10", "20"}}})
	if diff := cmp.Diff([]string{"bw=10 variant=A", "bw=10 variant=B", "bw=20 variant=A", "bw=20 variant=B"}, pointsOf(p)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bw", "variant"}, p.Varying()); diff != "" {
		t.Error(diff)
	}
}

// All mistakes at once, each with what would do.
func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		part   string
		values map[string][]string
		want   []string
	}{
		{"g", map[string][]string{"bw": {"0", "fast", "NaN", "1e30"}, "delay": {"5", "-1ms", "2h"}, "loss": {"101", "-1"}},
			[]string{`--bw "0"`, `--bw "fast"`, `--bw "NaN"`, `--bw "1e30": a rate is a number above 0 and up to 1000000, in Mbit/s`,
				`--delay "5": a delay is a time between 0s and 1h with its unit, such as 5ms`, `--delay "-1ms"`, `--delay "2h"`, `--loss "101": a loss is a number from 0 to 100, in percent`, `--loss "-1"`}},
		{"g", map[string][]string{"hops": {"2"}}, []string{"--hops: only part j has a number of hops"}},
		{"j", map[string][]string{"hops": {"0", "x"}}, []string{`--hops "0": a chain has at least 1 switch`, `--hops "x"`}},
		{"j", map[string][]string{"hops": {"100000"}}, []string{"--hops 100000: a chain has 1 to 256 switches"}},
		{"g", map[string][]string{"bw": {"1", "1.0"}, "delay": {"1ms", "1000us"}}, []string{"--bw: 1 is there twice", "--delay: 1ms is there twice"}},
		{"g", map[string][]string{"buffer": {"0", "99999999999"}}, []string{`--buffer "0": a buffer has 1 to 67108864 bytes`, `--buffer "99999999999"`}},
		{"g", map[string][]string{"dialect": {"morse"}, "server": {"prefork"}, "congestion": {""}}, []string{"use stream or lockstep", "use sequential, thread or fork", "name a congestion control"}},
		{"g", map[string][]string{"weather": {"fair"}}, []string{`there is no variable "weather": there are bw, delay, loss`}},
		{"z", nil, []string{`there is no part "z"`}},
	} {
		_, err := NewPlan(Setup{Part: c.part, Values: c.values})
		if !errors.Is(err, scenarios.ErrUsage) {
			t.Errorf("%s %v: %v is no ErrUsage", c.part, c.values, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s %v: %v: want %q", c.part, c.values, err, want)
			}
		}
	}
}
