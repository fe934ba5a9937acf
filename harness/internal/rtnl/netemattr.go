package rtnl

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/wireproof/wireproof/harness/topo"
)

// Attributes of netem (linux/pkt_sched.h) that nl has no names for.
const (
	netemLatency64 = 10 // s64, ns
	netemJitter64  = 11 // s64, ns
	netemSeed      = 14 // u64, from Linux 6.6 on

	netemLossGE = 2 // in TCA_NETEM_LOSS: struct tc_netem_gemodel
)

// options are the emulator's parameters. The kernel keeps, in a change, what no attribute tells (net/sched/sch_netem.c,
// netem_change); so those that could have been set before are told also where they are zero.
func (n Netem) options(change bool) *nl.RtAttr {
	options := nl.NewRtAttr(nl.TCA_OPTIONS, n.qopt())
	options.AddRtAttr(netemLatency64, nl.Uint64Attr(uint64(n.Delay)))
	options.AddRtAttr(netemJitter64, nl.Uint64Attr(uint64(n.Jitter)))
	if table := distTable(n.Distribution, change); table != nil && n.Jitter != 0 {
		b := make([]byte, 0, 2*len(table))
		for _, v := range table {
			b = binary.NativeEndian.AppendUint16(b, uint16(v))
		}
		options.AddRtAttr(nl.TCA_NETEM_DELAY_DIST, b)
	}
	if g := n.Gilbert; g != (topo.GilbertElliott{}) {
		loss := options.AddRtAttr(nl.TCA_NETEM_LOSS, nil)
		loss.AddRtAttr(netemLossGE, words(share(g.PPercent), share(g.R()), share(g.HPercent), share(g.KLossPercent)))
	}
	const correlation = 0
	if n.ReorderPercent != 0 {
		options.AddRtAttr(nl.TCA_NETEM_REORDER, words(share(n.ReorderPercent), correlation))
	}
	if change || n.CorruptPercent != 0 {
		options.AddRtAttr(nl.TCA_NETEM_CORRUPT, words(share(n.CorruptPercent), correlation))
	}
	if change || n.OwnRate != 0 {
		bytes := uint64(n.OwnRate) / 8
		if bytes > math.MaxUint32 {
			options.AddRtAttr(nl.TCA_NETEM_RATE64, nl.Uint64Attr(bytes))
		}
		// Then overhead for each packet, and size and overhead of cells.
		options.AddRtAttr(nl.TCA_NETEM_RATE, words(uint32(min(bytes, math.MaxUint32)), 0, 0, 0))
	}
	if n.Seed != 0 {
		options.AddRtAttr(netemSeed, nl.Uint64Attr(n.Seed))
	}
	return options
}

// qopt is struct tc_netem_qopt. Its times are in ticks, of which 32 bits hold 275 s; the attributes of 64 bits, which
// Linux has from 4.16 on, go before them.
func (n Netem) qopt() []byte {
	gap := uint32(0)
	if n.ReorderPercent != 0 {
		gap = uint32(max(n.ReorderGap, 1))
	}
	return words(ticks(n.Delay), n.limit(), share(n.LossPercent), gap, share(n.DuplicatePercent), ticks(n.Jitter))
}

func words(list ...uint32) []byte {
	var b []byte
	for _, v := range list {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return b
}

// ticks converts to the packet schedulers' unit of 64 ns (include/net/pkt_sched.h, PSCHED_SHIFT).
func ticks(d time.Duration) uint32 { return uint32(min(max(d, 0)/psched, math.MaxUint32)) }

// share converts percent to the kernel's fraction of 2^32-1: what is above zero stays so, and 100 is always.
func share(percent float64) uint32 {
	if !(percent > 0) {
		return 0
	}
	return uint32(max(math.RoundToEven(min(percent, 100)/100*math.MaxUint32), 1))
}

// percent is share undone, to the six digits behind the point that 32 bits are good for.
func percent(share uint32) float64 {
	return math.RoundToEven(float64(share)/math.MaxUint32*100e6) / 1e6
}

const (
	netemQueue = 1000 // frames, what tc(8) gives netem by default
	netemFrame = 1514 // bytes
	netemFast  = 10e9 // bit/s
)

// limit is how many frames the emulator holds: those under way count as much as those that wait.
func (n Netem) limit() uint32 {
	if n.Limit != 0 {
		return uint32(n.Limit)
	}
	rate := float64(netemFast)
	if n.Rate != 0 && n.Rate != noRate {
		rate = float64(n.Rate)
	}
	if n.OwnRate != 0 {
		rate = min(rate, float64(n.OwnRate))
	}
	held := (n.Delay + n.Jitter).Seconds() * rate / 8 / netemFrame
	return uint32(min(netemQueue+math.Ceil(held), math.MaxInt32))
}
