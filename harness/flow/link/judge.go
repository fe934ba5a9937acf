package link

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// checkName is the name of every check of this package.
const checkName = "link"

// Judge decides whether one direction of a link did what was asked, from what its two captures show and what its engine
// counted. asked may have a schedule: then what is seen is held to the least and the most that it asked for in
// seconds, the length of the run (zero: all of it). The zero Counters say that no engine told anything.
//
// The checks, all named "link": whether the evidence is whole and the engine did not fail, if it was not or did; loss; and of
// delay, order, duplicates, corruption and agreement with the counters, those that were asked for or that there is something
// to say about. A correct link fails one of those that chance decides in about one of a million runs.
//
// Captures that are not the whole truth (Evidence.Problems) make every verdict INCONCLUSIVE. Rate is JudgeRate's.
func Judge(asked topo.LinkParams, e Evidence, c Counters, seconds float64) []flow.Check {
	if e.Name == "" {
		e.Name = "the link"
	}
	j := &judge{span: spanOf(asked, seconds), e: &e, c: &c}
	if !e.Complete() {
		j.add(flow.Inconclusive, "the captures are not the whole truth: %s", few(e.Problems, 4))
	}
	j.faults()
	if e.Sent == 0 && (c.Place != Before || c.Packets == 0) {
		if asked.Shaped() {
			j.add(flow.Inconclusive, "no packet was sent, so nothing was shown")
		} else {
			j.add(flow.Pass, "no packet was sent, and nothing was asked")
		}
		return j.checks
	}
	j.loss()
	j.delay()
	j.order()
	j.copies("duplicated", j.duplicate, e.Duplicated, c.Duplicated)
	j.copies("corrupted", j.corrupt, e.Corrupted, c.Corrupted)
	if e.CorruptedCopies > 0 && j.corrupt.high == 0 {
		j.add(flow.Fail, "%s arrived with other bytes than the packet was sent with, and corruption was not asked", count(e.CorruptedCopies, "duplicate"))
	}
	j.agree()
	if !e.Complete() {
		for i := range j.checks {
			j.checks[i].Verdict = flow.Inconclusive
		}
	}
	return j.checks
}

type judge struct {
	span
	e      *Evidence
	c      *Counters
	checks []flow.Check
}

func (j *judge) add(v flow.Verdict, format string, args ...any) {
	j.checks = append(j.checks, flow.Check{Name: checkName, Verdict: v, Detail: j.e.Name + ": " + fmt.Sprintf(format, args...) + "."})
}

// JudgeFaults is Judge of a direction whose ends were not captured: only what its engine itself did wrong is known.
func JudgeFaults(name string, c Counters) []flow.Check {
	j := &judge{e: &Evidence{Name: name}, c: &c}
	j.faults()
	return j.checks
}

// faults says what the engine itself did wrong. Packets that it lost were lost by no link.
func (j *judge) faults() {
	if n := j.c.Lost.Engine; n > 0 {
		j.add(flow.Inconclusive, "engine %s lost %s by its own fault: it could not keep up: use a faster machine, or less traffic", j.c.Engine, count(n, "packet"))
	}
	if j.c.Faults != "" {
		j.add(flow.Inconclusive, "engine %s did not work as it should: %s", j.c.Engine, j.c.Faults)
	}
}

// copies judges a share of the packets that arrived: those that came twice, or damaged.
func (j *judge) copies(what string, asked share, seen, counted uint64) {
	n := j.e.Received
	where := ""
	if j.c.Place != Between && asked.high > 0 {
		if seen == 0 && counted == 0 {
			j.add(flow.Inconclusive, "whether packets were %s cannot be seen: engine %s acts %s, and does not count it", what, j.c.Engine, j.c.Place)
			return
		}
		seen = max(seen, counted)
		where = ", by the engine's own count alone"
	}
	switch low, high := within(n-min(n, j.c.Lost.others()), n, asked); {
	case asked.high == 0 && seen == 0:
	case asked.high == 0:
		j.add(flow.Fail, "%s of %s %s, and that was not asked", thousands(seen), count(n, "packet"), what)
	case seen > high || seen+min(j.c.Lost.others(), low) < low:
		j.add(j.inexact(), "%s of %s %s%s, asked %s, chance allows %s%s", portion(seen, n), count(n, "packet"), what, where, asked, limits(low, high, n), j.inexactly())
	case seen == 0:
		j.add(flow.Inconclusive, "none of %s was %s, asked %s: too few for anything to be shown", count(n, "packet"), what, asked)
	default:
		j.add(flow.Pass, "%s of %s %s%s, asked %s, chance allows %s", portion(seen, n), count(n, "packet"), what, where, asked, limits(low, high, n))
	}
}

// inexact is the verdict on a share that is out of bounds: where an engine decided about frames of several packets
// at once, packets are no independent trials.
func (j *judge) inexact() flow.Verdict {
	if j.c.Engine != "" && !j.c.Exact {
		return flow.Inconclusive
	}
	return flow.Fail
}

func (j *judge) inexactly() string {
	if j.inexact() == flow.Fail {
		return ""
	}
	return "; engine " + j.c.Engine + " did not decide packet by packet"
}

// String writes a share in percent.
func (s share) String() string {
	if s.low == s.high {
		return percent(s.high)
	}
	return percent(s.low) + " to " + percent(s.high)
}

func percent(p float64) string {
	return strconv.FormatFloat(math.Round(p*1e8)/1e6, 'f', -1, 64) + " %"
}

// portion writes k of n in percent, to three digits.
func portion(k, n uint64) string {
	if n == 0 {
		return "0 %"
	}
	p := float64(k) / float64(n) * 100
	digits := 2
	if p > 0 && p < 1 {
		digits = 2 - int(math.Floor(math.Log10(p)))
	}
	return strconv.FormatFloat(p, 'f', min(digits, 8), 64) + " %"
}

// limits writes two numbers of n packets in percent, and as they are.
func limits(low, high, n uint64) string {
	return strings.TrimSuffix(portion(low, n), " %") + " to " + portion(high, n) + " (" + thousands(low) + " to " + thousands(high) + ")"
}

// short writes a time as people read it.
func short(d time.Duration) string {
	switch {
	case d >= time.Second || d <= -time.Second:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond || d <= -time.Millisecond:
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

// few joins the first max of list.
func few(list []string, max int) string {
	if len(list) <= max {
		return strings.Join(list, "; ")
	}
	return strings.Join(list[:max], "; ") + fmt.Sprintf("; and %d more", len(list)-max)
}
