package relay

import (
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// planned is a link of two bypasses, whose clock shows some hours, and which nothing comes to.
func planned() *Link {
	l := &Link{sh: &shard{base: time.Now().Add(-3 * time.Hour)}, up: [2]bool{true, true}}
	for i := range l.dirs {
		l.ports[i] = &port{gone: ErrGone, bypass: &bypass{mem: make([]byte, memSize), taken: 1}}
		l.dirs[i] = direction{dir: Direction(i), link: l, sh: l.sh, from: l.ports[i]}
	}
	l.divert()
	return l
}

func (l *Link) wants(t *testing.T, what string, ab, ba uint64) {
	t.Helper()
	if gotAB, gotBA := l.ports[AB].bypass.wanted, l.ports[BA].bypass.wanted; gotAB != ab || gotBA != ba {
		t.Errorf("%s: carried by %d and %d, want %d and %d", what, gotAB, gotBA, ab, ba)
	}
}

// The engine has the frames before every step, not only before the first, also where no frame wakes it.
func TestAheadOfEveryStep(t *testing.T) {
	l := planned()
	l.wants(t, "at first", toKernel, toKernel)
	now := l.sh.now()
	l.dirs[AB].plan = []step{{at: now}, {at: now + 400*ms, down: true}}
	next := l.keepPlans(now)
	l.wants(t, "between two steps", toKernel, toKernel)
	if want := now + 400*ms - stepAhead; next != want {
		t.Errorf("looks again in %d ms, want %d", (next-now)/ms, (want-now)/ms)
	}
	l.sh.base = l.sh.base.Add(-360 * time.Millisecond)
	if next = l.keepPlans(l.sh.now()); next != now+400*ms {
		t.Errorf("looks again in %d ms, want 400", (next-now)/ms)
	}
	l.wants(t, "before a step", toEngine, toKernel)
	if late := l.dirs[AB].stats.StepLate; late >= 360*time.Millisecond {
		t.Errorf("late by %v", late)
	}
}

// Each direction's frames come to the engine in time, also where the other one has a step shortly before.
func TestAheadOfTheOtherDirection(t *testing.T) {
	l := planned()
	now := l.sh.now()
	l.dirs[AB].plan = []step{{at: now + 50*ms}}
	l.dirs[BA].plan = []step{{at: now + 70*ms}}
	if next := l.keepPlans(now); next != now+20*ms {
		t.Errorf("looks again in %d ms, want 20", (next-now)/ms)
	}
	l.wants(t, "before one of two steps", toEngine, toKernel)
}

// What the kernel carried past the time of a step is told, of both directions, also where it is a command that wakes the thread.
func TestLateStepsOfABypass(t *testing.T) {
	for name, wake := range map[string]func(l *Link, now int64){
		"turn":    func(l *Link, now int64) { l.keepPlans(now) },
		"command": func(l *Link, now int64) { l.divert(); l.keepPlans(now) },
		"frame":   func(l *Link, now int64) { l.advance(&l.dirs[AB], now, now); l.keepPlans(now) },
	} {
		l := planned()
		now := l.sh.now()
		for i := range l.dirs {
			l.dirs[i].plan = []step{{at: now - 70*ms, down: true}}
		}
		wake(l, now)
		for i := range l.dirs {
			if s := l.dirs[i].stats; s.Steps != 1 || s.StepLate < 70*time.Millisecond || !l.dirs[i].cut {
				t.Errorf("%s: %v: %d steps, late by %v", name, Direction(i), s.Steps, s.StepLate)
			}
		}
		l.wants(t, name, toEngine, toEngine)
	}
}

// A late change of the delay holds for all that was sent after its time, and is not late; one of the rate comes late to the
// queue. A trace counts from its step.
func TestWhichStepsAreLate(t *testing.T) {
	trace := &Trace{At: []time.Duration{time.Millisecond}}
	for _, c := range []struct {
		was, now Config
		late     bool
	}{
		{Config{Delay: 1}, Config{Delay: 2}, false},
		{Config{Delay: 1}, Config{Rate: 1000}, false},
		{Config{Delay: 1}, Config{Trace: trace}, false},
		{Config{Rate: 1000}, Config{Delay: 2}, true},
	} {
		l := planned()
		d, now := &l.dirs[AB], l.sh.now()
		d.configure(c.was, 0)
		l.divert()
		d.plan = []step{{at: now - 20*ms, config: &c.now}}
		l.sleep = func() error { return nil } // the processors are kept awake
		l.keepPlans(now)
		if late := d.stats.StepLate == 20*time.Millisecond; late != c.late || !late && d.stats.StepLate != 0 {
			t.Errorf("%+v, then %+v: late by %v", c.was, c.now, d.stats.StepLate)
		}
		if c.now.Trace != nil && d.started != now-20*ms {
			t.Errorf("the trace counts from %d ms", (d.started-now)/ms)
		}
	}
}

// A link whose steps all come at once stays with the kernel.
func TestAtOnceByTheKernel(t *testing.T) {
	l := planned()
	for i := range l.dirs {
		l.dirs[i].plan = []step{{at: atOnce, config: &Config{}}}
	}
	now := l.sh.now()
	l.advance(&l.dirs[AB], now, now)
	l.wants(t, "between the two", toKernel, toKernel)
	l.keepPlans(now)
	l.wants(t, "after both", toKernel, toKernel)
	if s := l.dirs[BA].stats; s.Steps != 0 || s.StepLate != 0 {
		t.Errorf("%+v", s)
	}
}
