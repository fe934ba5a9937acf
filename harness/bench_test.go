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

// partK is the tree of part k: 9 hosts, 7 switches, 15 shaped links.
func partK() topo.Topo {
	rate := func(mbit int) topo.LinkParams { return topo.LinkParams{Rate: topo.BitRate(mbit) * topo.Mbit} }
	t := topo.Topo{Name: "k"}
	t.AddHost("H", "I", "J", "K", "L", "M", "N", "O", "S").AddSwitch("s1", "s2", "s3", "s4", "s5", "s6", "s7")
	t.AddLink("s1", "s2", rate(1000)).AddLink("s1", "s3", rate(1000))
	t.AddLink("s2", "s4", rate(500)).AddLink("s2", "s5", rate(500)).AddLink("s3", "s6", rate(500)).AddLink("s3", "s7", rate(500))
	t.AddLink("S", "s1", rate(1000))
	for i, h := range []string{"H", "I", "J", "K", "L", "M", "N", "O"} {
		t.AddLink(h, fmt.Sprintf("s%d", 4+i/2), rate(250))
	}
	return t
}

// BenchmarkUp brings a network up; the time to take it down is reported apart. The kernel ends namespaces in the
// background, and the next network waits for it: that is part of the figure.
func BenchmarkUp(b *testing.B) {
	for _, t := range []topo.Topo{topo.Single(2), partK(), topo.Single(500)} {
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
