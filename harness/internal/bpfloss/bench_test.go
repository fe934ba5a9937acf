package bpfloss_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/internal/bpfloss"
	"github.com/wireproof/wireproof/harness/topo"
)

// BenchmarkCost is the throughput of TCP through a program that loses nothing, as a share of the throughput without
// one: the median of pairs of transfers made in turn.
func BenchmarkCost(b *testing.B) {
	var never []topo.Range
	for i := range uint64(1000) {
		never = append(never, topo.Range{First: 1<<40 + 2*i, Last: 1<<40 + 2*i})
	}
	for _, c := range []struct {
		name   string
		config bpfloss.Config
	}{
		{"counting", bpfloss.Config{}},
		{"chance", bpfloss.Config{LossPercent: 1e-12, Seed: 1}}, // the formula is worked out for every packet
		{"list of 1000", bpfloss.Config{Drop: never}},
	} {
		for name, offload := range map[string]harness.Offload{"wire packets": harness.OffloadOff, "offloaded": harness.OffloadOn} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				const size = 256 << 20
				p := newPair(b, &harness.Options{Offload: offload})
				p.transfer(size)
				var ratios []float64
				for b.Loop() {
					begin := time.Now()
					p.transfer(size)
					without := time.Since(begin)
					prog := p.attach(c.config)
					begin = time.Now()
					p.transfer(size)
					ratios = append(ratios, float64(without)/float64(time.Since(begin)))
					if err := prog.Close(); err != nil {
						b.Fatal(err)
					}
				}
				slices.Sort(ratios)
				b.ReportMetric(ratios[len(ratios)/2], "of-bare")
			})
		}
	}
}
