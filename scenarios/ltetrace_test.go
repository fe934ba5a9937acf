package scenarios

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

var update = flag.Bool("update", false, "write the recipes' traces anew")

// lteTrace is what traces/lte.trace holds. It is no recording but looks like one: a rate that wanders between 5 and
// 40 Mbit/s with a slow and a fast fading, grants that come in bursts every 5 ms, and stalls of 90 to 160 ms, as a cell's
// scheduler and its handovers make them. Integers alone, so that it is the same everywhere.
func lteTrace() topo.Trace {
	const period, burst = 6000, 5 // ms
	stalls := [][2]int{{300, 420}, {1050, 1210}, {1800, 1900}, {2550, 2640}, {3300, 3450}, {4050, 4160}, {4800, 4960}, {5500, 5600}}
	var trace topo.Trace
	credit := 0 // bits
	for ms := 1; ms <= period; ms++ {
		kbit := 5000 + 25*fading(ms, 1700) + 10*fading(ms, 430)
		credit += kbit // kbit/s for one ms are bits
		for _, s := range stalls {
			if ms > s[0] && ms <= s[1] {
				credit = 0
			}
		}
		if ms%burst == 0 {
			for ; credit >= topo.TraceBytes*8; credit -= topo.TraceBytes * 8 {
				trace = append(trace, uint32(ms))
			}
		}
	}
	return trace
}

// fading goes from 0 to 1000 and back in each period of so many ms.
func fading(ms, period int) int {
	return min(ms%period, period-ms%period) * 2000 / period
}

// The committed trace is what the formula makes: go test ./scenarios -run TestTheTraceIsItsFormula -update.
func TestTheTraceIsItsFormula(t *testing.T) {
	var b bytes.Buffer
	if _, err := lteTrace().WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("traces", "lte.trace")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, b.Bytes()) {
		t.Errorf("%s is not what the formula makes: run this test with -update", file)
	}
	trace := lteTrace()
	if trace.Period() != 6*time.Second || trace.MeanRate() < 15e6 || trace.MeanRate() > 25e6 {
		t.Errorf("period %v, %.1f Mbit/s on average", trace.Period(), trace.MeanRate()/1e6)
	}
}
