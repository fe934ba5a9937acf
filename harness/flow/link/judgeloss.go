package link

import (
	"fmt"
	"strings"

	"github.com/wireproof/wireproof/harness/flow"
)

// few bursts tell nothing of their share.
const enoughBursts = 30

// loss judges what did not arrive.
func (j *judge) loss() {
	if j.c.Place != Between {
		j.lossElsewhere()
		return
	}
	e, l := j.e, &j.c.Lost
	// What filters lost is no matter of chance, and neither is what the queue or the end of the captures did; of the
	// latter two it is not known how much was of packets that count.
	lost, n := e.Lost-min(l.Listed, e.Lost), e.Sent-min(l.Listed, e.Sent)
	aside := min(l.others()+max(e.Unsettled, min(j.c.InFlight, e.Lost)), lost)
	if j.chance() {
		j.byChance(lost, lost-aside, n, n-min(l.others(), n), "")
		return
	}
	because := j.causes()
	switch {
	case e.Lost == 0 && j.drops:
		j.add(flow.Inconclusive, "all of %s arrived, so nothing came by that the drop filters name: nothing was shown", count(e.Sent, "packet"))
	case e.Lost == 0:
		j.add(flow.Pass, "all of %s arrived", count(e.Sent, "packet"))
	case lost == 0 && !j.drops && l.Listed > 0:
		j.add(flow.Fail, "%s were named by a filter and lost, and no filter was asked for", count(e.Lost, "packet"))
	case lost <= l.others():
		j.add(flow.Pass, "%s of %s lost: %s", thousands(e.Lost), count(e.Sent, "packet"), because)
	case j.c.Engine == "" && (j.queue || j.drops || j.down):
		j.add(flow.Inconclusive, "%s of %s lost, and no engine says why: %s", thousands(e.Lost), count(e.Sent, "packet"), j.indices())
	case lost-aside > 0:
		j.add(flow.Fail, "%s of %s lost without that being asked (%s%s)", thousands(lost-min(l.others(), lost)), count(e.Sent, "packet"), j.indices(), because)
	default:
		j.add(flow.Inconclusive, "%s of %s had not arrived when the captures ended, and may have been on their way", thousands(lost), count(e.Sent, "packet"))
	}
}

// byChance judges losses of n packets (nLow where some of them may never have met the chance): lost of them at
// most, and surely at least so many.
func (j *judge) byChance(lost, surely, n, nLow uint64, where string) {
	low, high := within(nLow, n, j.span.loss)
	asked, enough := j.span.loss.String(), true
	if j.gilbert.PPercent > 0 {
		var bursts float64
		low, high, bursts = bursty(n, j.gilbert, j.span.loss.high)
		enough = bursts >= enoughBursts
		asked = fmt.Sprintf("bursts that lose %s in the long run", percent(j.gilbert.MeanLossPercent()/100))
		if j.span.loss.high > 0 {
			asked += " and " + j.span.loss.String() + " beside"
		}
		if !enough {
			asked += fmt.Sprintf(", some %.0f bursts in so many packets", bursts)
		}
		if j.bursts {
			asked += ", not throughout"
			low, enough = 0, false
		}
	}
	text := fmt.Sprintf("%s of %s lost%s, asked %s, chance allows %s", portion(lost, n), count(n, "packet"), where, asked, limits(low, high, n))
	aside := ""
	if surely < lost {
		aside = fmt.Sprintf("; %s of these may be lost for other reasons (%s)", thousands(lost-surely), strings.TrimPrefix(j.causes()+", sent shortly before the captures ended", ", "))
	}
	switch {
	case lost == 0 && low == 0:
		j.add(flow.Inconclusive, "nothing was lost of %s%s, so nothing was shown; asked %s, chance allows %s", count(n, "packet"), where, asked, limits(low, high, n))
	case (lost < low || surely > high) && enough:
		j.add(j.inexact(), "%s%s%s", text, aside, j.inexactly())
	case lost < low || surely > high:
		j.add(flow.Inconclusive, "%s: too few bursts to tell", text)
	case (surely < low || lost > high) && !(j.c.Engine != "" && j.c.Exact && j.c.Lost.Chance >= low && j.c.Lost.Chance <= high):
		j.add(flow.Inconclusive, "%s%s", text, aside)
	default:
		j.add(flow.Pass, "%s%s", text, aside)
	}
}

// lossElsewhere judges the loss of an engine that does not act between the captures, by its own count.
func (j *judge) lossElsewhere() {
	e, c := j.e, j.c
	switch {
	case e.Lost > e.Unsettled:
		j.add(flow.Fail, "%s of %s lost between the captures, where engine %s does not act (%s)", thousands(e.Lost), count(e.Sent, "packet"), c.Engine, j.indices())
	case e.Lost > 0:
		j.add(flow.Inconclusive, "%s of %s had not arrived when the captures ended, and may have been on their way", thousands(e.Lost), count(e.Sent, "packet"))
	}
	if !j.chance() {
		if e.Lost == 0 {
			j.add(flow.Pass, "all of %s arrived from one capture to the other", count(e.Sent, "packet"))
		}
		return
	}
	n := c.Packets
	if n == 0 && c.Place == Before {
		n = e.Sent + c.Lost.Chance
	} else if n == 0 {
		n = e.Received
	}
	n -= min(c.Lost.Listed, n)
	lost := c.Lost.Chance
	j.byChance(lost, lost, n, n-min(c.Lost.others(), n), fmt.Sprintf(" by engine %s's own count (it acts %s)", c.Engine, c.Place))
}

// causes lists what the engine says of losses that were no chance: "5 queue full, 1 link down".
func (j *judge) causes() string {
	var list []string
	for _, cause := range []struct {
		n    uint64
		what string
	}{
		{j.c.Lost.Listed, "named by a filter"}, {j.c.Lost.Queue, "at a full queue"}, {j.c.Lost.Down, "while the link was down"},
		{j.c.Lost.MTU, "longer than the MTU"}, {j.c.Lost.Engine, "by the engine's own fault"},
	} {
		if cause.n > 0 {
			list = append(list, thousands(cause.n)+" "+cause.what)
		}
	}
	return strings.Join(list, ", ")
}

// indices names the first packets lost.
func (j *judge) indices() string {
	list := j.e.LostIndices
	if len(list) == 0 {
		return "which, is not known"
	}
	const shown = 5
	text := "packet"
	if len(list) > 1 {
		text += "s"
	}
	for i, n := range list[:min(len(list), shown)] {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d", n)
	}
	if len(list) > shown {
		text += " and more"
	}
	return text + ", from 0"
}
