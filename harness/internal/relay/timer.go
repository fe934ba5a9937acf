package relay

import (
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// A timer knows what waking up takes, and how much the thread may spin.
type timer struct {
	start    int64
	short    pace.Estimate // lateness of wake-ups after less than shortSleep
	long     pace.Estimate // after more: the processor sleeps deeper
	wakes    uint64
	timeouts uint64
	spun     int64
	credit   int64 // ns that may be spun
	credited int64 // up to this time
}

const (
	shortSleep  = 300_000    // ns
	spinShare   = 5          // a fifth
	spinCredit  = 2_000_000  // ns, the most that is saved up
	maxEarly    = 200_000    // ns, the most that a timer is set early
	maxEstimate = 10_000_000 // ns; a later wake-up says something about the machine's other work
)

// early is what a timer that has gap ns to go is set earlier.
func (t *timer) early(gap int64) int64 {
	if gap < shortSleep {
		return min(t.short.Median(), maxEarly)
	}
	return min(t.long.Median(), maxEarly)
}

// low is what waking up takes at least.
func (t *timer) low() int64 {
	l := t.long.Low()
	if s := t.short.Low(); s > 0 && (l == 0 || s < l) {
		l = s
	}
	return min(l, maxEarly)
}

// median is the figure for statistics.
func (t *timer) median() int64 { return max(t.short.Median(), t.long.Median()) }

// maySpin takes ns from the credit, or returns false.
func (t *timer) maySpin(now, ns int64) bool {
	t.credit = min(t.credit+(now-t.credited)/spinShare, spinCredit)
	t.credited = now
	return t.credit >= ns
}

// sleeping says how a sleep went.
type sleeping struct {
	since int64 // nothing had come by then
	woken bool  // it was a frame that ended it
}

// sleep waits until next, or until something happens.
func (s *shard) sleep(next int64) ([]unix.EpollEvent, sleeping) {
	t := &s.timer
	now := s.now()
	if next <= now {
		return s.poll.now(), sleeping{since: now}
	}
	target := int64(-1)
	wait := int64(-1)
	if next != pace.Never {
		gap := next - now
		early := t.early(gap)
		if gap <= early+1000 {
			if t.maySpin(now, gap) {
				return s.spin(now, next), sleeping{since: now}
			}
			early = 0
		} else if !t.maySpin(now, early) {
			early = 0
		}
		target = next - early
		wait = target - now
	}
	events := s.poll.wait(wait)
	t.wakes++
	if len(events) > 0 {
		return events, sleeping{since: now, woken: true}
	}
	if target >= 0 {
		if late := s.now() - target; late >= 0 && late < maxEstimate {
			t.timeouts++
			if wait < shortSleep {
				t.short.Add(late)
			} else {
				t.long.Add(late)
			}
		}
	}
	return nil, sleeping{since: now}
}

// spin waits awake, and looks for frames.
func (s *shard) spin(now, until int64) []unix.EpollEvent {
	from := now
	var events []unix.EpollEvent
	for now < until && len(events) == 0 {
		events = s.poll.now()
		now = s.now()
	}
	s.timer.spun += now - from
	s.timer.credit -= now - from
	return events
}
