package rtnl

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/topo"
)

// netemHandle is Mininet's handle 10: of the emulator (mininet/link.py, TCIntf.delayCmds). tc(8) reads it as hexadecimal.
const netemHandle = 0x10 << 16

// A Netem says what the kernel's network emulator does to what an interface sends. The zero Netem does nothing.
//
// It acts on frames as the sending host hands them over: with segmentation offload those are of up to 64 KB, and one draw
// strikes all segments of one.
type Netem struct {
	// Rate in bit/s, by a class of htb above the emulator, as Mininet lays it out. Zero: none, and netem is the root.
	Rate int64
	// OwnRate in bit/s, by netem itself, which adds each frame's time on the wire to its delay. Zero: none.
	OwnRate int64

	Delay        time.Duration     // one way
	Jitter       time.Duration     // scale of Distribution around Delay; at most Delay, and MaxNetemJitter
	Distribution topo.Distribution // zero: uniform. The kernel does not tell it: it is zero in what Conn.Netem returns

	LossPercent      float64 // independent; not together with Gilbert
	Gilbert          topo.GilbertElliott
	DuplicatePercent float64
	ReorderPercent   float64 // sent without the delay; needs one
	ReorderGap       int     // only after that many less one that were not; zero: 1
	CorruptPercent   float64 // one bit inverted, anywhere in the frame's linear part

	// Limit is how many frames wait or are under way at most. Zero: netem's usual 1000, and as many full frames as the
	// delay holds at the rate, or at 10 Gbit/s where there is none.
	Limit int

	// Seed of the random numbers, from Linux 6.6 on; older kernels pass over it, and Conn.Netem then returns zero. Zero: the
	// kernel's own choice. Each change begins anew with it.
	Seed uint64
}

// MaxNetemJitter is the longest jitter: the kernel cuts it off there, without a word (net/sched/sch_netem.c, netem_change).
const MaxNetemJitter = math.MaxInt32 * time.Nanosecond

// ErrUnable: netem has no means to do what is asked. Another engine has.
var ErrUnable = errors.New("not possible with engine netem")

// noRate is the rate in bit/s of a class of htb that is to hold nothing back.
const noRate = 1e12

// NetemFrom returns the Netem that does what p asks, p.Schedule left out. The error joins what netem cannot do, and
// wraps ErrUnable.
func NetemFrom(p topo.LinkParams) (Netem, error) {
	var errs []error
	cannot := func(asked bool, what, why string) {
		if asked {
			errs = append(errs, fmt.Errorf("%s: %w: %s: use engine user", what, ErrUnable, why))
		}
	}
	cannot(len(p.Drop) > 0, "drop list", "it knows no single packets")
	cannot(p.PerFlow, "packets counted by flow", "it does not tell flows apart")
	cannot(p.Trace != nil, "trace", "its rate is constant")
	cannot(p.MaxQueueBytes != 0, "queue limit in bytes", "its limit counts frames")
	cannot(p.ECNThreshold != 0, "ECN threshold", "it marks in place of losing, and by no length of the queue")
	cannot(p.MTU != 0, "MTU", "it takes frames of any length")
	n := Netem{
		Rate: int64(p.Rate), Delay: p.Delay, Jitter: p.Jitter, Distribution: p.Distribution,
		LossPercent: p.LossPercent, Gilbert: p.Gilbert, DuplicatePercent: p.DuplicatePercent,
		ReorderPercent: p.ReorderPercent, ReorderGap: p.ReorderGap, CorruptPercent: p.CorruptPercent, Limit: p.MaxQueue,
	}
	errs = append(errs, n.Validate())
	return n, errors.Join(errs...)
}

