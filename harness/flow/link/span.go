package link

import (
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// share is a chance from 0 to 1 that is known within limits.
type share struct{ low, high float64 }

func (s *share) widen(percent float64, first bool) {
	p := percent / 100
	if first {
		*s = share{p, p}
	}
	s.low, s.high = min(s.low, p), max(s.high, p)
}

// span is what a link was asked to do in the course of a run: where its schedule changes something, the
// least and the most.
type span struct {
	loss, duplicate, reorder, corrupt share
	gilbert                           topo.GilbertElliott // zero: never
	bursts                            bool                // gilbert is not the same throughout, or loss beside it is not
	sooner, delay, jitter             time.Duration       // sooner: no packet takes less; the others the longest
	distribution                      topo.Distribution
	slowest                           topo.BitRate // zero: no rate at any time
	gap                               int
	down, drops                       bool
	queue                             bool // something limits how much can wait, or how long a packet may be
	order                             bool // packets may overtake each other
	rates                             int  // different ones
	trace                             bool
}

// spanOf looks at each stretch of p's schedule that began before the run ended; seconds is zero where that is not known.
func spanOf(p topo.LinkParams, seconds float64) span {
	var s span
	var was topo.LinkParams
	times := append([]time.Duration{0}, p.Times()...)
	first := true
	for _, at := range times {
		if !first && seconds > 0 && at.Seconds() >= seconds {
			continue
		}
		now, down := p.At(at)
		s.down = s.down || down
		s.loss.widen(now.LossPercent, first)
		s.duplicate.widen(now.DuplicatePercent, first)
		s.reorder.widen(now.ReorderPercent, first)
		s.corrupt.widen(now.CorruptPercent, first)
		if !first && (now.Gilbert != was.Gilbert || now.Gilbert.PPercent > 0 && now.LossPercent != was.LossPercent) {
			s.bursts = true
		}
		if now.Gilbert.PPercent > 0 {
			s.gilbert = now.Gilbert
		}
		sooner := max(now.Delay-earliest(now.Jitter, now.Distribution), 0)
		if first || sooner < s.sooner {
			s.sooner = sooner
		}
		s.delay, s.jitter = max(s.delay, now.Delay), max(s.jitter, now.Jitter)
		s.distribution = now.Distribution
		s.order = s.order || now.Jitter > 0 || now.ReorderPercent > 0 || !first && now.Delay != was.Delay
		s.gap = max(s.gap, now.ReorderGap)
		s.drops = s.drops || len(now.Drop) > 0
		s.queue = s.queue || now.Rate > 0 || now.Trace != nil || now.MaxQueue > 0 || now.MaxQueueBytes > 0 || now.MTU > 0
		s.trace = s.trace || now.Trace != nil
		if now.Rate > 0 && (s.slowest == 0 || now.Rate < s.slowest) {
			s.slowest = now.Rate
		}
		if first || now.Rate != was.Rate {
			s.rates++
		}
		was, first = now, false
	}
	return s
}

// earliest is the most by which a jitter makes a packet come before its delay: the least entry of each of netem's tables,
// as docs/links.md has them.
func earliest(jitter time.Duration, d topo.Distribution) time.Duration {
	switch d {
	case topo.Normal:
		return 4 * jitter
	case topo.Pareto:
		return jitter * 7 / 10
	case topo.ParetoNormal:
		return jitter * 8 / 5
	}
	return jitter
}

// chance reports whether anything was to be lost by chance.
func (s *span) chance() bool { return s.loss.high > 0 || s.gilbert.PPercent > 0 }
