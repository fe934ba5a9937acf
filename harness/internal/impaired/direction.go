// Package impaired joins the values of a topology, the decisions of impair and the
// relay: it makes the relay's parameters for one direction of a link.
package impaired

import (
	"time"

	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Direction makes the relay's Config for one direction of a link, again and again as its
// parameters change in the course of a run. What counts goes on from one to
// the next: a trace where it is, flows and filters with what they have seen.
// It is not safe for concurrent use.
type Direction struct {
	topo   topo.Topo
	link   int
	ab     bool
	record int

	traces  map[*topo.LinkTrace]*relay.Trace
	inForce *impair.Impairment // of the relay's thread, while it carries the link
}

// New returns the Direction for what A's end of a link sends, where ab is true, or B's.
// record is how many losses Lost returns; zero: none. t must be valid, and is not
// changed while the Direction is in use.
func New(t topo.Topo, link int, ab bool, record int) *Direction {
	return &Direction{topo: t, link: link, ab: ab, record: record, traces: make(map[*topo.LinkTrace]*relay.Trace)}
}

// Config returns the relay's parameters for p; where p has a schedule, for the beginning
// without it: see topo.LinkParams.At. It is for the direction's Link.Set, Link.Plan or
// Engine.Join: when the relay puts it in force it takes over from what was in force
// until then, so what never comes to that leaves no trace.
func (d *Direction) Config(p topo.LinkParams) (relay.Config, error) {
	c, err := impair.ForLink(d.topo, d.link, d.ab, p)
	if err != nil {
		return relay.Config{}, err
	}
	c.Record = d.record
	im, err := impair.New(c)
	if err != nil {
		return relay.Config{}, err
	}
	made := relay.Config{
		Rate: int64(p.Rate), Delay: p.Delay, QueuePackets: p.MaxQueue, QueueBytes: p.MaxQueueBytes,
		MarkPackets: p.ECNThreshold, Trace: d.traceOf(p.Trace), MTU: p.MTU,
		InForce: func() {
			if d.inForce != nil && d.inForce != im {
				im.Follow(d.inForce)
			}
			d.inForce = im
		},
	}
	if c.Acts() || c.PerFlow { // flows are counted also while nothing strikes them
		made.Decider = decider{im}
	}
	return made, nil
}

// traceOf returns the relay's form of a trace: the same pointer for the same trace, which
// tells the relay to go on where it is.
func (d *Direction) traceOf(t *topo.LinkTrace) *relay.Trace {
	if t == nil {
		return nil
	}
	if d.traces[t] == nil {
		d.traces[t] = &relay.Trace{At: t.Times.Opportunities(), Period: t.Times.Period(), Bytes: topo.TraceBytes}
	}
	return d.traces[t]
}

// Lost returns the packets that were lost by chance or by a filter, in order. The link
// must be closed, or not carry anything.
func (d *Direction) Lost() []impair.Loss {
	if d.inForce == nil {
		return nil
	}
	return d.inForce.Lost()
}

// decider is an Impairment as the relay asks it.
type decider struct{ im *impair.Impairment }

// Decide converts the packet and the decision, whose fields are the same.
func (d decider) Decide(p *relay.Packet) relay.Decision {
	return relay.Decision(d.im.Decide(&impair.Packet{Frame: p.Frame, Len: p.Len, Index: p.Index, IP: p.IP}))
}

// Match returns the function that relay.Link's DropNext asks, for a filter that begins to
// count now: "the third data segment" is the third from now on. Packets of both
// directions are counted together.
func Match(f topo.Filter, t topo.Topo) (func(*relay.Packet) bool, error) {
	m, err := impair.NewMatcher(f, impair.HostAddresses(t))
	if err != nil {
		return nil, err
	}
	return func(p *relay.Packet) bool {
		return m.Match(&impair.Packet{Frame: p.Frame, Len: p.Len, Index: p.Index, IP: p.IP})
	}, nil
}

// A Step is what a direction's schedule makes of its parameters from a time on.
type Step struct {
	At     time.Duration // since the link's start
	Params topo.LinkParams
	Down   bool
}

// Steps returns the course of p, from the start on: the first Step is at 0.
func Steps(p topo.LinkParams) []Step {
	times := p.Times()
	if len(times) == 0 || times[0] != 0 {
		times = append([]time.Duration{0}, times...)
	}
	steps := make([]Step, len(times))
	for i, at := range times {
		now, down := p.At(at)
		steps[i] = Step{at, now, down}
	}
	return steps
}
