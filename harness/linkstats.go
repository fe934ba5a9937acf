package harness

import (
	"fmt"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
)

// LinkStats are the counters of a link.
type LinkStats struct {
	A, B EndStats // of the two ends, as the topology names them
	// Class is the scheduling class of the thread of EngineUser that carries the link: "deadline 250/500 us",
	// "other nice -20"; ClassError says why it is no better one. Empty and nil with other engines.
	Class      string
	ClassError error
	// Unstamped says why EngineUser estimates when frames came to its TAP devices: an ordinary user may not load the program
	// that notes it. Nil: the times are known, or there is no such device.
	Unstamped error
	// Asleep says why EngineUser cannot hold the machine's processors awake while a link delays, which makes packets some
	// 50 µs late. Nil: they are awake, or the link does not delay.
	Asleep error
	// Err is what went wrong with the link since the start: a change of its schedule that failed. Nil: nothing.
	Err error
}

// EndStats are the counters of one interface, since it was made, and of what carries that which it sends.
type EndStats struct {
	Interface            string // "h1-eth0"
	TxPackets, TxBytes   uint64
	RxPackets, RxBytes   uint64
	TxDropped, RxDropped uint64
	TxErrors, RxErrors   uint64
	Engine               string // what carries the sending direction now: an Engine, "none" among them
	// Exact says that what happened to this direction's packets is what was asked for, and what the seed predicts: each
	// decision was about one packet of the wire, and the engine itself lost none.
	Exact bool
	// Egress says that what carries this direction acts as the interface sends, and captures of either end show what is
	// left: queueing disciplines do, and EngineBPF where a switch sends. False: it acts on the way (EngineUser), or behind
	// the capture of the receiver (EngineBPF where a host sends).
	Egress bool
	// StepLate is the most that a change of the schedule came after its time, where that is to be seen: with EngineUser in what
	// waited in the queue, in what the kernel carried by itself, or as it was over before the engine knew of it. Zero: none did.
	StepLate time.Duration
	Qdisc    QdiscStats
	Wire     WireStats
}

// QdiscStats are the counters of an interface's root queueing discipline (zero where there is none).
type QdiscStats struct {
	Kind           string // "htb", "noqueue"
	Packets, Bytes uint64 // sent
	Drops          uint64 // packets dropped by the queue
	Overlimits     uint64 // times a packet had to wait
	Requeues       uint64
	Backlog        uint64 // bytes waiting now
	Queued         uint64 // packets waiting now
}

// WireStats are what EngineUser counts of one direction, in packets of the wire and bytes of whole Ethernet frames.
// EngineBPF counts In, Indexed (which with it are the same), BytesIn, Out and Dropped's Loss and List; the others nothing.
type WireStats struct {
	In, BytesIn   uint64 // taken from the end that sends
	Out, BytesOut uint64 // delivered to the other, duplicates included
	Indexed       uint64 // of In, those that can be impaired; the index of the next
	InFlight      uint64 // in the queue or on the way now
	// Bypassed are those of In that the kernel carried by itself, at the cost of a veth pair, because nothing was asked of
	// the direction then. They count as delivered when they set out; the kernel's losses on the way are Dropped.Engine.
	Bypassed uint64

	Dropped    WireDrops
	Duplicated uint64 // delivered a second time
	Reordered  uint64 // sent past those that wait; jitter is not counted
	Corrupted  uint64
	Marked     uint64 // as having met congestion

	Late Lateness
}

// WireDrops count lost packets by cause.
type WireDrops struct {
	Loss   uint64 // by chance
	List   uint64 // by a filter, or Link.DropNext
	Queue  uint64 // the queue was full
	Down   uint64 // the link was down
	MTU    uint64 // longer than the link's MTU
	Engine uint64 // not asked for: the engine could not keep up. Where there are any, the link was not what it was to be
}

// Total is the sum over all causes.
func (d WireDrops) Total() uint64 { return d.Loss + d.List + d.Queue + d.Down + d.MTU + d.Engine }

// Lateness is how long after its time EngineUser delivered a frame. It is never negative.
type Lateness struct {
	Count         uint64 // frames
	P50, P99, Max time.Duration
}

