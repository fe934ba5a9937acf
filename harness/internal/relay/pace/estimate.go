package pace

import "slices"

// An Estimate is a running quantile of the last samples.
type Estimate struct {
	samples [63]int64
	next, n int
	since   int // samples since the quantiles were computed
	median  int64
	low     int64
	high    int64
}

// Add adds a sample.
func (e *Estimate) Add(v int64) {
	e.samples[e.next] = v
	e.next = (e.next + 1) % len(e.samples)
	e.n = min(e.n+1, len(e.samples))
	if e.since++; e.since < 8 && e.n > 8 {
		return
	}
	e.since = 0
	sorted := e.samples
	part := sorted[:e.n]
	slices.Sort(part)
	e.median, e.low, e.high = part[e.n/2], part[e.n/4], part[e.n*31/32]
}

// Median of the samples, zero where there are none.
func (e *Estimate) Median() int64 { return e.median }

// Low is the lower quartile of the samples.
func (e *Estimate) Low() int64 { return e.low }

// High is what 31 of 32 samples do not exceed.
func (e *Estimate) High() int64 { return e.high }
