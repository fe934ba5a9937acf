package link

import (
	"math/rand/v2"
	"testing"

	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/topo"
)

// The judge shares no code with the engines; it has to agree with them all the same.

func TestBoundsAsTheEngineHasThem(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		n := r.Uint64N(1 << r.IntN(22))
		p := r.Float64()
		if r.IntN(2) == 0 {
			p *= p * p * 0.1
		}
		low, high := bounds(n, p)
		if l, h := impair.Bounds(n, p, impair.DefaultError); low != l || high != h {
			t.Fatalf("n %d, p %v: %d to %d, the engine has %d to %d", n, p, low, high, l, h)
		}
	}
	for _, p := range []float64{0, 1, -1, 2} {
		low, high := bounds(100, p)
		if l, h := impair.Bounds(100, p, impair.DefaultError); low != l || high != h {
			t.Errorf("p %v: %d to %d, the engine has %d to %d", p, low, high, l, h)
		}
	}
}

// The model's own losses are in what the judge takes for plausible, and those of another model are not.
func TestBurstyHoldsTheModel(t *testing.T) {
	for i, g := range []topo.GilbertElliott{
		{PPercent: 1, RPercent: 20}, {PPercent: 5, RPercent: 30, HPercent: 20, KLossPercent: 1}, {PPercent: 30}, {PPercent: 0.1, RPercent: 2}, {PPercent: 60, RPercent: 70},
	} {
		const n = 200_000
		low, high, bursts := bursty(n, g, 0.01)
		if bursts < enoughBursts || low == 0 || high-low > n/10 {
			t.Errorf("model %d: %d to %d, %.0f bursts: no bounds to speak of", i, low, high, bursts)
		}
		for seed := range uint64(20) {
			lost := uint64(len(impair.Predict(impair.Config{Seed: seed, LossPercent: 1, Gilbert: g}, 0, n)))
			if lost < low || lost > high {
				t.Errorf("model %d, seed %d: %d lost, plausible %d to %d", i, seed, lost, low, high)
			}
		}
		g.PPercent /= 4
		if lost := uint64(len(impair.Predict(impair.Config{LossPercent: 1, Gilbert: g}, 0, n))); lost >= low {
			t.Errorf("a quarter of model %d: %d lost, and %d to %d is plausible of the whole", i, lost, low, high)
		}
	}
}

func FuzzCounted(f *testing.F) {
	f.Add(tcp(1, 5, false))
	f.Add(udp6(1, 5))
	f.Add(arp(1))
	icmp := udp6(1, 5)
	icmp[20], icmp[54] = 58, 135
	f.Add(icmp)
	hop := append([]byte(nil), icmp...)
	hop[20], hop[54], hop[55], hop[62] = 0, 58, 0, 143
	f.Add(hop)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if got, want := counted(frame), impair.Counted(frame); got != want {
			t.Fatalf("% x: counted %v, the engine has %v", frame, got, want)
		}
		c := findChecksum(frame)
		if c.at > 0 {
			c.good(frame)
			c.partial()
		}
	})
}
