package topo_test

import (
	"math"
	"testing"

	. "github.com/wireproof/wireproof/harness/topo"
)

// Long-run losses worked out by hand: p/(p+r) of the packets meet the bad state.
func TestMeanLoss(t *testing.T) {
	for _, c := range []struct {
		g    GilbertElliott
		want float64
	}{
		{GilbertElliott{}, 0},
		{GilbertElliott{PPercent: 5}, 5}, // r is 95: 5 of 100 in the bad state, all lost
		{GilbertElliott{PPercent: 1, RPercent: 19}, 5},
		{GilbertElliott{PPercent: 10, RPercent: 30, HPercent: 60, KLossPercent: 4}, 0.25*40 + 0.75*4},
		{GilbertElliott{PPercent: 100}, 100}, // r is 0: it never leaves
	} {
		if got := c.g.MeanLossPercent(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v loses %v %%, want %v", c.g, got, c.want)
		}
	}
}
