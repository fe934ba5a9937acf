package impair

import (
	"math"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// moments of n draws, in units of the scale.
func moments(d topo.Distribution, n uint64, j time.Duration) (mean, deviation, least, most float64) {
	made := newJitter(j, d)
	key := Key(3, "h1-s1", "h1>s1", KindJitter)
	var sum, squares float64
	least, most = math.Inf(1), math.Inf(-1)
	for i := range n {
		x := float64(made.at(Hash(key, i))) / float64(j)
		sum, squares = sum+x, squares+x*x
		least, most = min(least, x), max(most, x)
	}
	mean = sum / float64(n)
	return mean, math.Sqrt(squares/float64(n) - mean*mean), least, most
}

// The exact moments. Those of pareto and paretonormal are integrals over probability u of the
// definition, cut off at 4 J: for pareto, with x = 4/3 (v^(-1/3) - 3/2) for v = 1-u,
// x = 4 at v = (2/9)^3.
func exact(inverse func(float64) float64) (mean, deviation float64) {
	const steps = 4_000_000
	var sum, squares float64
	for i := range steps {
		x := max(-4, min(4, inverse((float64(i)+0.5)/steps)))
		sum, squares = sum+x, squares+x*x
	}
	mean = sum / steps
	return mean, math.Sqrt(squares/steps - mean*mean)
}

func TestDistributionMoments(t *testing.T) {
	cut := math.Pow(2.0/9, 3)
	// integral of v^(-1/3) from cut to 1 is 3/2 (1 - cut^(2/3)).
	paretoMean := 4.0/3*(1.5*(1-math.Pow(cut, 2.0/3))-1.5*(1-cut)) + 4*cut
	for _, c := range []struct {
		d           topo.Distribution
		mean        float64
		least, most float64
	}{
		{topo.Uniform, 0, -1, 1},
		{topo.Normal, 0, -3.67, 3.67}, // the middle of the outermost of 4096 steps
		{topo.Pareto, paretoMean, -2.0 / 3, 4},
		{topo.ParetoNormal, 0.75 * paretoMean, -1.42, 3.92},
	} {
		const n = 1 << 20
		mean, deviation, least, most := moments(c.d, n, 10*time.Millisecond)
		wantMean, wantDeviation := exact(c.d.Quantile)
		if math.Abs(wantMean-c.mean) > 2e-4 {
			t.Errorf("%s: the definition has mean %.5f, calculus says %.5f", c.d, wantMean, c.mean)
		}
		// Five standard errors of a mean over n draws, and the table's own grain.
		if off := math.Abs(mean - wantMean); off > 5*wantDeviation/1024+5e-4 {
			t.Errorf("%s: mean %.5f, want %.5f", c.d, mean, wantMean)
		}
		if math.Abs(deviation/wantDeviation-1) > 0.01 {
			t.Errorf("%s: standard deviation %.5f, want %.5f", c.d, deviation, wantDeviation)
		}
		if math.Abs(least-c.least) > 0.01 || math.Abs(most-c.most) > 0.01 {
			t.Errorf("%s: from %.4f to %.4f, want %.4f to %.4f", c.d, least, most, c.least, c.most)
		}
	}
}

func TestTablesRiseAndStayInRange(t *testing.T) {
	for name, table := range tables {
		last := int16(math.MinInt16)
		for i, x := range table() {
			if x < last {
				t.Fatalf("%s: entry %d is %d after %d", name, i, x, last)
			}
			last = x
		}
	}
}

// Entries at known probabilities, by hand: the median of normal is 0, its
// 84.13 % quantile 1; of pareto at 1-1/8 it is (2-3/2)*4/3.
func TestTablesGolden(t *testing.T) {
	for _, c := range []struct {
		d    topo.Distribution
		u    float64
		want float64
	}{{topo.Normal, 0.5, 0}, {topo.Normal, 0.841345, 1}, {topo.Normal, 0.158655, -1}, {topo.Pareto, 0.875, 2.0 / 3}, {topo.Pareto, 0, -2.0 / 3}, {topo.ParetoNormal, 0.875, 0.25*1.15035 + 0.5}} {
		got := float64(newJitter(tableScale, c.d).at(uint64(c.u*(1<<63))*2)) / tableScale
		if math.Abs(got-c.want) > 0.003 {
			t.Errorf("%s at %v is %v, want %v", c.d, c.u, got, c.want)
		}
	}
}

func TestJitterAtExtremes(t *testing.T) {
	for _, d := range topo.Distributions() {
		for _, j := range []time.Duration{1, 2, 8191, 8192, 8193, time.Hour} {
			made := newJitter(j, d)
			for _, random := range []uint64{0, 1 << 63, math.MaxUint64} {
				if x := made.at(random); x < -4*j || x > 4*j {
					t.Errorf("%s of %v at %x is %v, more than 4 times off", d, j, random, x)
				}
			}
		}
	}
	if x := newJitter(time.Hour, topo.Pareto).at(math.MaxUint64); x < 3*time.Hour {
		t.Errorf("an hour of pareto reaches %v: it overflowed", x)
	}
	if newJitter(time.Millisecond, topo.Uniform).at(0) != -time.Millisecond {
		t.Error("uniform does not begin at -J")
	}
}
