package scenarios

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/wireproof/wireproof/peers"
)

// corpusForTests is written once for all tests.
var corpusForTests Corpus

func TestMain(m *testing.M) {
	peers.Main()
	flag.Parse()
	// Scenarios mostly wait, so more of them run at once than there are processors, unless -parallel says otherwise.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(DefaultJobs))
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
	return m.Run()
}
