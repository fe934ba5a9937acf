package harness

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// replace puts parameters and their schedules in force, in both directions or the one that is not nil: Link.Set.
func (c *carriage) replace(params [2]*topo.LinkParams) error {
	t := c.n.topo
	t.Links = slices.Clone(t.Links)
	l := &t.Links[c.number]
	for side, to := range []*topo.LinkParams{&l.AB, &l.BA} {
		if params[side] != nil {
			*to = *params[side]
		}
	}
	if err := t.Validate(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.n.hasBegun()
	if !from.IsZero() {
		from = time.Now()
	}
	var errs []error
	courses := c.courses
	for side, p := range params {
		if p == nil {
			continue
		}
		if lacks := c.engine.lacks(*p); lacks != nil {
			sender, _ := c.end(side)
			errs = append(errs, &EngineError{Link: c.name, Interface: sender.Name, Engine: c.engine, Lacks: lacks, Can: able(context.Background(), *p)})
		}
		courses[side] = c.courses[side].replaced(*p, from)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	put := c.putKernel
	if c.user != nil {
		put = c.putUser
	}
	if err := put(params, &courses); err != nil {
		return err
	}
	c.courses = courses
	if c.user == nil {
		c.follow()
	}
	return nil
}

// replaced is the course of new parameters in place of c, whose times count from that one; zero: they have not begun.
func (c *course) replaced(p topo.LinkParams, from time.Time) course {
	next := newCourse(p)
	next.made, next.late, next.from = c.made, c.late, from
	return next
}

// putUser gives the relay the courses of the directions whose parameters are not nil: what they begin with, and what follows if
// they have begun. c.mu is held.
func (c *carriage) putUser(params [2]*topo.LinkParams, courses *[2]course) (err error) {
	var plans [2][]relay.Step
	for side := range params {
		if params[side] != nil && err == nil {
			plans[side], err = c.plan(&courses[side], 0)
		}
	}
	if err != nil {
		return err
	}
	return closed(c.user.Plan(plans[0], plans[1]))
}

// putKernel has the kernel's engine do what the courses begin with. c.mu is held.
func (c *carriage) putKernel(params [2]*topo.LinkParams, courses *[2]course) error {
	var now [2]*topo.LinkParams
	for side := range params {
		if params[side] != nil {
			now[side] = &courses[side].now
		}
	}
	return c.change(now)
}
