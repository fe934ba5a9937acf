package capture

import "time"

// A tempo says how long the reader lets blocks gather before it writes them. A wake-up for each block is dear where blocks fill
// within microseconds: at 20 Gbit/s ten thousand a second, and what they take of a processor is taken from those who send.
type tempo struct {
	blocks int           // of the ring
	most   time.Duration // for its size
	began  time.Time     // the last drain ended then
}

const (
	// briskly is how fast blocks have to fill for a pause to pay.
	briskly = 500 * time.Microsecond
	// longestPause bounds what a file that somebody reads meanwhile lags behind.
	longestPause = 20 * time.Millisecond
	// fastest is what may come after a lull, in bytes a second: no pause lets more than a quarter of the ring fill at that.
	fastest = 5_000_000_000
)

func newTempo(r *ring) *tempo {
	quarter := time.Duration(len(r.mem) / 4)
	return &tempo{blocks: r.blocks, most: min(longestPause, quarter*time.Second/fastest), began: time.Now()}
}

// pause is how long to wait now that a drain has written n blocks: as long as an eighth of the ring takes to fill.
func (t *tempo) pause(now time.Time, n int) time.Duration {
	took := now.Sub(t.began)
	t.began = now
	if n == 0 || took > time.Duration(n)*briskly {
		return 0
	}
	return min(t.most, took/time.Duration(n)*time.Duration(t.blocks/8))
}
