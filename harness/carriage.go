package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/internal/bpfloss"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/impaired"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// A carriage is what carries one link: its engine, and what the engine has been told.
type carriage struct {
	n      *Network
	number int
	name   string // as topo.LinkNames has it
	engine Engine

	mu       sync.Mutex // one change at a time
	courses  [2]course  // what A's end sends, what B's end sends
	stop     context.CancelFunc
	problem  error // what a schedule met
	perFrame bool
	user     *relay.Link         // of EngineUser
	netem    [2]*rtnl.Netem      // of EngineNetem, as changes laid it out; nil: none came
	loss     [2]*bpfloss.Program // of EngineBPF, by direction
	egress   [2]bool             // that acts as the sender sends
}

// A course is what becomes of one direction's parameters. With EngineUser the relay takes its steps.
type course struct {
	steps []impaired.Step
	from  time.Time           // when steps count from; zero: they have not begun
	made  *impaired.Direction // of EngineUser

	// Of the kernel's engines.
	next int             // the step that has not come yet
	late time.Duration   // the most that one came after its time
	now  topo.LinkParams // in force
}

func newCarriage(n *Network, number int, e Engine) *carriage {
	c := &carriage{n: n, number: number, engine: e, name: n.topo.LinkNames()[number]}
	l := n.topo.Links[number]
	for side, p := range []topo.LinkParams{l.AB, l.BA} {
		c.courses[side] = newCourse(p)
		c.courses[side].made = impaired.New(n.topo, number, side == 0, 0)
	}
	return c
}

func newCourse(p topo.LinkParams) course {
	steps := impaired.Steps(p)
	return course{steps: steps, next: 1, now: steps[0].Params}
}

// end is the interface that sends in this direction, and its number.
func (c *carriage) end(side int) (*topo.Interface, int) {
	i := 2*c.number + side
	return &c.n.ends[i], i
}

// config is the relay's form of a direction's parameters.
func (c *carriage) config(course *course, p topo.LinkParams) (relay.Config, error) {
	made, err := course.made.Config(p)
	made.PerFrame = c.perFrame
	return made, err
}

// longestDelay is the longest that a frame may be on its way, the queue apart, in either direction and at any time.
func (c *carriage) longestDelay() (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, course := range c.courses {
		for _, step := range course.steps {
			longest = max(longest, step.Params.Delay+maxJitter*step.Params.Jitter)
		}
	}
	return longest
}

// maxJitter is the most that jitter may be, in units of its scale: see topo.Distribution.
const maxJitter = 4

// asksNothing says that the link passes everything on at once, at all times at which it is up.
func (c *carriage) asksNothing() bool {
	for _, course := range c.courses {
		for _, step := range course.steps {
			if slices.ContainsFunc(abilities, func(a ability) bool { return a.asked(&step.Params) }) {
				return false
			}
		}
	}
	return true
}

// join has the relay carry the link between two ends. They are the relay's also where it fails.
func (c *carriage) join(r *relay.Engine, ends [2]relay.End, perFrame bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perFrame = perFrame
	var configs [2]relay.Config
	var starts [2][]relay.Step
	err := fault.Check("join ends")
	for side := range configs {
		course := &c.courses[side]
		if err == nil {
			configs[side], err = c.config(course, course.steps[0].Params)
		}
		if course.steps[0].Down {
			starts[side] = []relay.Step{{Down: true}}
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("join: %w", err), ends[0].Close(), ends[1].Close())
	}
	if c.user, err = r.Join(ends[0], ends[1], configs[0], configs[1]); err != nil {
		return err
	}
	return closed(c.user.Plan(starts[0], starts[1]))
}

