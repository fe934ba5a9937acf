package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/peers"
)

// optionsFor keeps what a test's scenario leaves where it can be found: in a folder that goes when the test passes, and
// stays, named, when it fails.
func optionsFor(t *testing.T) Options {
	t.Helper()
	return Options{Out: harnesstest.Artifacts(t), Corpus: corpusForTests, Backend: Backend(*backend), OneProcessor: true}
}

// able skips the test where the back end cannot do what the scenario asks for, or this kernel cannot for it.
func able(t *testing.T, b Backend, s Scenario) {
	t.Helper()
	err := b.ready(t.Context(), []Scenario{s})
	switch {
	case err == nil:
	case errors.Is(err, harness.ErrKernel):
		harnesstest.Require(t, "netem")
		t.Fatal(err)
	case errors.Is(err, mininet.ErrCannot), errors.Is(err, ErrUsage):
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

func mustRun(t *testing.T, s Scenario) (Report, Options) {
	t.Helper()
	o := optionsFor(t)
	o.FailuresOnly = true
	able(t, o.Backend, s)
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, o
}

// wantVerdict says in two lines what was seen and what was expected; the rest is in the folder that is named.
func wantVerdict(t *testing.T, r Report, want flow.Verdict) {
	t.Helper()
	if r.Verdict == want {
		return
	}
	f := Failure{Saw: string(r.Verdict)}
	if r.Verdict != flow.Pass {
		f = failureOf(r.Checks)
	}
	if want != flow.Pass {
		f.Expected = string(want)
	}
	t.Errorf("%s: see %s\nsaw:      %s\nexpected: %s", r.Name(), r.dir, f.Saw, f.Expected)
}

// The twin of the one-connection claim: clients that open a connection for each file have to fail it, and nothing else.
func TestNonPersistentClientsFailTheClaim(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	s := selectAll(t, Params{Variants: []string{AllVariant}, Mode: peers.NonPersistent}, "e")[0]
	s.Excerpt = 256 << 10
	r, _ := mustRun(t, s)
	wantVerdict(t, r, flow.Fail)
	for check, want := range map[string]flow.Verdict{
		"connections": flow.Fail, "disk": flow.Pass, "capture": flow.Pass, "streams": flow.Pass, "clients": flow.Pass,
	} {
		if got := worstNamed(r.Checks, check); got != want {
			t.Errorf("check %s is %s, want %s", check, got, want)
		}
	}
	if len(r.Connections) != 25 {
		t.Errorf("%d connections in the report, five clients made five each", len(r.Connections))
	}
}

// The twin of the wire proof and of the disk proof: a single flipped byte in the source that both are compared with is
// found at its offset.
func TestAFlippedByteIsFoundAtItsOffset(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	o := optionsFor(t)
	dir := filepath.Join(o.Out, "files")
	var err error
	if o.Corpus, err = Novels(dir); err != nil {
		t.Fatal(err)
	}
	s := selectAll(t, Params{}, "g")[0]
	const at = 1_234_567
	r, err := newRun(s, o)
	if err == nil {
		err = r.perform(t.Context(), func() {
			flip(t, filepath.Join(dir, o.Corpus.Names[2]), at)
			r.judge(t.Context())
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r.report, flow.Fail)
	for _, name := range []string{"wire", "disk"} {
		i := slices.IndexFunc(r.report.Checks, func(c flow.Check) bool { return c.Name == name })
		c := r.report.Checks[i]
		digits := strings.Map(func(x rune) rune {
			if x == ',' || x == '_' {
				return -1
			}
			return x
		}, c.Detail)
		if c.Verdict != flow.Fail || !strings.Contains(digits, "1234567") {
			t.Errorf("%s: %s, want FAIL at offset %d: %s", name, c.Verdict, at, c.Detail)
		}
	}
	if got := worstNamed(r.report.Checks, "connections"); got != flow.Pass {
		t.Errorf("connections: %s", got)
	}
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x20
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// tshark, which shares no code with us, has to see the connections that the report lists.
func TestTsharkSeesTheSameConnections(t *testing.T) {
	harnesstest.Require(t, "root", "tshark")
	takePlace(t, 0)
	s := selectAll(t, Params{}, "l")[0]
	s.Excerpt = 256 << 10
	r, _ := mustRun(t, s)
	wantVerdict(t, r, flow.Pass)
	var seen []string
	for _, c := range r.Captures {
		out, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", c.Path, "-Y", "tcp.flags.syn==1 && tcp.flags.ack==1",
			"-T", "fields", "-E", "separator=,", "-e", "ip.dst", "-e", "tcp.dstport", "-e", "ip.src", "-e", "tcp.srcport", "-e", "tcp.seq_raw").Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimSpace(line), ",")
			seen = append(seen, fmt.Sprintf("%s:%s %s:%s %s", f[0], f[1], f[2], f[3], f[4]))
		}
	}
	var listed []string
	for _, c := range r.Connections {
		listed = append(listed, fmt.Sprintf("%s %s %d", c.Client, c.Server, c.ServerISN))
	}
	slices.Sort(seen)
	slices.Sort(listed)
	if !slices.Equal(seen, listed) {
		t.Errorf("tshark sees %v, the report lists %v", seen, listed)
	}
}

// A run that is cut short is INCONCLUSIVE, not failed, and says that it was.
func TestACutRunIsInconclusive(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, time.Second)
	s := selectAll(t, Params{Rate: 1_000_000}, "g")[0] // 1 Mbit/s: 21 s for a novel
	o := optionsFor(t)
	o.Timeout = 500 * time.Millisecond
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, r, flow.Inconclusive)
	if !strings.Contains(r.Checks[0].Detail, "longer than 500ms") {
		t.Errorf("the report does not say why: %+v", r.Checks[0])
	}
}

