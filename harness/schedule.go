package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Begin starts the schedules of all links (topo.LinkParams.Schedule), and returns the moment from which their times count.
// Until then each stands at its beginning. Scenarios call it when the servers listen. Later calls change nothing, and
// return the same.
//
// A change comes when its time has come, or some tenths of a millisecond later, on a machine that is busy more. One that
// fails is told by Link.Stats, and by Close.
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
		c.mu.Lock()
		for side := range c.courses {
			if c.courses[side].from.IsZero() { // Link.Set may have come between
				c.courses[side].from = begun
			}
		}
		c.follow()
		c.mu.Unlock()
	}
	return begun
}

// hasBegun is when Begin was called; zero: not yet.
func (n *Network) hasBegun() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.begun
}

// follow has the changes that are still to come made when they are due, in place of those it was told of before. c.mu is
// held.
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
		if err := c.advance(time.Now()); err != nil && !errors.Is(err, ErrClosed) && c.problem == nil {
			c.problem = fmt.Errorf("schedule: %w", err)
		}
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
	cut := false
	for side := range c.courses {
		course := &c.courses[side]
		for !course.from.IsZero() && course.next < len(course.steps) && !course.from.Add(course.steps[course.next].At).After(now) {
			step := course.steps[course.next]
			course.next++
			if step.Down != course.cut {
				course.cut, cut = step.Down, true
			}
			params[side] = &step.Params
		}
		if p := params[side]; p != nil && p.Equal(course.now) {
			params[side] = nil
		}
	}
	var errs []error
	if params[0] != nil || params[1] != nil {
		errs = append(errs, c.change(params))
	}
	if cut && c.user != nil {
		errs = append(errs, c.setUp())
	}
	return errors.Join(errs...)
}
