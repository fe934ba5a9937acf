package impair

import (
	"math"
	"math/big"
	"testing"
)

// tails returns the chance of fewer than k and of more than k of n, for each k up to n,
// from Pascal's rule applied to the probabilities, in 300 bits.
func tails(n int, p float64) (below, above []float64) {
	number := func(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }
	one := number(1)
	yes := number(p)
	no := number(0).Sub(one, yes)
	chance := []*big.Float{one}
	for range n {
		next := make([]*big.Float, len(chance)+1)
		for k := range next {
			next[k] = number(0)
			if k < len(chance) {
				next[k].Add(next[k], number(0).Mul(chance[k], no))
			}
			if k > 0 {
				next[k].Add(next[k], number(0).Mul(chance[k-1], yes))
			}
		}
		chance = next
	}
	below, above = make([]float64, n+1), make([]float64, n+1)
	sum := number(0)
	for k := range chance {
		below[k], _ = sum.Float64()
		sum.Add(sum, chance[k])
	}
	sum = number(0)
	for k := n; k >= 0; k-- {
		above[k], _ = sum.Float64()
		sum.Add(sum, chance[k])
	}
	return below, above
}

func TestBoundsAgainstBruteForce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 17, 40, 150} {
		for _, p := range []float64{0.0001, 0.01, 0.05, 0.3, 0.5, 0.77, 0.99} {
			below, above := tails(n, p)
			for _, e := range []float64{1e-6, 1e-2, 0.3} {
				low, high := 0, n
				for low < n && below[low+1] <= e/2 {
					low++
				}
				for high > 0 && above[high-1] <= e/2 {
					high--
				}
				gotLow, gotHigh := Bounds(uint64(n), p, e)
				if gotLow != uint64(low) || gotHigh != uint64(high) {
					t.Errorf("Bounds(%d, %v, %g) = %d, %d, want %d, %d", n, p, e, gotLow, gotHigh, low, high)
				}
			}
		}
	}
}

// Large n has no brute force; there the bounds of one tail are within Bernstein's,
// and the normal distribution says about where they are.
func TestBoundsLarge(t *testing.T) {
	for _, n := range []uint64{1e4, 1e6, 1e9} {
		for _, p := range []float64{1e-9, 1e-3, 0.01, 0.05, 0.5, 0.999} {
			low, high := Bounds(n, p, DefaultError)
			mean, sigma := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
			if float64(low) > mean || float64(high) < mean {
				t.Errorf("n %d p %v: %d to %d does not hold the mean %.1f", n, p, low, high, mean)
			}
			if sigma > 30 {
				for _, off := range []float64{(mean - float64(low)) / sigma, (float64(high) - mean) / sigma} {
					if math.Abs(off-4.89164) > 4.0/sigma+0.05 { // the 5e-7 quantile
						t.Errorf("n %d p %v: a bound is %.3f standard deviations off", n, p, off)
					}
				}
			}
			// Each bound is the last that keeps to e/2, by the other way to sum.
			if low > 0 {
				if below(n, low-1, p) > DefaultError/2*(1+1e-6) || below(n, low, p) <= DefaultError/2*(1-1e-6) {
					t.Errorf("n %d p %v: low %d is not where the tail is %g", n, p, low, DefaultError/2)
				}
			}
			if high < n {
				if atLeast(n, high+1, p) > DefaultError/2*(1+1e-6) || high > 0 && atLeast(n, high, p) <= DefaultError/2*(1-1e-6) {
					t.Errorf("n %d p %v: high %d is not where the tail is %g", n, p, high, DefaultError/2)
				}
			}
		}
	}
	for _, p := range []float64{0, -1, math.NaN()} {
		if low, high := Bounds(100, p, 1e-6); low != 0 || high != 0 {
			t.Errorf("p %v: %d to %d", p, low, high)
		}
	}
	if low, high := Bounds(100, 1, 1e-6); low != 100 || high != 100 {
		t.Errorf("p 1: %d to %d", low, high)
	}
}

// Published: 0 of n has the upper limit 1-(e/2)^(1/n); and an interval holds exactly the
// chances whose bounds hold k.
func TestInterval(t *testing.T) {
	for _, n := range []uint64{1, 10, 1000, 1e6} {
		low, high := Interval(n, 0, 0.05)
		if want := -math.Expm1(math.Log(0.025) / float64(n)); low != 0 || math.Abs(high/want-1) > 1e-9 {
			t.Errorf("0 of %d: %v to %v, want 0 to %v", n, low, high, want)
		}
		low, high = Interval(n, n, 0.05)
		if want := math.Exp(math.Log(0.025) / float64(n)); high != 1 || math.Abs(low/want-1) > 1e-9 {
			t.Errorf("%d of %d: %v to %v, want %v to 1", n, n, low, high, want)
		}
	}
	for _, c := range [][2]uint64{{10, 3}, {200, 1}, {5000, 250}, {100000, 99000}} {
		low, high := Interval(c[0], c[1], 1e-4)
		inside := func(p float64) bool { a, b := Bounds(c[0], p, 1e-4); return a <= c[1] && c[1] <= b }
		if !inside(low*1.0001) || inside(low*0.9999) || inside(1-(1-high)*0.9999) || !inside(1-(1-high)*1.0001) {
			t.Errorf("%d of %d: %v to %v is not where the bounds let go", c[1], c[0], low, high)
		}
	}
	if low, high := Interval(0, 0, 0.05); low != 0 || high != 1 {
		t.Errorf("no packets: %v to %v", low, high)
	}
}

// Our own losses keep to the bounds: a seed in a million would not.
func TestLossesKeepToTheBounds(t *testing.T) {
	for _, percent := range []float64{0.1, 1, 5, 50} {
		for seed := range uint64(20) {
			const n = 100_000
			got := uint64(len(Predict(Config{Seed: seed, Link: "h1-s1", Direction: "h1>s1", LossPercent: percent}, 0, n)))
			if low, high := Bounds(n, percent/100, DefaultError); got < low || got > high {
				t.Errorf("seed %d, %v %%: %d lost, want %d to %d", seed, percent, got, low, high)
			}
		}
	}
}

func BenchmarkBounds(b *testing.B) {
	for b.Loop() {
		Bounds(1e8, 0.01, DefaultError)
	}
}
