package scenarios

import (
	"github.com/wireproof/wireproof/harness"
)

// describeLinks notes what carried each link and what it counted, while the network is still up.
func (r *run) describeLinks() {
	for _, l := range r.scenario.Topo.Links {
		link := Link{
			A: l.A, B: l.B, EngineA: "unknown", EngineB: "unknown",
			RateBPS: int64(l.AB.Rate), DelayNS: l.AB.Delay.Nanoseconds(), LossPercent: l.AB.LossPercent, Asked: l.AB,
		}
		if !l.BA.Equal(l.AB) {
			link.AskedBA = &l.BA
		}
		stats, err := r.network.Link(l.A, l.B).Stats()
		if err == nil {
			link.EngineA, link.EngineB = stats.A.Engine, stats.B.Engine
			link.Exact, link.Class = stats.A.Exact && stats.B.Exact, stats.Class
			link.Sent, link.SentBA = counters(stats.A), counters(stats.B)
		}
		r.carried = append(r.carried, stats)
		r.report.Links = append(r.report.Links, link)
	}
}

// counters are those of the engine where it has its own, else the interface's.
func counters(e harness.EndStats) LinkCounters {
	w := e.Wire
	if w.In == 0 {
		return LinkCounters{Packets: e.TxPackets, Bytes: e.TxBytes, Lost: e.Qdisc.Drops}
	}
	return LinkCounters{
		Packets: w.In, Bytes: w.BytesIn, Lost: w.Dropped.Total() - w.Dropped.Engine, Duplicated: w.Duplicated,
		Reordered: w.Reordered, Corrupted: w.Corrupted, Marked: w.Marked, EngineLost: w.Dropped.Engine, LateP99NS: w.Late.P99.Nanoseconds(),
	}
}
