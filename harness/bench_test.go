package harness_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// BenchmarkUp brings a network up; the time to take it down is reported apart. The kernel ends namespaces in the
// background, and the next network waits for it: that is part of the figure.
func BenchmarkUp(b *testing.B) {
	for _, t := range []topo.Topo{topo.Single(2), harnesstest.Tree(), topo.Single(500)} {
		b.Run(fmt.Sprintf("%s-%dhosts", t.Name, len(t.Hosts)), func(b *testing.B) {
			harnesstest.Require(b, "root")
			var up, down time.Duration
			for b.Loop() {
				begin := time.Now()
				n, err := harness.Start(context.Background(), t, nil)
				if err != nil {
					b.Fatal(err)
				}
				up += time.Since(begin)
				begin = time.Now()
				if err := n.Close(); err != nil {
					b.Fatal(err)
				}
				down += time.Since(begin)
			}
			b.ReportMetric(float64(up.Microseconds())/1000/float64(b.N), "up-ms")
			b.ReportMetric(float64(down.Microseconds())/1000/float64(b.N), "down-ms")
		})
	}
}