func TestRunAllGoesOnPastAScenarioAndStopsWithTheUser(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	all := selectAll(t, Params{Rate: 1_000_000}, "g", "j")
	ctx, cancel := context.WithCancel(t.Context())
	o := optionsFor(t)
	reports, err := RunAll(ctx, all, o, 2, func(e Event) {
		if e.Report == nil {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		wantVerdict(t, r, flow.Inconclusive)
	}
}

// The user's own files stand in for the novels.
func TestOwnFiles(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	o := optionsFor(t)
	dir := filepath.Join(o.Out, "own")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"all bytes": bytes.Repeat(everyByte(), 40), "sent EOF": bytes.Repeat([]byte("sentEOF"), 3000), "two.txt": []byte("a small file of its own\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if o.Corpus, err = Folder(dir); err != nil {
		t.Fatal(err)
	}
	for _, s := range selectAll(t, Params{Variants: []string{AllVariant}}, "e") {
		r, err := Run(t.Context(), s, o)
		if err != nil {
			t.Fatal(err)
		}
		wantVerdict(t, r, flow.Pass)
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// Part i's losses are those asked for also where the kernel's program decides them: at a switch's ports before any capture
// sees the packet, at a host's behind the switch's.
func TestLossByBPF(t *testing.T) {
	harnesstest.Require(t, "root", "bpf")
	takePlace(t, 2*time.Second)
	s := selectAll(t, Params{Engine: harness.EngineBPF}, "i")[0]
	s.Excerpt = 512 << 10 // some twenty losses on each link
	r, _ := mustRun(t, s)
	wantVerdict(t, r, flow.Pass)
	for _, l := range r.Links {
		if l.EngineA != string(harness.EngineBPF) || l.Sent.Lost+l.SentBA.Lost == 0 {
			t.Errorf("link %s-%s: engine %s lost %d and %d", l.A, l.B, l.EngineA, l.Sent.Lost, l.SentBA.Lost)
		}
	}
}
