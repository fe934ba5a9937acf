package impair

import (
	"math"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

var models = []topo.GilbertElliott{
	{PPercent: 1, RPercent: 20},
	{PPercent: 5, RPercent: 5, HPercent: 30, KLossPercent: 1},
	{PPercent: 0.01, RPercent: 0.5},
	{PPercent: 10}, // r is 90: independent
	{PPercent: 80, RPercent: 70},
	{PPercent: 100, RPercent: 100},
	{PPercent: 100, RPercent: 0.1},
}

// However a packet is come to, in turn or at once, its state is the same.
func TestGilbertStateIsAFunctionOfTheIndex(t *testing.T) {
	for _, m := range models {
		g := newGilbert(m, 11, 12)
		var turn chain
		for i := range uint64(5000) {
			if i > 0 && turn.bad != g.state(i, 9) {
				t.Fatalf("%+v: packet %d: in turn %d, at once %d", m, i, turn.bad, g.state(i, 9))
			}
			lost := g.strike(&turn, i, 9)
			alone := chain{next: 1 << 40} // not in turn
			if g.strike(&alone, i, 9) != lost || alone != turn {
				t.Fatalf("%+v: packet %d differs when it comes alone", m, i)
			}
		}
	}
}

// The share of losses, and the length of the stay in the bad state, are the model's.
func TestGilbertMoments(t *testing.T) {
	const n = 2_000_000
	for _, m := range models {
		g := newGilbert(m, Key(5, "l", "d", KindState), Key(5, "l", "d", KindBurst))
		var at chain
		lost, bad, stays := 0, 0, 0
		for i := range uint64(n) {
			before := at.bad
			if g.strike(&at, i, 0) {
				lost++
			}
			bad += int(before)
			if before == 0 && at.bad == 1 {
				stays++
			}
		}
		// Draws in a burst are not independent: the variance of a mean over a chain
		// with second eigenvalue q is (1+q)/(1-q) times that over independent ones.
		p, r := m.PPercent/100, m.R()/100
		q := 1 - p - r
		share := m.MeanLossPercent() / 100
		sigma := math.Sqrt(share*(1-share)/n) + math.Sqrt(p*r/(p+r)/(p+r)*max(1+q, 1e-3)/(1-q)/n)
		if off := math.Abs(float64(lost)/n - share); off > 5*sigma+1e-6 {
			t.Errorf("%+v: lost %.5f, want %.5f within %.5f", m, float64(lost)/n, share, 5*sigma)
		}
		if stays > 0 {
			mean := float64(bad) / float64(stays)
			if math.Abs(mean*r-1) > 5/math.Sqrt(float64(stays))+0.01 {
				t.Errorf("%+v: a stay in the bad state is %.3f packets, want %.3f", m, mean, 1/r)
			}
		}
	}
}

func TestGilbertBeginsGood(t *testing.T) {
	for seed := range uint64(100) {
		g := newGilbert(topo.GilbertElliott{PPercent: 100, RPercent: 100}, seed, seed+1)
		var at chain
		for i := range uint64(10) {
			if lost := g.strike(&at, i, 0); lost != (i%2 == 1) {
				t.Fatalf("seed %d: packet %d lost: %v", seed, i, lost)
			}
		}
	}
}
