package impair

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// A Config says what is to happen to the packets of one direction of a link.
// The zero Config lets everything pass.
type Config struct {
	// Seed, Link and Direction choose the random numbers: see Key.
	Seed      uint64
	Link      string
	Direction string

	// LossPercent is the share of packets lost, each independently of the others.
	LossPercent float64

	// Gilbert loses packets in bursts. It and LossPercent are independent: a packet
	// that either of them strikes is lost.
	Gilbert topo.GilbertElliott

	// Drop loses the packets that any of these filters names.
	Drop []topo.Filter

	// Hosts gives the addresses of the names that the filters use.
	Hosts map[string][]netip.Addr

	// Delay of the link. It is not applied here: it bounds how early jitter can
	// make a packet, and reordering needs it.
	Delay time.Duration

	// Jitter is the scale of Distribution around the delay. Zero: none.
	Jitter       time.Duration
	Distribution topo.Distribution

	// DuplicatePercent is the share of packets that arrive twice, of those not lost.
	DuplicatePercent float64

	// ReorderPercent is the share of packets that overtake those that are delayed.
	ReorderPercent float64

	// ReorderGap lets a packet be reordered only if at least ReorderGap - 1 packets
	// since the last such were not, as netem's gap does. Zero is 1: any.
	ReorderGap int

	// CorruptPercent is the share of packets in which one bit behind the Ethernet
	// header is inverted.
	CorruptPercent float64

	// PerFlow counts the packets of each flow (source and destination, their ports,
	// protocol) for itself, each with random numbers of its own (FlowID), so that
	// flows in parallel do not shift each other's losses.
	PerFlow bool

	// Record is how many losses are kept for Lost. Zero: none.
	Record int
}

// Validate returns all that is wrong with c, or nil.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, share := range []struct {
		name    string
		percent float64
	}{
		{"loss", c.LossPercent}, {"duplicate", c.DuplicatePercent}, {"reorder", c.ReorderPercent},
		{"corrupt", c.CorruptPercent}, {"gemodel p", c.Gilbert.PPercent}, {"gemodel r", c.Gilbert.RPercent},
		{"gemodel h", c.Gilbert.HPercent}, {"gemodel 1-k", c.Gilbert.KLossPercent},
	} {
		if !(share.percent >= 0 && share.percent <= 100) {
			bad("%s of %v %%: give 0 to 100", share.name, share.percent)
		}
	}
	if g := c.Gilbert; g.PPercent == 0 && g != (topo.GilbertElliott{}) {
		bad("gemodel without p: give the chance to go from good to bad, above 0 and up to 100")
	}
	if c.Delay < 0 || c.Delay > MaxDelay {
		bad("delay of %v: give 0 to %v", c.Delay, MaxDelay)
	}
	if c.Jitter < 0 || c.Jitter > MaxDelay {
		bad("jitter of %v: give 0 to %v", c.Jitter, MaxDelay)
	} else if c.Jitter > c.Delay {
		bad("jitter of %v is over the delay of %v: a packet cannot arrive before it is sent: give at most %v", c.Jitter, c.Delay, c.Delay)
	}
	if _, err := topo.ParseDistribution(string(c.Distribution)); err != nil {
		errs = append(errs, err)
	}
	if c.ReorderPercent > 0 && c.Delay <= 0 {
		bad("reorder without delay: only a packet that waits can be overtaken: give a delay")
	}
	if c.ReorderGap < 0 || c.ReorderGap > 0 && c.ReorderPercent == 0 {
		bad("reorder gap of %d with reorder of %v %%: give a gap of 1 or more, and a share", c.ReorderGap, c.ReorderPercent)
	}
	for _, f := range c.Drop {
		if _, err := newRule(f, c.Hosts); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
