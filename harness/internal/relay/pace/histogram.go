package pace

import "math/bits"

// A Histogram counts durations in buckets that are a sixteenth of their value wide at most.
type Histogram struct {
	counts [16 * 40]uint64
	n      uint64
	max    int64
}

// Add counts a duration; negative ones are zero.
func (h *Histogram) Add(v int64) {
	v = max(v, 0)
	h.n++
	h.max = max(h.max, v)
	h.counts[bucket(v)]++
}

func bucket(v int64) int {
	if v < 16 {
		return int(v)
	}
	exp := bits.Len64(uint64(v)) - 5 // so that v>>exp is 16 to 31
	return min((exp+1)*16+int(v>>exp)-16, 16*40-1)
}

// upper is the largest value of a bucket.
func upper(b int) int64 {
	if b < 16 {
		return int64(b)
	}
	exp := b/16 - 1
	return int64(b%16+17)<<exp - 1
}

// Count is the number of durations.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest.
func (h *Histogram) Max() int64 { return h.max }

// Quantile returns the duration that a share q, from 0 to 1, does not exceed, rounded up by a sixteenth at most.
func (h *Histogram) Quantile(q float64) int64 {
	want := uint64(q * float64(h.n))
	var seen uint64
	for b, c := range h.counts {
		if seen += c; c > 0 && seen >= want {
			return min(upper(b), h.max)
		}
	}
	return h.max
}
