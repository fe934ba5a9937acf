package scenarios

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/link"
	"github.com/wireproof/wireproof/harness/topo"
)

// describeLinks notes what carried each link and what it counted, while the network is still up.
func (r *run) describeLinks() {
	for _, l := range r.scenario.Topo.Links {
		described := Link{
			A: l.A, B: l.B, EngineA: "unknown", EngineB: "unknown",
			RateBPS: int64(l.AB.Rate), DelayNS: l.AB.Delay.Nanoseconds(), LossPercent: l.AB.LossPercent, Asked: l.AB,
		}
		if !l.BA.Equal(l.AB) {
			described.AskedBA = &l.BA
		}
		stats, err := r.network.Link(l.A, l.B).Stats()
		if err == nil {
			described.EngineA, described.EngineB = stats.A.Engine, stats.B.Engine
			described.Exact, described.Class = stats.A.Exact && stats.B.Exact, stats.Class
			if stats.ClassError != nil {
				described.ClassWhy = stats.ClassError.Error()
			}
			if stats.Asleep != nil {
				described.SleepWhy = stats.Asleep.Error()
			}
			if stats.Unstamped != nil {
				described.EstimatesWhy = stats.Unstamped.Error()
			}
			described.Sent, described.SentBA = counters(stats.A), counters(stats.B)
		}
		r.carried = append(r.carried, stats)
		r.report.Links = append(r.report.Links, described)
	}
}

// counters are those of the engine where it has its own, else the interface's.
func counters(e harness.EndStats) LinkCounters {
	w := e.Wire
	late := e.StepLate.Nanoseconds()
	if w.In == 0 {
		return LinkCounters{Packets: e.TxPackets, Bytes: e.TxBytes, Lost: e.Qdisc.Drops, StepLateNS: late}
	}
	return LinkCounters{
		Packets: w.In, Bytes: w.BytesIn, Lost: w.Dropped.Total() - w.Dropped.Engine, Duplicated: w.Duplicated,
		Reordered: w.Reordered, Corrupted: w.Corrupted, Marked: w.Marked, EngineLost: w.Dropped.Engine, LateP99NS: w.Late.P99.Nanoseconds(),
		StepLateNS: late,
	}
}

// lateStep is from when on a change of a schedule came so late that the link was not what it was to be.
const lateStep = 100 * time.Millisecond

// judgeLinks holds what the captures show of every link to what was asked of it: its losses and delays where both ends
// were captured, its rate where either was.
func (r *run) judgeLinks(ctx context.Context) []flow.Check {
	if len(r.carried) != len(r.scenario.Topo.Links) {
		return nil // the network never was up
	}
	var checks []flow.Check
	interfaces := r.scenario.Topo.Interfaces()
	for i, l := range r.scenario.Topo.Links {
		a, b := interfaces[2*i], interfaces[2*i+1]
		ab := direction{name: l.A + ">" + l.B, asked: l.AB, from: r.captureAt(a.Name), to: r.captureAt(b.Name), sender: r.carried[i].A}
		ba := direction{name: l.B + ">" + l.A, asked: l.BA, from: r.captureAt(b.Name), to: r.captureAt(a.Name), sender: r.carried[i].B}
		for _, d := range []direction{ab, ba} {
			checks = append(checks, r.judgeDirection(ctx, d, impaired(l))...)
		}
	}
	return checks
}

// A direction is what is known of one direction of a link after a run.
type direction struct {
	name     string // "h1>s1"
	asked    topo.LinkParams
	from, to *nodeCapture // at the two ends, nil where there was none
	sender   harness.EndStats
}

func (r *run) judgeDirection(ctx context.Context, d direction, impaired bool) []flow.Check {
	unreadable := func(err error) []flow.Check {
		return []flow.Check{{Name: "link", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("%s: %v", d.name, err)}}
	}
	checks := link.JudgeFaults(d.name, d.counters())
	if impaired && d.from != nil && d.to != nil {
		evidence, err := d.compare(ctx)
		if err != nil {
			return unreadable(err)
		}
		// A link that nothing went over is no part of what the scenario claims. Where something should have, its files are
		// not there either.
		if idle := evidence.Sent+evidence.Strangers == 0 && evidence.Complete(); !idle {
			if harness.Engine(d.sender.Engine) == harness.EngineNetem {
				if evidence.Turnaround, err = r.turnaround(ctx, d); err != nil {
					return unreadable(err)
				}
			}
			checks = link.Judge(d.asked, evidence, d.counters(), r.report.Seconds.Run)
		}
	}
	rate, err := d.rate(ctx)
	if err != nil {
		return append(checks, unreadable(err)...)
	}
	return append(checks, rate...)
}

