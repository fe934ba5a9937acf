package rtnl

import (
	"fmt"
	"math"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Mininet's layout of a shaped interface (mininet/link.py, TCIntf.bwCmds): htb as root, handle 5:, and one class 5:1.
const (
	htbHandle = 5 << 16
	htbClass  = 5<<16 | 1

	rootHandle = 0xffffffff // linux/pkt_sched.h, TC_H_ROOT
)

// AddHTB shapes what an interface sends to rate bit/s: two changes, the queueing discipline and its class.
//
// Apart from Mininet's burst of 15 kB, cburst and a burst of 1 ms at high rates are set: with the kernel's own cburst of
// one packet, a class of 1 Gbit/s was measured to reach 0.967 of it.
func AddHTB(name string, index int, rate int64) []Op {
	root := tcRequest(unix.RTM_NEWQDISC, index, htbHandle, rootHandle)
	options := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	options.AddRtAttr(nl.TCA_HTB_INIT, (&nl.TcHtbGlob{Version: 3, Rate2Quantum: 10, Defcls: htbClass & 0xffff}).Serialize())
	root.AddData(options)

	return []Op{
		{what: "add htb to " + name, feature: "sch_htb", req: root},
		{what: "add htb class to " + name, feature: "sch_htb", req: htbClassRequest(create, index, rate)},
	}
}

// ChangeHTB changes the rate of what AddHTB made, while it works.
func ChangeHTB(name string, index int, rate int64) Op {
	return Op{what: "change htb class of " + name, feature: "sch_htb", req: htbClassRequest(0, index, rate)}
}

// RemoveQdisc takes an interface's root queueing discipline away. What waits in it is lost.
func RemoveQdisc(name string, index int) Op {
	req := nl.NewNetlinkRequest(unix.RTM_DELQDISC, 0)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index), Parent: rootHandle})
	return Op{what: "remove queueing discipline of " + name, req: req}
}

func htbClassRequest(flags, index int, rate int64) *nl.NetlinkRequest {
	class := tcRequest(unix.RTM_NEWTCLASS, index, htbClass, htbHandle)
	class.Flags = class.Flags&^create | uint16(flags)
	options := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	shape := htbShape(rate)
	options.AddRtAttr(nl.TCA_HTB_PARMS, shape.Serialize())
	if bytes := uint64(rate) / 8; bytes > math.MaxUint32 {
		options.AddRtAttr(nl.TCA_HTB_RATE64, nl.Uint64Attr(bytes))
		options.AddRtAttr(nl.TCA_HTB_CEIL64, nl.Uint64Attr(bytes))
	}
	class.AddData(options)
	return class
}

func tcRequest(kind, index int, handle, parent uint32) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, create)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index), Handle: handle, Parent: parent})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("htb")))
	return req
}

const (
	htbBurst      = 15 << 10       // bytes, Mininet's "15k"
	psched        = 64             // ns for each tick of the scheduler (include/net/pkt_sched.h, PSCHED_SHIFT)
	linklayerEth  = 1              // linux/pkt_sched.h, TC_LINKLAYER_ETHERNET: no rate tables are needed then
	htbMaxQuantum = 200_000        // bytes; net/sched/sch_htb.c warns above it, and below 1000
	htbMinQuantum = 1514           // bytes, one frame
	maxTicks      = math.MaxUint32 // 275 s
)

// htbShape converts bit/s to what the class takes: bytes/s, and bursts as time at that rate.
func htbShape(rate int64) *nl.TcHtbCopt {
	bytes := float64(rate) / 8
	burst := max(htbBurst, bytes/1000)
	ticks := uint32(min(math.Ceil(burst/bytes*1e9/psched), maxTicks))
	spec := nl.TcRateSpec{Rate: uint32(min(uint64(rate)/8, math.MaxUint32)), Linklayer: linklayerEth}
	return &nl.TcHtbCopt{
		Rate: spec, Ceil: spec,
		Buffer: ticks, Cbuffer: ticks,
		Quantum: uint32(min(max(bytes/10, htbMinQuantum), htbMaxQuantum)),
	}
}

// ProbeQdisc adds a queueing discipline with the kernel's defaults. It fails with ErrMissing where the kernel lacks it, and
// succeeds also where it has defaults for some of it only.
func ProbeQdisc(name string, index int, kind string) Op {
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, create)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index), Handle: 1 << 16, Parent: rootHandle})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated(kind)))
	if kind == "netem" {
		req.AddData(nl.NewRtAttr(nl.TCA_OPTIONS, (&nl.TcNetemQopt{Limit: 1000}).Serialize()))
	}
	return Op{what: fmt.Sprintf("add %s to %s", kind, name), feature: "sch_" + kind, req: req}
}
