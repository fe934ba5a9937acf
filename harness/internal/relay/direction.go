package relay

import (
	"math"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// coalesce is how far apart the wire packets of a super-frame may leave the transmitter and still be delivered together,
// at the time of the last. At 1 Gbit/s a wire packet takes 12 us; a wake-up for each would take a processor. Network cards
// coalesce as much.
const coalesce = 100 * time.Microsecond

// lookPayload is how much of a wire packet's payload a decider sees of a part of a super-frame.
const lookPayload = 64

// A direction carries frames from one port to the other. It belongs to its shard's thread.
type direction struct {
	dir  Direction
	link *Link
	from *port
	to   *port
	sh   *shard

	cfg     Config
	limitP  int // the queue's limits, or very large
	limitB  int
	started int64 // the trace's start
	plan    []step
	cut     bool // by a step

	tx    pace.Transmitter
	queue pace.Queue
	line  pace.Line[flight]
	floor int64 // nothing new is due before this, so that a shorter delay does not overtake
	last  int64 // latest due time given out, for KeepOrder
	held  int   // bytes of buffers on the line

	index uint64
	stats DirectionStats
	late  pace.Histogram
	log   dropLog

	look   [gso.MaxHeaders + lookPayload]byte
	packet Packet // handed to deciders, reused
}

// A flight is a run of the wire packets of one frame, due together.
type flight struct {
	buf      *buffer
	first, n int32
	begin    int64  // its first bit goes out
	depart   int64  // its last bit is out
	extra    int64  // jitter
	index    uint64 // of the first packet
	flags    flightFlags
	counted  bool
}

type flightFlags uint8

const (
	marked   flightFlags = 1 << iota // congestion experienced is to be set
	reorder                          // goes past the delay
	copied                           // a duplicate
	alone                            // joins no run: jitter of its own
	finished                         // checksums are to be complete
)

func (f *flight) bytes() int {
	if f.n == 1 {
		return f.buf.length(int(f.first))
	}
	s := &f.buf.super
	last := int(f.first + f.n - 1)
	return int(f.n-1)*(s.Payload+s.Size) + s.Len(last)
}

// each says that something has to be done for each wire packet.
func (d *direction) each() bool {
	return d.cfg.Decider != nil || d.tx.Shaped() || d.cfg.MTU > 0 || d.cfg.PerFrame || len(d.link.pending) > 0
}

// carrier is who is to carry the frames, where the end has a bypass.
func (d *direction) carrier() uint64 {
	switch {
	case d.from.bypass.taken == 0:
		// What is sent before the interface has found its carrier is lost in it, and on no wire: the first that comes shows that
		// it has.
		return toEngine
	case d.cfg.Decider != nil || d.cfg.Delay > 0 || d.cfg.MTU > 0 || d.tx.Shaped() || len(d.link.pending) > 0 || !d.isUp():
		return toEngine
	case d.stepNears(d.sh.now()):
		return toEngine
	case d.cfg.PerFrame && !d.from.bypass.cuts:
		return singleOnly
	}
	return toKernel
}

// isUp says that neither SetUp nor a step has the direction down.
func (d *direction) isUp() bool { return d.link.up[d.dir] && !d.cut }

// settle tells the end's bypass, if it has one, when nothing that was read is on the way still.
func (d *direction) settle(now int64) {
	if b := d.from.bypass; b != nil && b.wanted != toEngine && d.line.Next() == pace.Never {
		b.settle(now)
	}
}

// waits says that a frame is on the line for a while, not only until the end of the turn.
func (d *direction) waits() bool {
	return d.cfg.Delay > 0 || d.tx.Shaped() || d.cfg.Decider != nil
}

// ingest takes a frame that came at time at. The caller keeps its reference to b.
func (d *direction) ingest(b *buffer, at int64) {
	if d.nextStep() <= at { // the thread was late
		d.link.advance(d, at, d.sh.now())
	}
	packets := b.packets()
	d.stats.PacketsIn += uint64(packets)
	d.stats.BytesIn += uint64(b.wireBytes())
	if b.isSuper {
		d.stats.Super++
	}
	counted := b.layout.Version != 0 && !b.layout.Control
	index := d.index
	if p := d.from.bypass; p != nil {
		index += p.load(memIP)
	}
	if counted {
		d.index += uint64(packets)
	}
	switch {
	case !d.isUp():
		d.dropAll(b, index, counted, Down, at)
		return
	case d.held+len(b.data) > d.sh.opt.LineBytes:
		d.dropAll(b, index, counted, Fault, at)
		return
	case !d.each():
		begin, end := d.tx.Send(at, 0, 0)
		d.push(flight{buf: b, n: int32(packets), begin: begin, depart: end, index: index, counted: counted})
		return
	}
	for i := range packets {
		d.one(b, i, index, counted, at)
		if counted {
			index++
		}
	}
}

// one takes wire packet i of a frame.
func (d *direction) one(b *buffer, i int, index uint64, counted bool, at int64) {
	size := b.length(i)
	net := size - min(b.layout.L3, size)
	if d.cfg.MTU > 0 && net > d.cfg.MTU {
		d.drop(b, i, index, counted, MTU, at)
		return
	}
	decision := Pass
	if d.cfg.Decider != nil || len(d.link.pending) > 0 {
		decision = d.decide(b, i, index, counted, size, at)
	}

	f := flight{buf: b, first: int32(i), n: 1, extra: int64(decision.Extra), index: index, counted: counted}
	if decision.Extra != 0 || d.cfg.PerFrame {
		f.flags |= alone
	}
	if decision.Reorder {
		f.flags |= reorder | alone
	}
	if d.cfg.PerFrame {
		f.flags |= finished
	}
	lost := decision.Drop
	if lost {
		cause := Loss
		if decision.Listed {
			cause = List
		}
		d.drop(b, i, index, counted, cause, at)
	}
	if d.tx.Shaped() && !d.enqueue(&f, b, at, size, net, lost) {
		if !lost {
			d.drop(b, i, index, counted, Queue, at)
		}
		return
	}
	if lost {
		return
	}
	if !d.tx.Shaped() {
		f.begin, f.depart = d.tx.Send(at, size, net)
	}
	if decision.Reorder {
		d.stats.Reordered++
	}
	if decision.Corrupt >= 0 {
		d.stats.Corrupted++
		f = d.corrupt(f, decision.Corrupt)
		d.push(f)
		d.sh.pool.put(f.buf)
	} else {
		d.push(f)
	}
	if decision.Duplicate {
		f.flags |= copied | alone
		if d.tx.Shaped() && !d.enqueue(&f, b, at, size, net, false) {
			return // a copy that finds no room is nobody's loss
		}
		d.push(f)
		d.stats.Duplicated++
	}
}

// set replaces the parameters; see Link.Set. A new trace counts from the time from, which may be before now.
func (d *direction) set(c Config, now, from int64) {
	var waiting []flight
	busy := min(d.tx.Busy(), now) // what is off the line already was sent
	line := d.line
	d.line = pace.Line[flight]{}
	d.floor = 0
	line.Each(func(due int64, f flight) {
		if f.begin > now {
			waiting = append(waiting, f)
			return
		}
		busy = max(busy, f.depart)
		if f.flags&reorder == 0 && f.extra == 0 {
			d.floor = max(d.floor, due)
		}
		d.line.Push(due, f)
	})
	d.configure(c, from)
	d.tx.Rewind(busy)
	d.queue.Reset()
	for _, f := range waiting {
		d.stats.InFlight -= uint64(f.n)
		for i := range f.n {
			one := f
			one.first, one.n, one.index = f.first+i, 1, f.index+uint64(i)
			size := f.buf.length(int(one.first))
			one.begin, one.depart = d.tx.Send(now, size, size-min(f.buf.layout.L3, size))
			if one.begin > now {
				d.queue.Push(one.begin, size)
			}
			d.push(one)
		}
		d.sh.pool.put(f.buf)
	}
}

// configure takes over parameters. A new trace counts from that time.
func (d *direction) configure(c Config, from int64) {
	if c.Trace == nil || c.Trace != d.cfg.Trace {
		d.started = from
	}
	d.cfg = c
	if c.InForce != nil {
		c.InForce()
	}
	d.limitP, d.limitB = c.QueuePackets, c.QueueBytes
	if d.limitP == 0 {
		d.limitP = math.MaxInt
		if d.limitB == 0 {
			d.limitP = DefaultQueuePackets
		}
	}
	if d.limitB == 0 {
		d.limitB = math.MaxInt
	}
	if c.Trace == nil {
		d.tx.Rate(c.Rate)
		return
	}
	at := make([]int64, len(c.Trace.At))
	for i, t := range c.Trace.At {
		at[i] = int64(t)
	}
	period, size := int64(c.Trace.Period), c.Trace.Bytes
	if period == 0 {
		period = at[len(at)-1]
	}
	if size == 0 {
		size = defaultOpportunity
	}
	d.tx.Trace(at, period, size, d.started)
}

// defaultOpportunity is what mahimahi's 1504 bytes are without the 4 bytes that its TUN device puts before each packet.
const defaultOpportunity = 1500

// enqueue takes a packet into the queue and sends it, or returns false: the queue is full. A lost packet that finds no
// room takes no time either.
func (d *direction) enqueue(f *flight, b *buffer, at int64, size, net int, lost bool) bool {
	if packets, bytes := d.queue.At(at); !d.tx.Free(at) {
		if packets >= d.limitP || bytes+size > d.limitB {
			return false
		}
		if !lost && (d.cfg.MarkPackets > 0 && packets >= d.cfg.MarkPackets || d.cfg.MarkBytes > 0 && bytes >= d.cfg.MarkBytes) &&
			gso.ECNCapable(b.frame(), b.layout) {
			f.flags |= marked
			d.stats.Marked++
		}
	}
	f.begin, f.depart = d.tx.Send(at, size, net)
	if f.begin > at {
		d.queue.Push(f.begin, size)
	}
	return true
}

// decide asks those who wait for a packet, then the decider.
func (d *direction) decide(b *buffer, i int, index uint64, counted bool, size int, at int64) Decision {
	p := &d.packet
	*p = Packet{Len: size, Index: index, IP: counted, Dir: d.dir}
	if b.isSuper {
		n := b.super.Headers(d.look[:], i, i > 0)
		from := b.super.Payload + i*b.super.Size
		n += copy(d.look[n:n+min(lookPayload, size-n)], b.frame()[from:])
		p.Frame = d.look[:n]
	} else {
		p.Frame = b.frame()
	}
	decision := Pass
	if d.cfg.Decider != nil {
		// Also for a packet that DropNext takes: a decider may count.
		decision = d.cfg.Decider.Decide(p)
		if !counted {
			decision = Decision{Corrupt: -1, Extra: decision.Extra}
		}
	}
	if d.link.takePending(d, p, at) {
		decision.Drop, decision.Listed = true, true
	}
	return decision
}

// corrupt returns f with a copy of its packet in which a bit is wrong. The caller gives the copy's reference back.
func (d *direction) corrupt(f flight, bit int) flight {
	c := d.sh.single(f.buf, int(f.first))
	if f.flags&marked != 0 { // before the flip: it makes the header's checksum anew
		gso.MarkCE(c.frame(), c.layout)
		f.flags &^= marked
	}
	if net := c.frame()[min(c.layout.L3, c.n-gso.HeaderLen):]; len(net) > 0 {
		bit %= len(net) * 8
		net[bit/8] ^= 0x80 >> (bit % 8)
	}
	f.buf, f.first = c, 0
	f.flags |= alone
	return f
}

// push puts f on the line, or makes the flight before it longer.
func (d *direction) push(f flight) {
	due := d.due(&f)
	if f.flags&alone == 0 && f.first > 0 {
		if last, at := d.line.Last(); last != nil && last.buf == f.buf && last.first+last.n == f.first && last.flags == f.flags &&
			f.depart-last.begin <= int64(coalesce) {
			last.n += f.n
			d.stats.InFlight += uint64(f.n)
			last.depart, *at = f.depart, max(*at, due)
			d.last = max(d.last, *at)
			return
		}
	}
	if f.buf.owner == nil {
		f.buf.owner = d
		d.held += len(f.buf.data)
	}
	f.buf.refs++
	d.last = max(d.last, due)
	d.line.Push(due, f)
	d.stats.InFlight += uint64(f.n)
}

func (d *direction) due(f *flight) int64 {
	due := f.depart
	if f.flags&reorder != 0 {
		return due
	}
	due += max(0, int64(d.cfg.Delay)+f.extra)
	if d.cfg.KeepOrder {
		due = max(due, d.last)
	}
	return max(due, d.floor)
}
