package link

import (
	"math"
	"math/bits"
	"time"
)

// Delays is the distribution of the times from sending to receiving. Min and Max are exact, the
// others at most 1/4096 less than the truth. Without packets all are zero.
type Delays struct {
	Packets uint64        `json:"packets"`
	Min     time.Duration `json:"min_ns"` // negative: received before it was sent, by the time stamps
	Median  time.Duration `json:"median_ns"`
	P99     time.Duration `json:"p99_ns"`
	Max     time.Duration `json:"max_ns"`

	octaves [52][]uint64 // times of equal length in bits: 4096 steps in each
}

const steps = 4096 // also the first 4096 ns, one by one

// slot returns where d is counted. What is negative counts as zero.
func slot(d time.Duration) (octave, step int) {
	v := uint64(max(d, 0))
	if v < steps {
		return 0, int(v)
	}
	octave = bits.Len64(v) - bits.Len64(steps) + 1
	return octave, int(v>>(octave-1)) - steps
}

func (d *Delays) add(t time.Duration) {
	octave, step := slot(t)
	if d.octaves[octave] == nil {
		d.octaves[octave] = make([]uint64, steps)
	}
	d.octaves[octave][step]++
	if d.Packets == 0 {
		d.Min, d.Max = t, t
	}
	d.Min, d.Max = min(d.Min, t), max(d.Max, t)
	d.Packets++
}

// finish fills in what needs all of them.
func (d *Delays) finish() {
	d.Median = d.quantile(0.5)
	d.P99 = d.quantile(0.99)
}

// quantile returns the least time that at least q of all packets did not exceed.
func (d *Delays) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(d.Packets)))
	for octave, list := range d.octaves {
		for step, n := range list {
			if n < rank {
				rank -= n
				continue
			}
			if rank == 0 {
				return 0
			}
			v := time.Duration(step)
			if octave > 0 {
				v = time.Duration(steps+step) << (octave - 1)
			}
			return min(max(v, d.Min), d.Max)
		}
	}
	return 0
}

// Below returns how many packets took less than t, as exactly as Delays is. It knows of
// what Compare returned, and not of a copy that was read from JSON.
func (d *Delays) Below(t time.Duration) uint64 {
	n := uint64(0)
	last, end := slot(t)
	for octave, list := range d.octaves[:last+1] {
		if octave == last && list != nil {
			list = list[:end]
		}
		for _, count := range list {
			n += count
		}
	}
	return n
}
