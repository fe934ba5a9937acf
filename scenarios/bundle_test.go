package scenarios

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// has wants each pattern in a file of a folder.
func has(t *testing.T, dir, file string, patterns ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Error(err)
		return
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).Match(text) {
			t.Errorf("%s has no %s:\n%s", file, p, text)
		}
	}
}

// A run that is cut short leaves the state from while its connection was still open, in the middle of the file.
func TestTheBundleOfARunThatIsCutShort(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, time.Second)
	o := optionsFor(t)
	o.Timeout = time.Minute
	s := selectAll(t, Params{Rate: topo.Mbit, Seed: 9}, "g")[0] // 21 s for a novel
	ctx, cut := context.WithCancelCause(t.Context())
	over := make(chan struct{})
	go func() { // cuts when some of the file has passed
		defer close(over)
		for ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
			if info, err := os.Stat(filepath.Join(o.Dir(s), "h1-eth0.pcapng")); err == nil && info.Size() > 100_000 {
				cut(errors.New("enough is enough"))
			}
		}
	}()
	r, err := Run(ctx, s, o)
	cut(nil)
	<-over
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r, flow.Inconclusive)
	has(t, r.Dir(), "failure.txt", `(?m)^saw:      INCONCLUSIVE: run: the run was cut short: enough is enough`,
		`(?m)^expected: PASS: run: `, `(?m)^seed:     9$`, `(?m)^again:    sudo wireproof run g .*--bw 1 --timeout 1m0s --seed 9$`,
		`(?m)^  h1-eth0.pcapng .*tshark`, `(?m)^  report.html `, `(?m)^  server-h1.log `, `(?m)^  state .*, when: enough is enough`)
	has(t, r.Dir(), "state/h1.txt", `(?m)^ESTAB +0 +[1-9].*:12345 `, `bytes_acked:[1-9]`, `qdisc htb 5: dev h1-eth0`, `LISTEN`)
	has(t, r.Dir(), "state/h2.txt", `(?m)^ESTAB.*:12345`, `qdisc htb 5: dev h2-eth0`)
	has(t, r.Dir(), "state/links.txt", `(?m)^s1-h2$`)
	has(t, r.Dir(), "report.json", `"again": "sudo wireproof run g `, `"saw": "INCONCLUSIVE: run: `)
}

// A client that fails leaves the state of that moment, when others are still at work.
func TestTheBundleOfAClientThatFails(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 2*time.Second)
	s := selectAll(t, Params{Rate: 40 * topo.Mbit}, "e")[0]
	s.Steps[0][2].Server = "h5" // where nobody serves
	r, err := Run(t.Context(), s, optionsFor(t))
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r, flow.Fail)
	has(t, r.Dir(), "failure.txt", `(?m)^saw:      FAIL: `, `(?m)^  state .*, when: client h4: .*refused`)
	has(t, r.Dir(), "state/h1.txt", `(?m)^LISTEN.*:12345`)
	has(t, r.Dir(), "state/h6.txt", `qdisc htb`)
}

// What only the judgement finds leaves a state too, and what passes leaves none.
func TestTheBundleOfAVerdict(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	s := selectAll(t, Params{Variants: []string{AllVariant}, Mode: peers.NonPersistent}, "g")[0]
	s.Excerpt = 256 << 10
	o := optionsFor(t)
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r, flow.Fail)
	has(t, r.Dir(), "failure.txt", `(?m)^saw:      FAIL: connections: .*5 connections, expected 1.*\(and \d more checks did not pass\)$`,
		`(?m)^expected: PASS: connections: exactly the connections`, `--client nonpersistent`, `(?m)^  state .*, when: the judgement: FAIL: connections`)
	has(t, r.Dir(), "state/h2.txt", `ss -tina`)

	s = selectAll(t, Params{}, "g")[0]
	if r, err = Run(t.Context(), s, o); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r, flow.Pass)
	for _, name := range []string{failureFile, stateFolder} {
		if _, err := os.Stat(filepath.Join(r.Dir(), name)); err == nil {
			t.Errorf("a run that passed has left %s", name)
		}
	}
	if r.Failure != nil {
		t.Errorf("failure %+v", r.Failure)
	}
}

// A server that cannot serve ends the run with an error, and the folder has what there is.
func TestTheBundleOfAServerThatNeverListened(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	o := optionsFor(t)
	o.Program = "/bin/false"
	s := selectAll(t, Params{}, "g")[0]
	r, err := Run(t.Context(), s, o)
	if err == nil || !strings.Contains(err.Error(), "server-h1 ended before it listened") {
		t.Fatalf("%v", err)
	}
	has(t, r.Dir(), "failure.txt", `(?m)^saw:      INCONCLUSIVE: run: it could not be run: .*server-h1 ended`, `(?m)^  h1-eth0.pcapng`, `(?m)^  state `)
	has(t, r.Dir(), "state/h1.txt", `ss -tina`)
}

// Every check that a scenario makes has what is expected of it, and the command for a run has every change.
func TestWhatIsSaidOfAFailure(t *testing.T) {
	for _, check := range []string{"run", "clients", "turns", "storm", "calm", "agreement", "capture", "connections", "streams", "wire", "close", "link", "disk"} {
		if expected(check) == "" {
			t.Errorf("nothing is expected of %s", check)
		}
	}
	f := failureOf([]flow.Check{{Name: "a", Verdict: flow.Inconclusive, Detail: "1"}, {Name: "disk", Verdict: flow.Fail, Detail: "2"}, {Name: "c", Verdict: flow.Pass}})
	if f.Saw != "FAIL: disk: 2 (and 1 more check did not pass)" || !strings.HasPrefix(f.Expected, "PASS: disk: the files") {
		t.Errorf("%+v", f)
	}
	p := Params{
		Variants: []string{"all"}, Dialects: []protocol.Dialect{protocol.Lockstep}, Models: []peers.Model{peers.Thread}, Mode: peers.NonPersistent,
		Rate: 2500 * topo.Kbit, Delay: 5 * time.Millisecond, LossPercent: 0.5, Links: []string{"h1>s1:loss=1%"}, Schedules: []string{"h1-s1: down 2s..3s"},
		Engine: harness.EngineUser, Seed: 7, Buffer: 100, Socket: peers.SocketOptions{Nagle: true, QuickAck: true, Congestion: "reno"}, Whole: true,
	}
	s := selectAll(t, p, "g")[0]
	got := s.Again(Options{Timeout: time.Minute, Corpus: Corpus{Dir: "/own files", folder: true}, CaptureAll: true, Backend: Mininet})
	want := "sudo wireproof run g --variant all --dialect lockstep --server thread --client nonpersistent --bw 2.5 --delay 5ms --loss 0.5 " +
		"--link 'h1>s1:loss=1%' --schedule 'h1-s1: down 2s..3s' --engine user --buffer 100 --congestion reno --nagle --quickack --whole " +
		"--files '/own files' --timeout 1m0s --backend mininet --capture all --seed 7"
	if got != want {
		t.Errorf("again:\n%s\nwant\n%s", got, want)
	}
}