// closed makes the harness's error of the relay's.
func closed(err error) error {
	if errors.Is(err, relay.ErrClosed) || errors.Is(err, bpfloss.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}

// attach has a kernel engine impair a veth pair that shapes already.
func (c *carriage) attach() error {
	if c.engine != EngineBPF {
		return nil
	}
	for side := range c.courses {
		config, err := c.lossOf(side, c.courses[side].now)
		if err != nil {
			return err
		}
		// Behind a switch a frame is as it is on the wire already when it leaves, and captures of the receiver show what
		// arrives. What a host sends is that only where it is received.
		sender, i := c.end(side)
		nd := c.n.nodes[sender.Node]
		config.Egress = nd.isSwitch
		c.egress[side] = nd.isSwitch
		name := sender.Name
		if !nd.isSwitch {
			var receiver *topo.Interface
			receiver, i = c.end(1 - side)
			nd, name = c.n.nodes[receiver.Node], receiver.Name
		}
		config.Record = dropLog
		err = nsthread.In(nd.ns, func() error {
			if err := fault.Check("attach loss to " + name); err != nil {
				return fmt.Errorf("attach loss to %s: %w", name, err)
			}
			c.loss[side], err = bpfloss.Attach(name, firstIndex+i, config)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lossOf is the form of a direction's parameters for EngineBPF.
func (c *carriage) lossOf(side int, p topo.LinkParams) (bpfloss.Config, error) {
	made, err := impair.ForLink(c.n.topo, c.number, side == 0, p)
	if err != nil {
		return bpfloss.Config{}, err
	}
	return bpfloss.From(made)
}

// change has the kernel's engine put parameters in force, in both directions or the one that is not nil. c.mu is held.
func (c *carriage) change(params [2]*topo.LinkParams) error {
	var errs []error
	for side, p := range params {
		if p == nil {
			continue
		}
		err := c.changeKernel(side, c.courses[side].now, *p)
		if err == nil {
			c.courses[side].now = *p
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// shapeOps have the kernel's engines act on what an end sends from the start on.
func (c *carriage) shapeOps(side int) []rtnl.Op {
	sender, i := c.end(side)
	p := c.courses[side].now
	switch {
	case c.engine == EngineNetem:
		return rtnl.AddNetem(sender.Name, c.n.index[i], c.netemOf(side, p))
	case p.Rate != 0:
		return rtnl.AddHTB(sender.Name, c.n.index[i], int64(p.Rate))
	}
	return nil
}

// netemOf is the form of a direction's parameters for EngineNetem, which can do them: see Engine.lacks.
func (c *carriage) netemOf(side int, p topo.LinkParams) rtnl.Netem {
	made, _ := rtnl.NetemFrom(p)
	sender, _ := c.end(side)
	made.Seed = impair.Key(c.n.topo.Seed, c.name, sender.Node+">"+sender.Peer, "netem")
	return made
}

// changeKernel changes what the kernel's engines do for one direction.
func (c *carriage) changeKernel(side int, old, p topo.LinkParams) (err error) {
	sender, i := c.end(side)
	var ops []rtnl.Op
	switch index := c.n.index[i]; {
	case c.engine == EngineNetem:
		was := c.netemOf(side, old)
		if c.netem[side] != nil {
			was = *c.netem[side]
		}
		var laid rtnl.Netem
		ops, laid = rtnl.ChangeNetem(sender.Name, index, was, c.netemOf(side, p))
		defer func() {
			if err == nil {
				c.netem[side] = &laid
			}
		}()
	case old.Rate == p.Rate:
	case old.Rate == 0:
		ops = rtnl.AddHTB(sender.Name, index, int64(p.Rate))
		if err := c.singleSegments(side); err != nil {
			return err
		}
	case p.Rate == 0:
		ops = []rtnl.Op{rtnl.RemoveQdisc(sender.Name, index)}
	default:
		ops = []rtnl.Op{rtnl.ChangeHTB(sender.Name, index, int64(p.Rate))}
	}
	if ops != nil {
		if err = c.n.nodes[sender.Node].do(c.n, ops...); err != nil {
			return err
		}
	}
	if c.loss[side] == nil {
		return nil
	}
	config, err := c.lossOf(side, p)
	if err != nil {
		return err
	}
	return closed(c.loss[side].Set(config))
}

// singleSegments has a host take single segments from now on, as it does from the start where the topology has a rate: see
// builder.singleSegments. TCP asks what its device takes when it finds a route (net/core/sock.c, sk_setup_caps); so
// connections that there are have to find theirs anew.
func (c *carriage) singleSegments(side int) error {
	sender, i := c.end(side)
	nd := c.n.nodes[sender.Node]
	if c.n.offload != OffloadOff || nd.isSwitch {
		return nil
	}
	if err := nd.do(c.n, rtnl.SingleSegments(sender.Name, c.n.index[i])); err != nil {
		return err
	}
	release, err := c.n.use()
	if err != nil {
		return err
	}
	defer release()
	return nsthread.In(nd.ns, sysctl{"net/ipv4/route/flush", "1", true}.write)
}

// close releases what the engine holds, but for the relay.
func (c *carriage) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := []error{c.problem}
	for _, p := range c.loss {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("link %s: %w", c.name, err)
	}
	return nil
}