// compare compares the captures at both ends.
func (d direction) compare(ctx context.Context) (link.Evidence, error) {
	sent, err := os.Open(d.from.path)
	if err != nil {
		return link.Evidence{}, err
	}
	defer sent.Close()
	received, err := os.Open(d.to.path)
	if err != nil {
		return link.Evidence{}, err
	}
	defer received.Close()
	return link.Compare(ctx, sent, received, link.Options{Name: d.name})
}

// turnaround measures how long after their causes frames left the sending end.
func (r *run) turnaround(ctx context.Context, d direction) (link.Delays, error) {
	var files []io.Reader
	open := func(path string) error {
		f, err := os.Open(path)
		if err == nil {
			files = append(files, f)
		}
		return err
	}
	defer func() {
		for _, f := range files {
			f.(*os.File).Close()
		}
	}()
	if err := open(d.from.path); err != nil {
		return link.Delays{}, err
	}
	if _, host := r.scenario.Topo.HostAddr(d.from.node); host {
		if err := open(d.from.path); err != nil {
			return link.Delays{}, err
		}
		return link.Answered(ctx, files[0], files[1])
	}
	for _, i := range r.scenario.Topo.Interfaces() {
		if i.Node != d.from.node || i.Name == d.from.ifname {
			continue
		}
		other := r.captureAt(i.Name)
		if other == nil {
			return link.Delays{}, nil // what it forwards may have come in where nothing was captured
		}
		if err := open(other.path); err != nil {
			return link.Delays{}, err
		}
	}
	return link.Forwarded(ctx, files[0], files[1:]...)
}

// counters are the engine's, in the form that the judge of links takes.
func (d direction) counters() link.Counters {
	w := d.sender.Wire
	c := link.Counters{
		Engine: d.sender.Engine, Packets: w.Indexed, In: w.In, Out: w.Out, InFlight: w.InFlight,
		Lost: link.Lost{
			Chance: w.Dropped.Loss, Listed: w.Dropped.List, Queue: w.Dropped.Queue, Down: w.Dropped.Down, MTU: w.Dropped.MTU, Engine: w.Dropped.Engine,
		},
		Duplicated: w.Duplicated, Corrupted: w.Corrupted, Reordered: w.Reordered, Exact: d.sender.Exact,
	}
	if harness.Engine(d.sender.Engine) == harness.EngineNetem {
		c.Lost.Chance = d.sender.Qdisc.Drops // the kernel counts with them what did not fit into netem's queue
	}
	if late := d.sender.StepLate; late > lateStep {
		c.Faults = fmt.Sprintf("a change of the schedule came %v after its time: this machine has too much else to do", late.Round(time.Millisecond))
	}
	switch {
	case d.sender.Egress:
		c.Place = link.Before
	case harness.Engine(d.sender.Engine) == harness.EngineBPF:
		c.Place = link.Behind
	}
	return c
}

// stampDelay is how late a time stamp may be on a busy machine: a processor that is taken away between the decision to send
// and the stamp makes what follows look faster than it was. Frames that waited 370 µs for their stamp were seen.
const stampDelay = 10 * time.Millisecond

// rate checks that the direction was never faster than its rate. What htb lets go is seen at the sending end, what the
// user engine delivers at the receiving one; and what that delivered late comes in a burst, which is told by how late it was.
func (d direction) rate(ctx context.Context) ([]flow.Check, error) {
	if d.asked.Rate == 0 {
		return nil, nil
	}
	at, inbound := d.from, false
	o := link.ConformOptions{Name: d.name, Rate: d.asked.Rate}
	late := stampDelay
	if harness.Engine(d.sender.Engine) == harness.EngineUser {
		at, inbound = d.to, true
		late += d.sender.Wire.Late.Max
	}
	o.BurstBytes = link.DefaultBurst(o.Rate, longestFrame) + uint64(late.Seconds()*float64(o.Rate)/8)
	if at == nil {
		return nil, nil
	}
	o.Inbound = inbound
	file, err := os.Open(at.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	conformity, err := link.Conform(ctx, file, o)
	if err != nil {
		return nil, err
	}
	if conformity.Frames == 0 && conformity.Complete() {
		return nil, nil
	}
	return link.JudgeRate(d.asked, conformity, 0), nil
}

// longestFrame is that of an Ethernet with offloads off.
const longestFrame = 1514
