package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// Begin starts the schedules of all links (topo.LinkParams.Schedule), and returns the moment from which their times count.
// Until then each stands at its beginning. Scenarios call it when the servers listen. Later calls change nothing, and
// return the same.
//
// With EngineUser a change holds for what is sent from its time on, also where the engine comes to it later. The kernel's
// engines are changed when the time has come: some tenths of a millisecond later, on a machine that is busy more. EndStats.StepLate
// tells what came too late, also for the changes of the first moments, which may be over before the last link knows of them. A change that fails is told by Link.Stats, and by Close.
func (n *Network) Begin() time.Time {
	n.mu.Lock()
	first := n.begun.IsZero()
	if first {
		n.begun = time.Now()
	}
	begun := n.begun
	n.mu.Unlock()
	if !first {
		return begun
	}
	for _, c := range n.carried {
		c.begin(begun)
	}
	return begun
}

// hasBegun is when Begin was called; zero: not yet.
func (n *Network) hasBegun() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.begun
}

// begin has the courses count from that time.
func (c *carriage) begin(from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var plans [2][]relay.Step
	var err error
	for side := range c.courses {
		course := &c.courses[side]
		if !course.from.IsZero() { // Link.Set came between
			continue
		}
		course.from = from
		if c.user != nil && err == nil {
			plans[side], err = c.plan(course, 1)
		}
	}
	if c.user == nil {
		c.follow()
		return
	}
	if err == nil && (plans[0] != nil || plans[1] != nil) {
		err = c.user.Plan(plans[0], plans[1])
	}
	c.met(err)
}

// plan is the relay's form of a course from one of its steps on; of one that has not begun, of the first at most.
func (c *carriage) plan(course *course, first int) ([]relay.Step, error) {
	var plan []relay.Step
	for i := first; i < len(course.steps); i++ {
		if i > 0 && course.from.IsZero() {
			break
		}
		s := course.steps[i]
		step := relay.Step{Down: s.Down}
		if i > 0 {
			step.At = course.from.Add(s.At)
		}
		if i == 0 || !s.Params.Equal(course.steps[i-1].Params) {
			config, err := c.config(course, s.Params)
			if err != nil {
				return nil, err
			}
			step.Config = &config
		}
		plan = append(plan, step)
	}
	return plan, nil
}

// met notes what a schedule met. c.mu is held.
func (c *carriage) met(err error) {
	if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, relay.ErrClosed) && c.problem == nil {
		c.problem = fmt.Errorf("schedule: %w", err)
	}
}

// follow has the kernel's engine changed when changes are due that are still to come, in place of those it was told of
// before. c.mu is held.
func (c *carriage) follow() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
	if _, more := c.due(); !more {
		return
	}
	release, err := c.n.use()
	if err != nil {
		return
	}
	defer release()
	ctx, stop := context.WithCancel(c.n.done)
	c.stop = stop
	c.n.courses.Go(func() {
		defer stop()
		c.run(ctx)
	})
}

// due is when the next change comes; false: never.
func (c *carriage) due() (at time.Time, ok bool) {
	for _, course := range c.courses {
		if course.from.IsZero() || course.next == len(course.steps) {
			continue
		}
		if t := course.from.Add(course.steps[course.next].At); !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	return at, ok
}

// run makes the changes until there are none, or ctx ends.
func (c *carriage) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		c.mu.Lock()
		if ctx.Err() != nil { // while we waited for the lock
			c.mu.Unlock()
			return
		}
		c.met(c.advance(time.Now()))
		at, more := c.due()
		c.mu.Unlock()
		if !more {
			return
		}
		timer.Reset(time.Until(at))
	}
}

// advance makes the changes that are due, of both directions in one step.
func (c *carriage) advance(now time.Time) error {
	var params [2]*topo.LinkParams
	for side := range c.courses {
		course := &c.courses[side]
		for !course.from.IsZero() && course.next < len(course.steps) && !course.from.Add(course.steps[course.next].At).After(now) {
			step := course.steps[course.next]
			course.next++
			course.late = max(course.late, now.Sub(course.from.Add(step.At)))
			params[side] = &step.Params
		}
		if p := params[side]; p != nil && p.Equal(course.now) {
			params[side] = nil
		}
	}
	return c.change(params)
}