// Stats are the counters of both ends, and of what carries the link between them.
func (l *Link) Stats() (LinkStats, error) {
	var s LinkStats
	err := l.unknown
	if err == nil {
		s.A, err = l.n.endStats(2 * l.number)
	}
	if err == nil {
		s.B, err = l.n.endStats(2*l.number + 1)
	}
	if err == nil {
		err = l.n.carried[l.number].stats(&s)
	}
	if err != nil {
		return LinkStats{}, fmt.Errorf("link %s counters: %w", l.name, err)
	}
	return s, nil
}

// endStats are the kernel's counters of interface i.
func (n *Network) endStats(i int) (EndStats, error) {
	release, err := n.use()
	if err != nil {
		return EndStats{}, err
	}
	defer release()
	end := &n.ends[i]
	rt := n.nodes[end.Node].rt
	links, err := rt.Links()
	if err != nil {
		return EndStats{}, err
	}
	qdiscs, err := rt.Qdiscs()
	if err != nil {
		return EndStats{}, err
	}
	s := EndStats{Interface: end.Name}
	for _, l := range links {
		if l.Index == n.index[i] {
			s.TxPackets, s.TxBytes, s.RxPackets, s.RxBytes = l.Stats.TxPackets, l.Stats.TxBytes, l.Stats.RxPackets, l.Stats.RxBytes
			s.TxDropped, s.RxDropped, s.TxErrors, s.RxErrors = l.Stats.TxDropped, l.Stats.RxDropped, l.Stats.TxErrors, l.Stats.RxErrors
		}
	}
	if q, ok := qdiscs[n.index[i]]; ok {
		s.Qdisc = QdiscStats{Kind: q.Kind, Packets: q.Packets, Bytes: q.Bytes, Drops: q.Drops,
			Overlimits: q.Overlimits, Requeues: q.Requeues, Backlog: q.Backlog, Queued: q.Len}
	}
	return s, nil
}

// stats adds what the engine counted.
func (c *carriage) stats(s *LinkStats) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Err = c.problem
	ends := [2]*EndStats{&s.A, &s.B}
	for side, e := range ends {
		p := c.courses[side].now
		e.StepLate = c.courses[side].late
		e.Exact = true
		e.Egress = c.engine == EngineHTB || c.engine == EngineNetem
		switch {
		case c.engine == EngineNetem:
			e.Exact = p.LossPercent == 0 && p.Gilbert.PPercent == 0 && p.DuplicatePercent == 0 && p.ReorderPercent == 0 && p.CorruptPercent == 0 && p.Jitter == 0
			e.Engine = string(EngineNetem)
		case c.engine == EngineHTB && p.Rate == 0:
			e.Engine = string(EngineNone)
		default:
			e.Engine = string(c.engine)
		}
		if c.loss[side] == nil {
			continue
		}
		l, err := c.loss[side].Stats()
		if err != nil {
			return closed(err)
		}
		e.Exact = l.Exact()
		e.Egress = c.egress[side]
		e.Wire = WireStats{In: l.Packets, Indexed: l.Packets, BytesIn: l.Bytes, Out: l.Packets - l.Dropped,
			Dropped: WireDrops{Loss: l.Dropped - l.Listed, List: l.Listed}}
	}
	if c.user == nil {
		return nil
	}
	r, err := c.user.Stats()
	if err != nil {
		return closed(err)
	}
	s.Class, s.ClassError, s.Unstamped = r.Thread.Class, r.Thread.ClassError, r.Unstamped
	s.Asleep = r.Asleep
	if s.Err == nil {
		s.Err = r.Err
	}
	for side, e := range ends {
		e.Wire = wireStats(r.Direction(relay.Direction(side)))
		e.Exact = e.Wire.Dropped.Engine == 0
		e.StepLate = r.Direction(relay.Direction(side)).StepLate
	}
	return nil
}

func wireStats(d *relay.DirectionStats) WireStats {
	return WireStats{
		In: d.PacketsIn, BytesIn: d.BytesIn, Out: d.PacketsOut, BytesOut: d.BytesOut, Indexed: d.IPIn, InFlight: d.InFlight,
		Bypassed: d.Bypassed,
		Dropped: WireDrops{
			Loss: d.Dropped.Loss, List: d.Dropped.List, Queue: d.Dropped.Queue,
			Down: d.Dropped.Down, MTU: d.Dropped.MTU, Engine: d.Dropped.Engine,
		},
		Duplicated: d.Duplicated, Reordered: d.Reordered, Corrupted: d.Corrupted, Marked: d.Marked,
		Late: Lateness{Count: d.Late.Count, P50: d.Late.P50, P99: d.Late.P99, Max: d.Late.Max},
	}
}
