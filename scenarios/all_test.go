package scenarios

import (
	"os"
	"slices"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/protocol"
)

// What the ordinary tests cut is lockstep, and all five novels over a tree; one scenario has lockstep whole.
func TestOneScenarioIsWholeByLockstep(t *testing.T) {
	whole := 0
	for _, s := range selectAll(t, Params{}, "all") {
		cut := briefly(s)
		if s.Dialect != protocol.Lockstep {
			if !overTree(s) && cut.Excerpt != s.Excerpt {
				t.Errorf("%s: excerpts of %d bytes", s.Name(), cut.Excerpt)
			}
			continue
		}
		if cut.Excerpt == 0 {
			whole++
			if longestFetch(cut) != 5 {
				t.Errorf("%s is whole and fetches %d novels", s.Name(), longestFetch(cut))
			}
		} else if cut.Excerpt < 16*protocol.DefaultBuffer {
			t.Errorf("%s: excerpts of %d bytes", s.Name(), cut.Excerpt)
		}
	}
	if whole != 1 {
		t.Errorf("%d scenarios have whole files by lockstep", whole)
	}
}

// TestParts runs every part in every variant, dialect and server model. A novel by lockstep is 3,000 exchanges that wake both
// ends, and all scenarios together were 380,000, half of the processor time of these tests: the persistent part has all five
// whole, the others an excerpt of each file, as reports say, unless everything is asked for. "run all" serves them whole.
func TestParts(t *testing.T) {
	harnesstest.Require(t, "root")
	var all []subtest
	for _, s := range selectAll(t, Params{Seed: quickSeed}, "all") {
		if os.Getenv(envFull) == "" {
			s = briefly(s)
		}
		all = append(all, subtest{s.Name(), s.waits(), func(t *testing.T) {
			r, _ := mustRun(t, s)
			wantVerdict(t, r, flow.Pass)
		}})
	}
	inParallel(t, all)
}

// quickSeed is one by which retransmissions in part i are seldom lost in a row, and TCP's timer seldom doubles far: a whole novel
// takes 2 to 9 s (twenty runs), 5 to 23 s by the default seed.
const quickSeed = 7

// exchangesEach is how many exchanges a client of a part by lockstep makes where the part is cut.
const exchangesEach = 256

// briefly is a scenario as the ordinary tests run it: every client fetches what it fetches, but by lockstep less of each file; and
// so where four clients fetch all five novels through a tree of switches, by stream, as they fetch one each whole.
func briefly(s Scenario) Scenario {
	size := int64(0)
	switch {
	case s.Dialect == protocol.Lockstep && s.Name() != wholeByLockstep:
		exchanges := exchangesEach
		if lossy(s.Topo) {
			exchanges /= 2 // one in six or so waits for a retransmission, 200 ms and more
		}
		size = int64(exchanges * protocol.DefaultBuffer / longestFetch(s))
	case s.Dialect == protocol.Stream && overTree(s):
		size = 512 << 10
	}
	if size > 0 && (s.Excerpt == 0 || s.Excerpt > size) {
		s.Excerpt = size
	}
	return s
}

// overTree says that a scenario is one of 57 MB through six switches, 2 s of processor time each.
func overTree(s Scenario) bool { return s.isAll() && slices.Contains([]string{"k", "l", "m"}, s.Part) }

// wholeByLockstep is the scenario that has all five novels, twice, in each dialect.
const wholeByLockstep = "persistent/default/lockstep/sequential"
