package capture

import "time"

// A tempo says when the reader lets blocks gather before it writes them. To write is dear: a wake-up for each block where ten
// thousand fill in a second, and the copy into the file. What that takes of the processors is taken from those who send, so
// it waits for a lull as long as the ring has room.
type tempo struct {
	nap    time.Duration // between two looks at the ring; zero: it is too small to wait
	enough int           // blocks that are to be written at once
	began  time.Time     // the last drain ended then
}

const (
	// briskly is how fast blocks have to fill for waiting to pay.
	briskly = 500 * time.Microsecond
	// longestNap bounds how late a lull is seen.
	longestNap = 20 * time.Millisecond
	// longestGathering bounds what a file that somebody reads meanwhile lags behind.
	longestGathering = 500 * time.Millisecond
	// room is what is to be left in a large ring while blocks gather, for a file that takes its time; in a small one seven eighths.
	room = 512 << 20
	// fastest is what may come, in bytes a second: a nap lets no more than a quarter of the ring fill at that.
	fastest = 5_000_000_000
)

func newTempo(r *ring) *tempo {
	quarter := time.Duration(len(r.mem) / 4)
	t := &tempo{nap: min(longestNap, quarter*time.Second/fastest), began: time.Now()}
	if t.enough = r.blocks - min(r.blocks-r.blocks/8, room/r.block); t.enough < 2 {
		t.nap = 0
	}
	return t
}

// brisk says whether to let blocks gather, now that a drain has written n.
func (t *tempo) brisk(now time.Time, n int) bool {
	took := now.Sub(t.began)
	t.began = now
	return t.nap > 0 && n > 0 && took <= time.Duration(n)*briskly
}

// more says whether to go on gathering after another nap, in which the blocks that wait became more than they had been.
func (t *tempo) more(now time.Time, had, ready int) bool {
	return ready < t.enough && ready-had >= int(t.nap/briskly) && now.Sub(t.began) < longestGathering
}
