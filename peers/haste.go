package peers

import "time"

// haste tells whether bytes come so fast that a processor has better things to do than to digest them meanwhile. A moment
// in which the socket is empty is free on a slow network: there SHA-256 costs no time beside it. On one that keeps the processors
// busy the same moment is the sender's, or the kernel's, on the same processors: 1 GB between two hosts on two of them, offloads
// off, came at 3.8 to 5.0 Gbit/s with digesting and at 4.8 to 7.9 without, and was digested by the same time after it.
//
// A sender on another machine, faster than that, leaves moments that were free after all: its file is digested after its last byte, too.
//
// The zero value has seen nothing, and is not fast.
type haste struct {
	since time.Time // of the bytes
	bytes int64
	fast  bool
}

const (
	hasteWindow = 10 * time.Millisecond // over which the rate is taken
	hasteRate   = 250_000_000           // bytes a second, 2 Gbit/s: more than links of gigabits bring, less than what was measured to suffer
)

// moved notes that n bytes came by now.
func (h *haste) moved(n int64, now time.Time) {
	if h.since.IsZero() {
		h.since = now
	}
	h.bytes += n
	if took := now.Sub(h.since); took >= hasteWindow {
		h.fast = float64(h.bytes) >= hasteRate*took.Seconds()
		h.since, h.bytes = now, 0
	}
}
