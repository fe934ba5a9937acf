package impair

import (
	"math"
	"math/bits"
	"testing"
)

// The outputs of the splitmix64 generator from 1234567, as other implementations
// publish them for their own tests.
func TestHashIsSplitmix64(t *testing.T) {
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821} {
		if got := Hash(1234567, uint64(i)); got != want {
			t.Errorf("Hash(1234567, %d) = %d, want %d", i, got, want)
		}
	}
}

func TestKeysAreApart(t *testing.T) {
	seen := map[uint64][4]any{}
	for seed := range uint64(40) {
		for _, link := range []string{"h1-s1", "h2-s1", "h1-s11", "a-bc", "ab-c", ""} {
			for _, direction := range []string{"h1>s1", "s1>h1", ">", ""} {
				for _, kind := range []Kind{KindLoss, KindState, KindBurst, KindJitter, KindDuplicate, KindReorder, KindCorrupt, KindCorruptBit} {
					key := Key(seed, link, direction, kind)
					if other, taken := seen[key]; taken {
						t.Fatalf("seed %d %q %q %q has the key of %v", seed, link, direction, kind, other)
					}
					seen[key] = [4]any{seed, link, direction, kind}
				}
			}
		}
	}
	// The parts are told apart by where one ends.
	if Key(1, "ab", "c", KindLoss) == Key(1, "a", "bc", KindLoss) {
		t.Error("the border between link and direction does not count")
	}
}

// Streams of two keys agree in a bit as often as chance has it: within five standard
// deviations of one half.
func TestStreamsAreIndependent(t *testing.T) {
	const n = 20000
	base := Key(1, "h1-s1", "h1>s1", KindLoss)
	for name, other := range map[string]uint64{
		"next seed":  Key(2, "h1-s1", "h1>s1", KindLoss),
		"direction":  Key(1, "h1-s1", "s1>h1", KindLoss),
		"kind":       Key(1, "h1-s1", "h1>s1", KindJitter),
		"other link": Key(1, "h2-s1", "h1>s1", KindLoss),
	} {
		for _, lag := range []uint64{0, 1, 7} {
			same := 0
			for i := range uint64(n) {
				same += bits.OnesCount64(^(Hash(base, i) ^ Hash(other, i+lag)))
			}
			if off := math.Abs(float64(same)-n*32) / math.Sqrt(n*16); off > 5 {
				t.Errorf("%s, lag %d: %.1f standard deviations from independent", name, lag, off)
			}
		}
	}
}

func TestThreshold(t *testing.T) {
	for _, c := range []struct {
		percent float64
		want    uint64
	}{
		{0, 0}, {-1, 0}, {math.NaN(), 0}, {100, 1 << 32}, {101, 1 << 32}, {math.Inf(1), 1 << 32},
		{50, 1 << 31}, {1, 42949673}, {5, 214748365}, {1e-12, 1}, {math.Nextafter(100, 0), 1<<32 - 1},
	} {
		if got := Threshold(c.percent); got != c.want {
			t.Errorf("Threshold(%v) = %d, want %d", c.percent, got, c.want)
		}
	}
	for i := range uint64(1000) {
		if Hit(7, i, 0) || !Hit(7, i, 1<<32) {
			t.Fatalf("packet %d: 0 %% struck or 100 %% did not", i)
		}
	}
}
