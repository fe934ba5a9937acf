package link

import (
	"fmt"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
)

const (
	// Beyond this and a hundredth of what was asked, a median says that the machine was too slow. links.md measured 60 µs
	// and less at the median on a machine that was not.
	lateness = time.Millisecond
	// A jitter is looked for in so many packets and more: fewer may well be alike.
	enoughForJitter = 50
)

// delay judges how long packets took.
func (j *judge) delay() {
	d := &j.e.Delay
	if d.Packets == 0 || j.c.Place != Between {
		switch {
		case j.span.delay == 0:
		case j.c.Place == Before && j.e.Turnaround.Packets > 0:
			j.turnaround()
		case d.Packets == 0:
			j.add(flow.Inconclusive, "no packet arrived, so no delay was shown; asked %s", j.askedDelay())
		default:
			j.add(flow.Inconclusive, "engine %s delays packets %s, so the captures do not see it; asked %s", j.c.Engine, j.c.Place, j.askedDelay())
		}
		return
	}
	if d.Min < -StampError {
		j.add(flow.Inconclusive, "%s arrived before they were sent by the time stamps, by up to %s: the clocks of the captures do not agree", count(j.e.Early, "packet"), short(-d.Min))
		return
	}
	if j.span.delay == 0 {
		return
	}
	figures := fmt.Sprintf("packets took %s to %s, median %s, 99 of 100 up to %s; asked %s", short(d.Min), short(d.Max), short(d.Median), short(d.P99), j.askedDelay())
	limit := j.sooner - StampError
	sooner := uint64(0)
	if d.Min < limit {
		sooner = max(d.Below(limit), 1)
	}
	_, skip := bounds(d.Packets, j.reorder.high)
	if sooner > skip {
		j.add(flow.Fail, "%s, and at least %s came sooner than %s, the least that it allows", figures, count(sooner, "packet"), short(j.sooner))
		return
	}
	if j.jitter >= 4*StampError && d.Packets >= enoughForJitter && d.Max-d.Min < j.jitter/2 {
		j.add(flow.Fail, "%s, and all took about the same", figures)
		return
	}
	late := j.span.delay + j.span.delay/100 + lateness
	switch quickest := late + j.jitter; {
	case j.slowest == 0 && !j.trace && d.Median > late:
		j.add(flow.Inconclusive, "%s: the machine was too slow", figures)
	case j.slowest > 0 && d.Min > quickest+time.Duration(float64(1514*8)/float64(j.slowest)*1e9):
		j.add(flow.Inconclusive, "%s: even the quickest was late, the machine was too slow", figures)
	default:
		j.add(flow.Pass, "%s", figures)
	}
}

// turnaround judges the delay of an engine that acts before the sending capture, by the quickest of the frames whose
// cause is known: the others may have waited for their turn, or for an acknowledgement that was put off.
func (j *judge) turnaround() {
	d := &j.e.Turnaround
	figures := fmt.Sprintf("%s left %s and more after what caused them, median %s; asked %s", count(d.Packets, "packet"), short(d.Min), short(d.Median), j.askedDelay())
	limit := j.sooner - StampError
	_, skip := bounds(d.Packets, j.reorder.high)
	late := j.span.delay + j.span.delay/100 + lateness + j.jitter
	switch sooner := d.Below(limit); {
	case sooner > skip:
		j.add(flow.Fail, "%s, and %s left sooner than %s, the least that it allows", figures, count(sooner, "packet"), short(j.sooner))
	case d.Min > late:
		j.add(flow.Inconclusive, "%s: even the quickest was late, the machine was too slow", figures)
	default:
		j.add(flow.Pass, "%s", figures)
	}
}

func (j *judge) askedDelay() string {
	text := short(j.span.delay)
	if j.jitter > 0 {
		name := string(j.distribution)
		if name == "" {
			name = "uniform"
		}
		text += fmt.Sprintf(" with a jitter of %s, %s", short(j.jitter), name)
	}
	if j.sooner < j.span.delay && j.jitter == 0 {
		text = short(j.sooner) + " to " + text
	}
	return text
}

// order judges which packets overtook others.
func (j *judge) order() {
	e := j.e
	if !j.span.order {
		switch {
		case e.Reordered == 0:
		case j.kernel():
			j.add(flow.Inconclusive, "%s of %s arrived behind packets sent later, and that was not asked; with engine %s the kernel itself may do that: a veth pair has a queue for each processor",
				thousands(e.Reordered), count(e.Received, "packet"), j.c.Engine)
		default:
			j.add(flow.Fail, "%s of %s arrived behind packets sent later, and that was not asked", thousands(e.Reordered), count(e.Received, "packet"))
		}
		return
	}
	if j.reorder.high == 0 {
		return // by jitter: how many, depends on how close they follow each other
	}
	n := e.Delay.Packets
	if j.c.Place != Between {
		j.add(flow.Inconclusive, "whether packets overtook others cannot be seen: engine %s acts %s", j.c.Engine, j.c.Place)
		return
	}
	half := j.sooner / 2
	skipped := e.Delay.Below(half)
	low, high := within(n-min(n, j.c.Lost.others()), n, j.reorder)
	if j.gap > 1 {
		low = 0
	}
	text := fmt.Sprintf("%s of %s skipped the delay, asked %s, chance allows %s; %s were overtaken", portion(skipped, n), count(n, "packet"), j.reorder, limits(low, high, n), thousands(e.Reordered))
	switch {
	case half < lateness:
		j.add(flow.Inconclusive, "%s of %s were overtaken; with so short a delay it cannot be told which skipped it", thousands(e.Reordered), count(n, "packet"))
	case skipped > high:
		j.add(flow.Fail, "%s", text)
	case skipped < low && (j.slowest > 0 || j.trace):
		j.add(flow.Inconclusive, "%s: those that skipped it may have waited in the queue", text)
	case skipped < low:
		j.add(j.inexact(), "%s%s", text, j.inexactly())
	case skipped == 0 || e.Reordered == 0:
		j.add(flow.Inconclusive, "%s: nothing was shown", text)
	default:
		j.add(flow.Pass, "%s", text)
	}
}

// kernel reports whether packets cross a plain veth pair, so that the kernel decides their order.
func (j *judge) kernel() bool {
	switch j.c.Engine {
	case "none", "htb", "bpf", "netem":
		return true
	}
	return false
}
