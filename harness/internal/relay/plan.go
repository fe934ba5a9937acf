package relay

import (
	"fmt"
	"math"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// A Step is what becomes of a direction at a time.
type Step struct {
	At     time.Time // by its monotonic clock, as time.Now has it; zero: at once
	Config *Config   // nil: as before
	Down   bool      // until the next step: frames are lost and counted, also where SetUp has the direction up
}

// Plan has each direction take steps at their times, in the order in which they are given, in place of those that are still to
// come; nil leaves a direction and its plan as they are. The engine's thread takes them, in its class. The first of both
// directions that are due at once are taken in one step: see Set.
//
// A frame is treated as the last step says whose time had come when the frame was sent, however late the thread looks. What
// waits in the queue follows a change of the rate when the thread takes the step: see DirectionStats.StepLate.
func (l *Link) Plan(ab, ba []Step) error {
	var plans [2][]step
	for i, steps := range [2][]Step{ab, ba} {
		for k, s := range steps {
			planned := step{at: atOnce, down: s.Down}
			if !s.At.IsZero() {
				planned.at = int64(s.At.Sub(l.sh.base))
			}
			if k > 0 && planned.at < plans[i][k-1].at {
				return fmt.Errorf("plan direction %v: step %d is before the one before it: sort them", Direction(i), k+1)
			}
			if s.Config != nil {
				if err := s.Config.Validate(); err != nil {
					return fmt.Errorf("set direction %v: %w", Direction(i), err)
				}
				copied := *s.Config
				planned.config = &copied
			}
			plans[i] = append(plans[i], planned)
		}
	}
	return l.do(func() {
		l.drain()
		now := l.sh.now()
		for i, plan := range plans {
			if plan != nil {
				l.dirs[i].plan = plan
				l.dirs[i].advance(now, now)
			}
		}
		l.stayAwake()
		l.divert()
	})
}

// A step is a Step on the thread's clock.
type step struct {
	at     int64
	config *Config
	down   bool
}

const atOnce = math.MinInt64

// stepAhead is how long before a step the engine has the frames that the kernel carried: a thread that is late by less finds
// all that were sent after the step's time, and treats them as it says.
const stepAhead = 50_000_000 // ns

// nextStep is when the next step comes.
func (d *direction) nextStep() int64 {
	if len(d.plan) == 0 {
		return pace.Never
	}
	return d.plan[0].at
}

// advance takes the steps whose time had come by at, which is not after now.
func (d *direction) advance(at, now int64) {
	for d.nextStep() <= at {
		s := d.plan[0]
		d.plan = d.plan[1:]
		byKernel := d.from.bypass != nil && d.from.bypass.wanted != toEngine
		if s.at != atOnce {
			d.stats.Steps++
			if s.config != nil || byKernel {
				d.stats.StepLate = max(d.stats.StepLate, time.Duration(now-s.at))
			}
		}
		if s.config != nil {
			d.set(*s.config, now)
		}
		d.cut = s.down
	}
}

// keepPlans takes the steps that are due, and returns when to look again.
func (l *Link) keepPlans(now int64) int64 {
	next := min(l.dirs[AB].nextStep(), l.dirs[BA].nextStep())
	if next > now+stepAhead {
		if next == pace.Never {
			return next
		}
		return next - stepAhead
	}
	if next <= now {
		for i := range l.dirs {
			d := &l.dirs[i]
			for d.nextStep() <= now && d.from.gone == nil && l.sh.receive(d.from, sleeping{}) { // what was sent before
			}
			d.advance(now, now)
		}
		l.stayAwake()
	}
	l.divert()
	return min(l.dirs[AB].nextStep(), l.dirs[BA].nextStep())
}