// Validate returns all that is wrong with n, or nil.
func (n Netem) Validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for _, share := range []struct {
		name    string
		percent float64
	}{
		{"loss", n.LossPercent}, {"duplicate", n.DuplicatePercent}, {"reorder", n.ReorderPercent}, {"corrupt", n.CorruptPercent},
		{"gemodel p", n.Gilbert.PPercent}, {"gemodel r", n.Gilbert.RPercent}, {"gemodel h", n.Gilbert.HPercent}, {"gemodel 1-k", n.Gilbert.KLossPercent},
	} {
		bad(!(share.percent >= 0 && share.percent <= 100), "%s of %v %%: give 0 to 100", share.name, share.percent)
	}
	bad(n.Gilbert.PPercent == 0 && n.Gilbert != (topo.GilbertElliott{}), "gemodel without p: give the chance to go from good to bad")
	if n.LossPercent != 0 && n.Gilbert != (topo.GilbertElliott{}) {
		errs = append(errs, fmt.Errorf("loss together with gemodel: %w: it has one model of loss at a time: give one, or use engine user", ErrUnable))
	}
	bad(n.Delay < 0 || n.Delay > time.Hour, "delay of %v: give 0 to %v", n.Delay, time.Hour)
	bad(n.Jitter < 0 || n.Jitter > n.Delay, "jitter of %v with a delay of %v: give 0 up to the delay", n.Jitter, n.Delay)
	if n.Jitter > MaxNetemJitter {
		errs = append(errs, fmt.Errorf("jitter of %v: %w: give at most %v, or use engine user", n.Jitter, ErrUnable, MaxNetemJitter))
	}
	_, err := topo.ParseDistribution(string(n.Distribution))
	errs = append(errs, err)
	bad(n.ReorderPercent > 0 && n.Delay <= 0, "reorder without delay: only a packet that waits can be overtaken: give a delay")
	bad(n.ReorderGap < 0 || n.ReorderGap > math.MaxInt32 || n.ReorderGap > 0 && n.ReorderPercent == 0,
		"reorder gap of %d with reorder of %v %%: give a gap of 1 or more, and a share", n.ReorderGap, n.ReorderPercent)
	bad(n.Rate < 0 || n.Rate > 0 && n.Rate < 8, "rate of %d bit/s: give 8 bit/s or more, or 0 for none", n.Rate)
	bad(n.OwnRate < 0 || n.OwnRate > 0 && n.OwnRate < 8, "netem's rate of %d bit/s: give 8 bit/s or more, or 0 for none", n.OwnRate)
	bad(n.Limit < 0 || int64(n.Limit) > math.MaxUint32, "limit of %d frames: give 1 or more, or 0 for the default", n.Limit)
	return errors.Join(errs...)
}

// AddNetem lays out what an interface sends through: htb with one class and the emulator below it where n has a rate, as
// Mininet does, else the emulator alone. It fails with ErrMissing where the kernel lacks either. n must be valid.
func AddNetem(name string, index int, n Netem) []Op {
	var ops []Op
	if n.Rate != 0 {
		ops = AddHTB(name, index, n.Rate)
	}
	return append(ops, n.op("add netem to ", create, name, index, false))
}

// ChangeNetem makes an emulator that is laid out by old do what n says, and returns how it is laid out then: what is to be old
// in the next change. Frames under way keep the time at which they arrive, and none is lost, unless Limit has no room for
// it. n must be valid.
//
// What stands above the emulator cannot be taken away or put there without losing what is under way. So a rate that comes
// where there was none is netem's own, and where one goes htb stays, with a rate that nothing reaches.
func ChangeNetem(name string, index int, old, n Netem) (ops []Op, laid Netem) {
	switch {
	case old.Rate == 0 && n.Rate != 0:
		if n.OwnRate == 0 || n.Rate < n.OwnRate {
			n.OwnRate = n.Rate
		}
		n.Rate = 0
	case old.Rate != 0 && n.Rate == 0:
		n.Rate = noRate
	}
	if old.Rate != n.Rate {
		ops = append(ops, ChangeHTB(name, index, n.Rate))
	}
	return append(ops, n.op("change netem of ", 0, name, index, true)), n
}

// op is the message about the emulator. change says that one may be there already, which keeps what it is not told.
func (n Netem) op(what string, flags int, name string, index int, change bool) Op {
	parent := uint32(rootHandle)
	if n.Rate != 0 {
		parent = htbClass
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, flags)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index), Handle: netemHandle, Parent: parent})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("netem")))
	req.AddData(n.options(change))
	return Op{what: what + name, feature: "sch_netem", req: req}
}
