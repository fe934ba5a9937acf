// Package harnesstest adapts package harness to tests: skips that say why, networks that are closed at the test's end,
// and checks that nothing was left behind.
package harnesstest

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// EnvRequire names the environment variable that lists capabilities which must be there ("root,tshark"): a test that would
// skip for want of one fails instead. "all" stands for all but netem and fq, which have to be named.
const EnvRequire = "WIREPROOF_REQUIRE"

var (
	mu    sync.Mutex
	found = make(map[string]harness.Capability)
)

// Require skips the test, with the reason and the remedy, unless the machine has all these capabilities, by
// harness.Doctor's names ("root", "tshark", …). Each is probed once for each process. A name that does not exist is fatal.
func Require(tb testing.TB, what ...string) {
	tb.Helper()
	for _, name := range what {
		c := probe(name)
		if c.OK {
			continue
		}
		if strings.HasPrefix(c.Detail, "no capability ") {
			tb.Fatal(c.Detail)
		}
		if must(name) {
			tb.Fatalf("%s requires %s, and it is missing: %s: %s", EnvRequire, name, c.Detail, c.Remedy)
		}
		tb.Skipf("needs %s: %s: %s", name, c.Detail, c.Remedy)
	}
}

func probe(name string) harness.Capability {
	mu.Lock()
	defer mu.Unlock()
	c, ok := found[name]
	if !ok {
		c = harness.Probe(context.Background(), name)[0]
		found[name] = c
	}
	return c
}

// onlyByName are the capabilities that "all" does not stand for: kernels without them are what the user engine is there
// for, and those of CI are such, or are older than what a feature came with.
var onlyByName = []string{"netem", "fq", "tcx"}

// must says whether a skip for want of name is a failure.
func must(name string) bool {
	list := strings.Split(os.Getenv(EnvRequire), ",")
	return slices.Contains(list, name) || slices.Contains(list, "all") && !slices.Contains(onlyByName, name)
}

// startLimit is how long a network may take to come up, the spanning tree's four seconds included.
const startLimit = time.Minute

// Start brings t up and takes it down at the end of the test. It requires "root". A failure is fatal. Where the test has
// failed, what each host's sockets and queues say is kept first (see Artifacts for where), and the test says how to run it again.
func Start(tb testing.TB, t topo.Topo, o *harness.Options) *harness.Network {
	tb.Helper()
	Require(tb, "root")
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	n, err := harness.Start(ctx, t, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			keepState(tb, n)
		}
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	return n
}
