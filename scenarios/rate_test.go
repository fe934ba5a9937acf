package scenarios

import (
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// A whole novel over links of low rates: TCP makes packets of 64 KB where it may, and htb would let each of them go at once.
func TestLowRatesLetSingleFramesGo(t *testing.T) {
	harnesstest.Require(t, "root")
	var all []subtest
	for _, rate := range []topo.BitRate{5 * topo.Mbit, 30 * topo.Mbit} {
		all = append(all, subtest{rate.String(), 4 * time.Second, func(t *testing.T) {
			rows, err := Select([]string{"g"}, Params{Rate: rate})
			if err != nil {
				t.Fatal(err)
			}
			r, _ := mustRun(t, rows[0])
			wantVerdict(t, r, flow.Pass)
			if worstNamed(r.Checks, "link") != flow.Pass {
				t.Error("nothing says that the links kept to their rate")
			}
		}})
	}
	inParallel(t, all)
}
