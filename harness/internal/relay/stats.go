package relay

import (
	"fmt"
	"time"
)

// A Cause says why a packet was not delivered.
type Cause int

// The causes of drops.
const (
	Loss  Cause = iota // the decider lost it
	List               // DropNext, or a Decision with Listed
	Queue              // the queue was full
	Down               // the link, or the interface it was for, was down
	MTU                // longer than Config.MTU
	Fault              // the engine's own fault: it could not keep up, or the kernel did not take the frame
	causes
)

// String returns "loss", "list", "queue", "down", "mtu" or "engine".
func (c Cause) String() string {
	names := [...]string{"loss", "list", "queue", "down", "mtu", "engine"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("Cause(%d)", int(c))
	}
	return names[c]
}

// Stats of a link.
type Stats struct {
	AB, BA DirectionStats
	Up     bool
	Thread ThreadStats // of the thread that carries the link, and others with it
	// Unstamped says why the times at which frames come to a TAP device are an estimate: the kernel does not let us note them.
	// A packet may then be delivered a few microseconds before its time. Nil: they are known.
	Unstamped error
	// Asleep says why the machine's processors sleep between packets though the link delays: waking up takes its time then.
	// Nil: they are held awake, or need not be.
	Asleep error
	Err    error // what ended the link before Close: an end's device that was deleted
}

// Direction returns the figures of one direction.
func (s *Stats) Direction(d Direction) *DirectionStats {
	if d == AB {
		return &s.AB
	}
	return &s.BA
}

// EngineDrops are the drops of both directions that are the engine's own fault. Where there are any, the link was not what
// it was asked to be.
func (s *Stats) EngineDrops() uint64 { return s.AB.Dropped.Engine + s.BA.Dropped.Engine }

// DirectionStats count wire packets (the packets that a super-frame stands for, singly) and bytes of whole Ethernet frames.
type DirectionStats struct {
	PacketsIn, BytesIn   uint64 // read from the sending end
	PacketsOut, BytesOut uint64 // delivered to the receiving end, duplicates included
	IPIn                 uint64 // of PacketsIn, those with an index: the next packet's Index
	InFlight             uint64 // packets in the queue or on the way

	Dropped    Drops
	Duplicated uint64 // packets delivered a second time
	Corrupted  uint64
	Reordered  uint64 // by Decision.Reorder; jitter is not counted
	Marked     uint64 // with congestion experienced

	// Bypassed are those of PacketsIn that the kernel carried by itself, as nothing was asked of the direction then. They
	// count as delivered when they set out.
	Bypassed uint64

	Steps uint64 // of Plan, taken, without those that came at once
	// StepLate is the most that one of them came after its time where that is to be seen: in what waited in the queue, in what
	// the kernel carried, or as it was over when Plan was called. Zero: never.
	StepLate time.Duration

	Super uint64 // super-frames read
	Cut   uint64 // of these, those delivered in more than one piece, or not whole

	Late Lateness
}

// Drops count packets by cause. PacketsIn and Duplicated together are PacketsOut, InFlight and Total less Missed.
type Drops struct {
	Loss, List, Queue, Down, MTU, Engine uint64
	// Missed is the part of Engine that was lost before it was read: the TAP's ring (tx_dropped) or the socket's buffer
	// was full. The kernel counts frames there, super-frames as one.
	Missed uint64
}

// Total is the sum over all causes.
func (d Drops) Total() uint64 { return d.Loss + d.List + d.Queue + d.Down + d.MTU + d.Engine }

// Lateness says how long after its time a frame was delivered: the quality of the engine's timers. It is measured just
// before the frame is given to the kernel, and is never negative.
type Lateness struct {
	Count         uint64 // frames; a super-frame counts once
	P50, P99, Max time.Duration
}

// ThreadStats of one engine thread.
type ThreadStats struct {
	// Class the thread runs in: "deadline 250/500 us", "other nice -20", …
	Class string
	// ClassError says why a better class was refused. Nil: it was not.
	ClassError error
	Wakes      uint64        // times that the thread slept
	Timeouts   uint64        // of these, those ended by the timer
	WakeP50    time.Duration // what waking up takes; the timer is set this much earlier
	Spun       time.Duration // spent waiting awake
	Rehearsals uint64        // of deliveries, before the first packet after a sleep
	Running    time.Duration // since the start
	CPU        time.Duration // processor time of the thread
}

// A Drop is one lost packet, for comparing runs.
type Drop struct {
	Index   uint64 // Packet.Index; without meaning where IP is false
	IP      bool
	Cause   Cause
	At      time.Duration // since Join
	Len     int           // of the frame
	Summary string        // "TCP 10.0.0.1:40000 > 10.0.0.2:12345 [S] seq 1 len 0"
}
