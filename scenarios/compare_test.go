package scenarios

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/peers"
)

// EnvFull has every part compared, where by default a choice is: "make test-full" sets it.
const envFull = "WIREPROOF_FULL"

// always are the parts that are compared each time. Those that delay and lose need the kernel's netem in Mininet.
var always = []string{"e", "g", "h", "i", "j", "k", "m"}

// Each part on both back ends is the same network and does the same.
func TestBothBackEndsAreTheSame(t *testing.T) {
	if !compareBoth {
		t.Skip("takes Mininet most of a minute: run go test ./scenarios -run BothBackEnds -backend=both")
	}
	harnesstest.Require(t, "root", "mininet")
	parts := always
	if os.Getenv(envFull) != "" {
		parts = PartNames()
	}
	for _, s := range selectAll(t, Params{}, parts...) {
		if os.Getenv(envFull) == "" && s.Variant == "B" {
			continue
		}
		t.Run(s.Name(), func(t *testing.T) {
			able(t, Mininet, s)
			release, err := mininet.Acquire(t.Context(), true) // tests of other packages may have it
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			c, err := Compare(t.Context(), s, optionsFor(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range c.Checks {
				t.Logf("%-12s %-12s %s", check.Verdict, check.Name, check.Detail)
			}
			for _, check := range c.Checks {
				// A machine that is too busy to be measured says so, and fails nobody.
				if timed := check.Name == "rate" || check.Name == "round trip"; check.Verdict == flow.Fail || check.Verdict == flow.Inconclusive && !timed {
					t.Errorf("%s: %s", check.Name, check.Verdict)
				}
			}
		})
	}
}

// In a guest our own side of a comparison is carried as Mininet's is, where that can be.
func TestComparedByTheSameEngine(t *testing.T) {
	h, g := selectAll(t, Params{}, "h")[0], selectAll(t, Params{}, "g")[0]
	want := func(s Scenario, e harness.Engine) {
		t.Helper()
		if got := inGuest(t.Context(), s); got.Engine != e {
			t.Errorf("%s by %q becomes %q, want %q", s.Name(), s.Engine, got.Engine, e)
		}
	}
	t.Setenv("WIREPROOF_VM", "")
	want(h, harness.EngineAuto)
	t.Setenv("WIREPROOF_VM", "1")
	want(g, harness.EngineAuto)
	want(h.by(harness.EngineUser), harness.EngineUser)
	harnesstest.Require(t, "root", "netem")
	want(h, harness.EngineNetem)
	if again := inGuest(t.Context(), h).Again(Options{}); !strings.Contains(again, "--engine netem") {
		t.Errorf("to be run again: %s", again)
	}
	dropping := h
	dropping.Topo.Links = slices.Clone(h.Topo.Links)
	dropping.Topo.Links[0].AB.Drop = []string{"the SYN"} // netem cannot
	want(dropping, harness.EngineAuto)
}

// The twin: what differs between two sides is found, and named.
func TestADifferenceIsFound(t *testing.T) {
	side := func(b Backend) Side {
		return Side{
			Backend: b,
			Facts: Facts{
				Interfaces: []string{"h1-eth0 00:00:00:00:00:01 10.0.0.1/8"}, Reached: []string{"h1>h2", "h2>h1"},
				Paths: []Path{{Client: "h2", Server: "h1", RTT: 4100 * time.Microsecond, AskedRTT: 4 * time.Millisecond, Rate: 95 * topo.Mbit, AskedRate: 100 * topo.Mbit}},
			},
			Report: Report{
				Verdict: flow.Pass, Checks: []flow.Check{{Name: "wire", Verdict: flow.Pass}},
				Connections: []Connection{{Client: "10.0.0.2:4711", Server: "10.0.0.1:12345", Handshake: "complete", Files: []string{"a"}}},
				Transfers:   []peers.Transfer{{Client: "10.0.0.2:4711", Server: "10.0.0.1:12345", Files: []peers.FileResult{{Name: "a", Bytes: 3, SHA256: "ff"}}}},
			},
		}
	}
	for name, c := range map[string]struct {
		change func(s *Side)
		check  string
		want   flow.Verdict
		detail string
	}{
		"nothing":             {func(*Side) {}, "", flow.Pass, ""},
		"another port":        {func(s *Side) { s.Report.Connections[0].Client = "10.0.0.2:99" }, "", flow.Pass, ""},
		"a verdict":           {func(s *Side) { s.Report.Verdict = flow.Fail }, "verdicts", flow.Fail, "PASS on netns"},
		"a check":             {func(s *Side) { s.Report.Checks[0].Verdict = flow.Inconclusive }, "verdicts", flow.Fail, "wire:INCONCLUSIVE"},
		"no evidence":         {func(s *Side) { s.Report.Verdict = flow.Inconclusive }, "verdicts", flow.Inconclusive, "INCONCLUSIVE on mininet"},
		"a connection":        {func(s *Side) { s.Report.Connections = append(s.Report.Connections, s.Report.Connections[0]) }, "connections", flow.Fail, "only on mininet: 10.0.0.2 to"},
		"a client":            {func(s *Side) { s.Report.Connections[0].Client = "10.0.0.3:4711" }, "connections", flow.Fail, "only on netns: 10.0.0.2 to"},
		"a byte of a file":    {func(s *Side) { s.Report.Transfers[0].Files[0].SHA256 = "fe" }, "files", flow.Fail, "3 bytes, fe"},
		"an address":          {func(s *Side) { s.Facts.Interfaces[0] = "h1-eth0 00:00:00:00:00:01 10.0.0.9/8" }, "hosts", flow.Fail, "only on mininet: h1-eth0 00:00:00:00:00:01 10.0.0.9/8"},
		"somebody is cut off": {func(s *Side) { s.Facts.Reached = s.Facts.Reached[1:] }, "reachability", flow.Fail, "only on netns: h1>h2"},
		"a round trip": {func(s *Side) { s.Facts.Paths[0].RTT = 4900 * time.Microsecond }, "round trip", flow.Fail,
			"mininet: h2 to h1: 4.9ms of 4ms, 23 % off at most, over 1 paths; 20 % are allowed"},
		"a rate": {func(s *Side) { s.Facts.Paths[0].Rate = 79 * topo.Mbit }, "rate", flow.Fail, "79Mbit of 100Mbit, 21 % off"},
		"a rate on a machine that is late": {func(s *Side) {
			s.Facts.Paths[0].Rate, s.Facts.Paths[0].TimerLate = 60*topo.Mbit, 2*time.Millisecond
		}, "rate", flow.Inconclusive, "this machine's timers are 2ms late"},
		"a rate that is too high there": {func(s *Side) {
			s.Facts.Paths[0].Rate, s.Facts.Paths[0].TimerLate = 130*topo.Mbit, 2*time.Millisecond
		}, "rate", flow.Fail, "30 % off"},
		"a round trip there": {func(s *Side) {
			s.Facts.Paths[0].RTT, s.Facts.Paths[0].TimerLate, s.Facts.Paths[0].Delays = 9*time.Millisecond, 2*time.Millisecond, 4
		}, "round trip", flow.Inconclusive, "timers are 2ms late"},
		"a round trip that is longer still": {func(s *Side) {
			s.Facts.Paths[0].RTT, s.Facts.Paths[0].TimerLate, s.Facts.Paths[0].Delays = 40*time.Millisecond, 2*time.Millisecond, 4
		}, "round trip", flow.Fail, "40ms of 4ms"},
		"a rate over links that lose": {func(s *Side) {
			s.Facts.Paths[0].Rate, s.Facts.Paths[0].LossPercent = 1*topo.Mbit, 5
		}, "", flow.Pass, ""},
		"a machine that cannot": {func(s *Side) { s.Missing = "no netem" }, "run", flow.Inconclusive, "mininet: no netem"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := side(Mininet)
			c.change(&theirs)
			checks := compareChecks(side(Namespaces), theirs)
			if got := flow.Overall(checks); got != c.want {
				t.Errorf("%s, want %s: %v", got, c.want, checks)
			}
			if c.check == "" {
				return
			}
			if !slices.ContainsFunc(checks, func(x flow.Check) bool {
				return x.Name == c.check && x.Verdict == c.want && strings.Contains(x.Detail, c.detail)
			}) {
				t.Errorf("no check %s says %q: %v", c.check, c.detail, checks)
			}
		})
	}
}

// What a path is asked for is that of its links, there and back.
func TestAskedOf(t *testing.T) {
	k := tree("k")
	if p := askedOf(k, "H", "S"); p.AskedRate != 250*topo.Mbit || p.AskedRTT != 0 {
		t.Errorf("H from S: %+v", p)
	}
	up, down := topo.LinkParams{Rate: 2 * topo.Mbit, Delay: time.Millisecond, LossPercent: 3}, topo.LinkParams{Rate: 20 * topo.Mbit, Delay: 5 * time.Millisecond}
	var one topo.Topo
	one.AddHost("h1", "h2").AddSwitch("s1").AddLink("h2", "s1", up, down).AddLink("s1", "h1")
	if p := askedOf(one, "h2", "h1"); p.AskedRate != 20*topo.Mbit || p.AskedRTT != 6*time.Millisecond || p.LossPercent != 3 {
		t.Errorf("h2 from h1: %+v", p)
	}
	if p := askedOf(one, "h1", "h2"); p.AskedRate != 2*topo.Mbit {
		t.Errorf("h1 from h2: %+v", p)
	}
}
