package relay

import (
	"strings"
	"testing"
	"time"
)

// Steps come at their times, and Set puts an end to those that are to come.
func TestPlan(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	began := time.Now()
	const delay = 30 * time.Millisecond
	steps := []Step{
		{Config: &Config{}, Down: true},
		{At: began.Add(50 * time.Millisecond)},
		{At: began.Add(100 * time.Millisecond), Config: &Config{Delay: delay}},
		{At: began.Add(time.Hour), Down: true},
	}
	if err := x.link.Plan(steps, nil); err != nil {
		t.Fatal(err)
	}
	x.send(x.a, udp(0, 100))
	x.send(x.b, udp(1, 100))
	x.want(x.a)
	x.until("down", func(s *Stats) bool { return s.AB.Dropped.Down == 1 && !s.Up && s.AB.Steps == 0 })
	x.until("up", func(s *Stats) bool { return s.Up && s.AB.Steps == 1 })
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("up after %v", took)
	}
	s := x.until("delayed", func(s *Stats) bool { return s.AB.Steps == 2 })
	if took := time.Since(began); took < 100*time.Millisecond || s.AB.StepLate > took {
		t.Errorf("delayed after %v, late by %v", took, s.AB.StepLate)
	}
	sent := time.Now()
	x.send(x.a, udp(2, 100))
	if got := number(x.want(x.b)); got != 2 || time.Since(sent) < delay-time.Millisecond {
		t.Errorf("packet %d after %v", got, time.Since(sent))
	}
	if err := x.link.Plan(nil, []Step{{At: began, Config: &Config{}}}); err != nil { // of the other direction, and overdue
		t.Fatal(err)
	}
	if s := x.stats(); s.BA.Steps != 1 || s.BA.StepLate < 100*time.Millisecond {
		t.Errorf("%+v", s.BA)
	}
	again := []Step{{Config: &Config{}}, {At: time.Now().Add(-time.Minute)}} // as Set has it where the thread was long in hearing of it
	if err := x.link.Plan(nil, again); err != nil {
		t.Fatal(err)
	}
	if s := x.stats(); s.BA.Steps != 2 || s.BA.StepLate < time.Minute {
		t.Errorf("%+v", s.BA)
	}
	if n := len(x.link.dirs[AB].plan); n != 1 {
		t.Errorf("%d steps are to come", n)
	}
	if err := x.link.Set(&Config{}, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(x.link.dirs[AB].plan); n != 0 {
		t.Errorf("%d steps are to come after Set", n)
	}
}

// Down by hand and down by plan are two cuts of one cable.
func TestPlanAndSetUp(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	isUp := func(want bool, what string) {
		t.Helper()
		if s := x.stats(); s.Up != want {
			t.Errorf("%s: up is %v", what, s.Up)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(x.link.Plan([]Step{{Down: true}}, nil))
	do(x.link.Up())
	isUp(false, "cut by plan")
	do(x.link.Down())
	do(x.link.Plan([]Step{{}}, nil))
	isUp(false, "cut by hand")
	do(x.link.Up())
	isUp(true, "both ended")
}

func TestPlanIsChecked(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	now := time.Now()
	for want, steps := range map[string][]Step{
		"step 2 is before":      {{At: now.Add(time.Second)}, {At: now}},
		"step 3 is before":      {{}, {At: now}, {}},
		"rate of -1 bit/s":      {{At: now, Config: &Config{Rate: -1}}},
		"give one from 0 to 1h": {{At: now.Add(time.Hour), Config: &Config{Delay: 2 * time.Hour}}},
	} {
		if err := x.link.Plan(nil, steps); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if s := x.stats(); s.BA.Steps != 0 {
		t.Errorf("steps were taken: %+v", s.BA)
	}
}

// What waits for a slow transmitter leaves at the rate of a step that has come, and none is sent in the time in which others were.
func TestPlanRetimesTheQueue(t *testing.T) {
	x := newBench(t, Options{}, Config{Rate: 10_000, QueuePackets: 1 << 20}, Config{})
	began := time.Now()
	for i := range uint32(50) {
		x.send(x.a, udp(i, 1000)) // 0.8 s each
	}
	x.until("waiting", func(s *Stats) bool { return s.AB.InFlight == 50 })
	at := time.Now().Add(20 * time.Millisecond)
	if err := x.link.Plan([]Step{{At: at, Config: &Config{Rate: 10_000_000, QueuePackets: 1 << 20}}}, nil); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		x.want(x.b)
	}
	took, first := time.Since(at), 800*time.Millisecond-at.Sub(began)
	if least := first + 49*800*time.Microsecond; took < least-time.Millisecond {
		t.Errorf("took %v, the first packet and the others at the new rate %v at the least", took, least)
	}
}

// A packet that came before a late thread took a step is not sent in the time in which one that is gone was.
func TestSetSendsNothingTwiceAtATime(t *testing.T) {
	d := direction{link: &Link{}, sh: &shard{}}
	c := Config{Rate: 8_000_000} // a byte in 1 µs
	d.configure(c, 0)
	d.tx.Send(ms, 1000, 986) // until 2 ms; then it is delivered
	d.set(c, 5*ms, 5*ms)
	if begin, _ := d.tx.Send(ms+ms/2, 1000, 986); begin != 2*ms {
		t.Errorf("sent at %v, want 2 ms", time.Duration(begin))
	}
}
