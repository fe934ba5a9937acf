package relay

import (
	"fmt"
	"math"
	"slices"
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
// come; nil or none leaves a direction and its plan as they are. The engine's thread takes them, in its class.
//
// A frame is treated as the last step says whose time had come when the frame was sent, also where the thread looks later; on a
// TAP device whose times of arrival are not known (Stats.Unstamped), when it was read. What waits in the queue follows a
// change of the rate when the thread takes the step: see DirectionStats.StepLate. What was read before this call is treated
// already, whatever times it names.
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
		now := l.sh.now()
		for i, plan := range plans {
			if plan == nil {
				continue
			}
			d := &l.dirs[i]
			if plan[0].at == atOnce { // what was sent before, a batch at most, is treated as before
				l.receive(d)
			}
			if k := slices.IndexFunc(plan, func(s step) bool { return s.at != atOnce }); k >= 0 {
				d.stepLate(now - plan[k].at) // if it is: what was read since
			}
			d.plan = plan
		}
		l.keepPlans(now)
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

// stepNears says that the next step comes so soon, or is late, that the engine is to have the frames.
func (d *direction) stepNears(now int64) bool {
	next := d.nextStep()
	return next != atOnce && next <= now+stepAhead
}

// stepLate notes that a step came so many ns after its time.
func (d *direction) stepLate(ns int64) { d.stats.StepLate = max(d.stats.StepLate, time.Duration(ns)) }

// receive takes in a batch of what waits at the end that sends, and says whether there may be more.
func (l *Link) receive(d *direction) (more bool) {
	return d.from.gone == nil && l.sh.receive(d.from, sleeping{})
}

// advance takes the steps of d whose time had come by at, which is not after now.
func (l *Link) advance(d *direction, at, now int64) {
	for d.nextStep() <= at {
		l.divert() // as long as the step is still to come
		s := d.plan[0]
		d.plan = d.plan[1:]
		from := s.at
		if from == atOnce {
			from = now
		} else {
			d.stats.Steps++
		}
		if s.config != nil {
			if d.tx.Shaped() {
				d.stepLate(now - from)
			}
			d.set(*s.config, now, from)
		}
		d.cut = s.down
	}
	l.stayAwake()
	l.divert()
}

// keepPlans takes the steps that are due, and returns when to look again: before the next one of each direction, so that the engine has
// the frames.
func (l *Link) keepPlans(now int64) int64 {
	next := int64(pace.Never)
	for i := range l.dirs {
		d := &l.dirs[i]
		for d.nextStep() <= now && l.receive(d) { // what was sent before
		}
		if d.nextStep() <= now {
			l.advance(d, now, now)
		}
		switch step := d.nextStep(); {
		case step == pace.Never:
		case step > now+stepAhead:
			next = min(next, step-stepAhead)
		default:
			l.divert()
			next = min(next, step)
		}
	}
	return next
}
