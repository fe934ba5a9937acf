package link

import (
	"fmt"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// JudgeRate decides whether a direction ever sent faster than its rate. It returns no check where no rate was asked, or
// where Conform cannot measure what was: a rate that the schedule changes within seconds (zero: ever), or a trace.
func JudgeRate(asked topo.LinkParams, c Conformity, seconds float64) []flow.Check {
	s := spanOf(asked, seconds)
	if asked.Rate == 0 || s.rates > 1 || s.trace {
		return nil
	}
	check := func(v flow.Verdict, format string, args ...any) []flow.Check {
		if c.Name == "" {
			c.Name = "the link"
		}
		return []flow.Check{{Name: checkName, Verdict: v, Detail: c.Name + ": " + fmt.Sprintf(format, args...) + "."}}
	}
	figures := fmt.Sprintf("%s, %s bytes; at most %s bytes above %s·t in any time t, allowed %s; busiest second %s",
		count(c.Frames, "frame"), thousands(c.Bytes), thousands(c.LevelBytes), c.Rate, thousands(c.BurstBytes), topo.BitRate(c.BusiestSecondBytes*8))
	switch {
	case c.Rate != asked.Rate:
		return check(flow.Inconclusive, "the capture was held to %s, and %s was asked", c.Rate, asked.Rate)
	case !c.Complete():
		return check(flow.Inconclusive, "%s; but %s", figures, few(c.Problems, 4))
	case c.Frames == 0:
		return check(flow.Inconclusive, "no frame was sent, so no rate was shown; asked %s", asked.Rate)
	case c.ExcessBytes > 0:
		return check(flow.Fail, "faster than its rate by %s bytes: %s", thousands(c.ExcessBytes), figures)
	}
	return check(flow.Pass, "%s", figures)
}
