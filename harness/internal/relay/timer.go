package relay

import (
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// A timer knows what waking up takes, and how much the thread may spin.
type timer struct {
	start      int64
	late       [4]pace.Estimate // lateness of wake-ups, by depth
	wakes      uint64
	timeouts   uint64
	rehearsals uint64
	spun       int64
	credit     int64 // ns that may be spun: a share of what was slept, so that a busy thread does not spin
	cold       bool  // the thread slept long, and has not rehearsed since

	taken int64 // bytes read
	since int64 // of them, when it was zero
	fast  bool  // at fastLink or more
	rest  int64 // until then it was in vain to wait awake
}

const (
	spinShare   = 5          // a fifth
	spinCredit  = 2_000_000  // ns, the most that is saved up
	maxEarly    = 1_000_000  // ns, the most that a timer is set early
	maxBack     = 40_000     // ns, the most that the arrival of a frame is put back: "never sooner than its delay" is held to 50 us
	maxEstimate = 10_000_000 // ns; a later wake-up says something about the machine's other work
)

// leastEarly is what a timer is set early at least, in ns by depth: where the sleep is long, spinning costs little of it, and
// the next wake-up may take longer than all those before.
var leastEarly = [...]int64{0, 0, 500_000, 800_000}

// Between two bursts of a link that carries gigabits a thread that slept would be waited for: awake for those moments, one thread
// carried 27 Gbit/s on two processors, and 17 where it slept. At fastLink (2 Gbit/s) a burst comes within burstGap.
const (
	fastLink   = 250       // bytes in a µs
	fastWindow = 1_000_000 // ns in which they are counted
	burstGap   = 200_000   // ns that the thread waits awake for the next one
	burstRest  = 2_000_000 // ns for which it does not after none came: the sender may want this very processor
)

// took counts bytes that were read.
func (t *timer) took(n int) { t.taken += int64(n) }

// hurried says that frames come so fast that it does not pay to sleep.
func (t *timer) hurried(now int64) bool {
	if took := now - t.since; took >= fastWindow {
		t.fast = t.taken >= fastLink*(took/1000)
		t.taken, t.since = 0, now
	}
	return t.fast && now >= t.rest
}

// depth sorts sleeps by their length in ns: the longer the thread slept, the deeper the processor did.
func depth(ns int64) int {
	switch {
	case ns < 300_000:
		return 0
	case ns < 5_000_000:
		return 1
	case ns < 50_000_000:
		return 2
	}
	return 3
}

// early is what a timer that has gap ns to go is set earlier: by what nearly all wake-ups of such a sleep take, as far as
// there is credit to spin for the rest, or else by what half of them take; and where the thread will be cold by the time of a
// rehearsal, if there is credit for that.
func (t *timer) early(gap int64) int64 {
	d := depth(gap)
	l := &t.late[d]
	high := max(l.High(), leastEarly[d])
	if t.cold || gap >= coldAfter {
		if e := min(high+rehearsal, maxEarly); e <= t.credit {
			return e
		}
	}
	for _, e := range []int64{high, l.Median()} {
		if e = min(e, maxEarly); e <= t.credit {
			return e
		}
	}
	return 0
}

// woke is how long ago a frame came that ended a sleep of ns, by a careful estimate: a quarter of the wake-ups are
// quicker. A sleep of a depth that is not known yet is taken for a lighter one.
func (t *timer) woke(ns int64) int64 {
	for d := depth(ns); d >= 0; d-- {
		if l := t.late[d].Low(); l > 0 {
			return min(l, maxBack)
		}
	}
	return 0
}

// median is the figure for statistics.
func (t *timer) median() int64 {
	most := int64(0)
	for i := range t.late {
		most = max(most, t.late[i].Median())
	}
	return most
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
	if t.hurried(now) {
		until := min(next, now+burstGap)
		events := s.await(now, until)
		if now = s.now(); len(events) > 0 || now >= next {
			return events, sleeping{since: now}
		}
		t.rest = now + burstRest
	}
	target := int64(-1)
	wait := int64(-1)
	if next != pace.Never {
		gap := next - now
		early := t.early(gap)
		if gap <= early+1000 {
			if t.credit >= gap {
				return s.spin(now, next), sleeping{since: now}
			}
			early = 0
		}
		target = next - early
		wait = target - now
	}
	events := s.poll.wait(wait)
	t.wakes++
	woke := s.now()
	t.credit = min(t.credit+(woke-now)/spinShare, spinCredit)
	t.cold = t.cold || woke-now >= coldAfter
	if len(events) > 0 {
		return events, sleeping{since: now, woken: true}
	}
	if target >= 0 {
		if late := woke - target; late >= 0 && late < maxEstimate {
			t.timeouts++
			t.late[depth(wait)].Add(late)
		}
	}
	return nil, sleeping{since: now}
}

// spin waits awake for what is due, and looks for frames.
func (s *shard) spin(now, until int64) []unix.EpollEvent {
	if s.timer.cold {
		s.timer.cold = false
		if until-now >= rehearsal/2 {
			s.rehearse(until)
		}
	}
	events := s.await(now, until)
	s.timer.credit -= s.now() - now
	return events
}

// await looks for frames until one comes, or that time.
func (s *shard) await(now, until int64) []unix.EpollEvent {
	from := now
	var events []unix.EpollEvent
	for now < until && len(events) == 0 {
		events = s.poll.now()
		now = s.now()
	}
	s.timer.spun += now - from
	return events
}
