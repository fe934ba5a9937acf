package scenarios

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/userns"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/peers"
)

// corpusForTests is written once for all tests.
var corpusForTests Corpus

// backend is what brings the tests' networks up, so that the same tests show the same of each:
//
//	go test ./scenarios/... -backend=mininet
//
// Scenarios that ask for what Mininet has not, or this kernel for Mininet, are skipped. With both, parts are run on each
// and compared, which takes Mininet most of a minute.
var backend = flag.String("backend", string(Namespaces), "netns, mininet or both")

// compareBoth says that -backend=both was given. What is not compared then runs on our own namespaces.
var compareBoth bool

func TestMain(m *testing.M) {
	peers.Main()
	flag.Parse()
	if *backend == "both" {
		*backend, compareBoth = string(Namespaces), true
	}
	if _, err := ParseBackend(*backend); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if Backend(*backend) != Mininet { // which who asks for it by name has as it is on the machine
		userns.Main()
		harnesstest.OwnNamespace()
	}
	jobs := jobsOfTests
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "test.parallel" {
			jobs, _ = strconv.Atoi(f.Value.String())
		}
	})
	if jobs > 0 { // else it is refused
		room.jobs = jobs
		_ = flag.Set("test.parallel", "1000") // go test would start them in any order: see takePlace
	}
	os.Exit(testsWithCorpus(m))
}

func testsWithCorpus(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wireproof-scenarios-")
	if err == nil {
		defer os.RemoveAll(dir)
		corpusForTests, err = Novels(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if Backend(*backend) == Mininet {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		release, err := mininet.Acquire(ctx, true) // tests of other packages may have it
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer release()
	}
	return m.Run()
}
