package bpfloss

import (
	"errors"
	"fmt"

	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Config says which packets of one direction are lost. The zero Config loses none, and counts.
type Config struct {
	// Seed, Link and Direction choose the random numbers, as those of impair.Config do.
	Seed      uint64
	Link      string
	Direction string

	// LossPercent is the share of packets lost, each independently of the others.
	LossPercent float64

	// Drop loses the packets with these numbers; the first packet is number 1. A Last of 0 is without end. In any order; at
	// most MaxRanges, counted after those that touch were joined.
	Drop []topo.Range

	// Record is how many losses are kept for Lost. Zero: none. Set does not change it.
	Record int

	// Egress puts the program at what the interface sends, instead of what it receives. See the package's comment. Set
	// does not change it.
	Egress bool
}

// Limits of what one program holds.
const (
	MaxRanges = 1 << 16
	MaxRecord = 1 << 18
)

// ErrUnable: this engine has no means to do what is asked. Another has.
var ErrUnable = errors.New("not possible with engine bpf")

// From returns the Config that does what c asks. Where c asks for what this engine cannot do, the error joins every such
// wish, and wraps ErrUnable. Record and Egress are taken over and left for the caller.
func From(c impair.Config) (Config, error) {
	var errs []error
	cannot := func(asked bool, what, why string) {
		if asked {
			errs = append(errs, fmt.Errorf("%s: %w: %s: use engine user", what, ErrUnable, why))
		}
	}
	made := Config{Seed: c.Seed, Link: c.Link, Direction: c.Direction, LossPercent: c.LossPercent, Record: c.Record}
	cannot(c.Gilbert != (topo.GilbertElliott{}), "loss in bursts", "the model has a state, and packets meet the program on several processors at once")
	for _, f := range c.Drop {
		cannot(len(f.Packets) == 0, fmt.Sprintf("drop %q", f), "it knows packets by their numbers alone")
		made.Drop = append(made.Drop, f.Packets...)
	}
	const instant = "it lets a packet pass or not, at once and unchanged"
	cannot(c.Delay != 0, "delay", instant)
	cannot(c.Jitter != 0, "jitter", instant)
	cannot(c.DuplicatePercent != 0, "duplicate", instant)
	cannot(c.ReorderPercent != 0, "reorder", instant)
	cannot(c.CorruptPercent != 0, "corrupt", instant)
	cannot(c.PerFlow, "packets counted by flow", "it has one counter")
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return made, made.Validate()
}

// impair is the same as Config, for impair.
func (c Config) impair() impair.Config {
	made := impair.Config{Seed: c.Seed, Link: c.Link, Direction: c.Direction, LossPercent: c.LossPercent}
	if len(c.Drop) > 0 {
		made.Drop = []topo.Filter{{Packets: topo.JoinRanges(c.Drop)}}
	}
	return made
}

// Predict returns the indices, in order, of those of the first n packets that c loses. c must be valid.
func (c Config) Predict(n uint64) []uint64 { return impair.Predict(c.impair(), 0, n) }

// Validate returns all that is wrong with c, or nil.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !(c.LossPercent >= 0 && c.LossPercent <= 100) {
		bad("loss of %v %%: give 0 to 100", c.LossPercent)
	}
	if c.Record < 0 || c.Record > MaxRecord {
		bad("record of %d losses: give 0 to %d", c.Record, MaxRecord)
	}
	sound := true
	for _, r := range c.Drop {
		if r.First == 0 || r.First > maxNumber || r.Last > maxNumber || r.Last != 0 && r.Last < r.First {
			bad("drop packets %d to %d: give numbers from 1 to %d, the lower first", r.First, r.Last, int64(maxNumber))
			sound = false
		}
	}
	if n := len(topo.JoinRanges(c.Drop)); sound && n > MaxRanges {
		bad("drop list of %d ranges of packets: give at most %d, or use engine user", n, MaxRanges)
	}
	return errors.Join(errs...)
}
