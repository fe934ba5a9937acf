package relay

import (
	"errors"
	"fmt"
	"time"
)

// Direction of a link, of which Join names the ends a and b.
type Direction int

// The two directions.
const (
	AB Direction = iota // what a's end sends
	BA                  // what b's end sends
)

// String returns "ab" or "ba".
func (d Direction) String() string {
	if d == AB {
		return "ab"
	}
	return "ba"
}

// A Packet is one wire packet, as a decider sees it.
type Packet struct {
	// Frame is the Ethernet frame. Of a packet that is part of a super-frame, it holds the headers and at most the first
	// 64 bytes of the payload; lengths, sequence numbers and flags are those of this packet, checksums are not filled in.
	// It is valid during the call only, and must not be changed.
	Frame []byte
	// Len is the length of the whole frame in bytes, with the 14 bytes of the Ethernet header.
	Len int
	// Index counts the IP packets of this direction from 0. It has no meaning where IP is false.
	Index uint64
	// IP says that the packet is counted and can be impaired. It is false for ARP and everything else that is not IP, and
	// for what keeps the link itself going, at times that no run repeats: neighbour discovery, MLD, IGMP.
	IP bool
	// Dir is the packet's direction.
	Dir Direction
}

// A Decision says what happens to a packet. The zero Decision of a Decider would flip bit 0: start from Pass.
type Decision struct {
	Drop      bool          // lost on the wire
	Listed    bool          // with Drop: because of a list, counted apart from random loss
	Duplicate bool          // delivered twice; the second takes its own time on the transmitter
	Reorder   bool          // delivered without the delay, past those that wait for it
	Corrupt   int           // bit to flip, counted from the first bit of the network header, modulo the packet's length; -1: none
	Extra     time.Duration // jitter, added to the delay; the sum is at least 0
}

// Pass is the decision that does nothing.
var Pass = Decision{Corrupt: -1}

// A Decider decides what happens to each wire packet of one direction. It is called from the engine's thread, in order,
// once for each wire packet, and must be quick: it holds up every packet of the engine. For packets that are not IP only
// Extra counts.
type Decider interface {
	Decide(*Packet) Decision
}

// DefaultQueuePackets is the limit of a queue where none is given, as txqueuelen and netem have it.
const DefaultQueuePackets = 1000

// Config are the parameters of one direction. The zero value passes everything on at once.
type Config struct {
	Rate  int64         // bit/s of whole Ethernet frames, as htb counts them; zero: unlimited
	Delay time.Duration // one way; zero: none

	// Limits of the queue before the transmitter; the packet being sent is not in it. Both zero: DefaultQueuePackets.
	// A direction with neither Rate nor Trace has no queue.
	QueuePackets int
	QueueBytes   int // whole Ethernet frames

	// A packet that finds at least this much in the queue is marked, if it is ECN-capable. Zero: never.
	MarkPackets int
	MarkBytes   int

	// Trace, if not nil, stands in for the rate. Replacing a trace by the same pointer goes on where it is.
	Trace *Trace

	MTU       int  // bytes of a network packet, larger ones are dropped; zero: whatever comes
	PerFrame  bool // deliver single wire frames with complete checksums, never super-frames
	KeepOrder bool // jitter delays, but never lets one packet overtake another

	Decider Decider // nil decides nothing

	// InForce, if not nil, is called from the engine's thread each time that the parameters are put in force, before the first
	// packet: those of a Step that never comes are not. A Config that has one is for one use.
	InForce func()
}

// A Trace is a list of delivery opportunities in mahimahi's sense (mm-link(1)): at each, the link delivers up to Bytes of
// what waits, and what nobody used is gone.
type Trace struct {
	At     []time.Duration // from the start of each period, not decreasing, at least one
	Period time.Duration   // the list is repeated with this period; zero: the last time in At, as mahimahi does
	Bytes  int             // network-layer bytes for each opportunity; zero: 1500, one full packet
}

// MaxDelay is the longest delay a Config may have.
const MaxDelay = time.Hour

// Validate returns all that is wrong with the parameters.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Rate < 0 {
		bad("rate of %d bit/s is negative: give a positive one, or 0 for no limit", c.Rate)
	}
	if c.Delay < 0 || c.Delay > MaxDelay {
		bad("delay %v: give one from 0 to %v", c.Delay, MaxDelay)
	}
	for _, l := range []struct {
		name string
		n    int
	}{{"queue limit", c.QueuePackets}, {"queue limit in bytes", c.QueueBytes}, {"mark threshold", c.MarkPackets},
		{"mark threshold in bytes", c.MarkBytes}, {"mtu", c.MTU}} {
		if l.n < 0 {
			bad("%s of %d is negative: give a positive one, or 0 for the default", l.name, l.n)
		}
	}
	if c.Trace != nil {
		if c.Rate > 0 {
			bad("both a rate and a trace: give one of them")
		}
		if err := c.Trace.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Validate returns what is wrong with the trace.
func (t *Trace) Validate() error {
	if len(t.At) == 0 {
		return errors.New("trace without a delivery opportunity: give at least one")
	}
	for i, at := range t.At {
		if at < 0 || i > 0 && at < t.At[i-1] {
			return fmt.Errorf("trace: opportunity %d at %v is before the one before it: sort the times", i+1, at)
		}
	}
	last := t.At[len(t.At)-1]
	switch {
	case t.Period < 0 || t.Period > 0 && t.Period < last:
		return fmt.Errorf("trace: period %v ends before the last opportunity at %v: give a longer one", t.Period, last)
	case t.Period == 0 && last == 0:
		return errors.New("trace: all opportunities at 0: give a period")
	case t.Bytes < 0:
		return fmt.Errorf("trace: %d bytes for an opportunity: give a positive number, or 0 for 1500", t.Bytes)
	}
	return nil
}
