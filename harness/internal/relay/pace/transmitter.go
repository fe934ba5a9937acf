// Package pace is the arithmetic of a link: when a transmitter has sent a packet, what waits in its queue, what is on the
// way, and how long things took. It is pure: times are nanoseconds from any fixed start, given by the caller.
package pace

import "sort"

// A Transmitter sends one packet after another, at a rate or at the opportunities of a trace. The zero value takes no
// time.
type Transmitter struct {
	rate  uint64 // bit/s
	trace *trace

	busy int64  // the packet being sent is out at this time
	rem  uint64 // of the division by rate, so that no error adds up
}

// Rate makes t send at bits/s from the end of the packet being sent; zero: without taking time.
func (t *Transmitter) Rate(bits int64) { t.rate, t.trace, t.rem = uint64(bits), nil, 0 }

// Trace makes t send at opportunities of size bytes at the times at, repeated with the period, counted from start. at is
// sorted and not empty, period and size are greater than zero.
func (t *Transmitter) Trace(at []int64, period int64, size int, start int64) {
	t.trace = &trace{at: at, period: period, size: size, start: start, cur: -1 << 62}
	t.rem = 0
}

// Shaped says whether sending takes time.
func (t *Transmitter) Shaped() bool { return t.rate > 0 || t.trace != nil }

// Rewind takes back what was sent after busy, the end of a packet; see Busy. A trace goes on with the first opportunity
// after it.
func (t *Transmitter) Rewind(busy int64) {
	t.busy, t.rem = busy, 0
	if t.trace != nil {
		t.trace.cur, t.busy = -1<<62, busy+1
	}
}

// Busy is the time at which the last packet is out.
func (t *Transmitter) Busy() int64 { return t.busy }

// Free says whether a packet that comes at time now is sent without waiting.
func (t *Transmitter) Free(now int64) bool { return t.trace == nil && t.busy <= now }

// Send sends a packet that came at time now, of frame bytes on the wire, net of them from the network header on, and
// returns when its first bit goes out and when its last bit is out.
func (t *Transmitter) Send(now int64, frame, net int) (begin, end int64) {
	switch {
	case t.trace != nil:
		begin, t.busy = t.trace.send(max(now, t.busy), net)
		return begin, t.busy
	case t.rate == 0:
		// A packet of the rate before may still be going out.
		t.busy = max(now, t.busy)
		return t.busy, t.busy
	}
	if t.busy < now {
		t.busy, t.rem = now, 0
	}
	begin = t.busy
	work := uint64(frame)*8*1e9 + t.rem
	t.busy += int64(work / t.rate)
	t.rem = work % t.rate
	return begin, t.busy
}

type trace struct {
	at     []int64
	period int64
	size   int
	start  int64

	cycle int64
	next  int   // opportunity after the current one
	cur   int64 // time of the current one
	left  int   // its bytes that nobody used
}

func (t *trace) send(now int64, n int) (begin, end int64) {
	if t.cur < now {
		t.seek(now)
	}
	if t.left == 0 {
		t.advance()
	}
	begin = t.cur
	for n > t.left {
		n -= t.left
		t.advance()
	}
	t.left -= n
	return begin, t.cur
}

// seek makes the first opportunity at or after now the current one.
func (t *trace) seek(now int64) {
	since := max(now-t.start, 0)
	t.cycle = since / t.period
	in := since % t.period
	if t.cycle > 0 && in == 0 && t.at[len(t.at)-1] == t.period {
		// The last opportunities of a cycle are at the time at which the next begins.
		t.cycle, in = t.cycle-1, t.period
	}
	t.next = sort.Search(len(t.at), func(i int) bool { return t.at[i] >= in })
	t.advance()
}

func (t *trace) advance() {
	if t.next == len(t.at) {
		t.cycle, t.next = t.cycle+1, 0
	}
	t.cur = t.start + t.cycle*t.period + t.at[t.next]
	t.next++
	t.left = t.size
}
