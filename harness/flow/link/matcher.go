package link

import (
	"math"
	"slices"
	"time"
)

// matcher holds the frames sent, and the frames received of which it is not known yet which they are.
type matcher struct {
	evidence  Evidence
	window    *window
	bits      syndromes
	skew      int64
	index     uint64
	order     order
	unknown   []arrival          // oldest first
	early     map[uint64][]int64 // their tickets, by fingerprint
	strangers []arrival          // the first of them
	fruitless int                // searches in a row that found no frame that differs in one bit
}

// arrival is a frame received that is no copy of any sent before it.
type arrival struct {
	prints [4]uint64 // its fingerprint, and what it may have been before its checksum was filled in
	n      int       // of prints
	good   bool      // its checksum is right, or it has none
	size   int       // captured bytes
	length int       // on the wire
	time   int64
	ticket int64 // in order
	known  bool
}

const (
	maxUnknown   = 64 << 10
	maxStrangers = 1024
	maxFruitless = 2000
	maxSearched  = 16 << 10 // bytes of a frame: longer ones are no packets of the wire
)

const never = math.MaxInt64

func newMatcher(o Options) *matcher {
	return &matcher{
		evidence: Evidence{Name: o.Name}, window: newWindow(o.Window), skew: int64(o.Skew), index: o.First,
		early: make(map[uint64][]int64),
	}
}

func (m *matcher) sent(data []byte, length int, at int64) {
	if m.window.full() {
		m.gone(m.window.pop())
	}
	f := frame{print: fingerprint(data), time: at, length: int32(length)}
	e := &m.evidence
	if f.counts = counted(data); f.counts {
		f.index = m.index
		m.index++
		e.Sent++
		e.SentBytes += uint64(length)
	} else {
		e.OtherSent++
	}
	m.window.push(f)
	if len(m.early) == 0 {
		return
	}
	if tickets := m.early[f.print]; len(tickets) > 0 {
		i, _ := slices.BinarySearchFunc(m.unknown, tickets[0], func(a arrival, t int64) int { return int(a.ticket - t) })
		if a := &m.unknown[i]; a.length == length {
			m.forget(a)
			m.fruitless = max(m.fruitless-1, 0)
			m.match(a, m.window.next-1, false, false)
		}
	}
}

// gone counts a frame that nobody waits for any more.
func (m *matcher) gone(f *frame) {
	if f.came {
		return
	}
	e := &m.evidence
	if !f.counts {
		e.OtherLost++
		return
	}
	e.Lost++
	if len(e.LostIndices) < MaxLost {
		e.LostIndices = append(e.LostIndices, f.index)
	}
}

func (m *matcher) received(data []byte, length int, at int64) {
	a := arrival{size: len(data), length: length, time: at, n: 1, good: true, ticket: m.order.ticket()}
	a.prints[0] = fingerprint(data)
	n, came, ok := m.window.waiting(a.prints[0], length)
	if ok && !came {
		m.match(&a, n, false, false)
		return
	}
	if c := findChecksum(data); c.at > 0 {
		// Only of a checksum that is right, or was damaged, could it be that it has been filled in.
		a.good = c.good(data)
		have := uint16(data[c.at])<<8 | uint16(data[c.at+1])
		for _, was := range c.partial() {
			if was == have {
				continue
			}
			a.prints[a.n] = m.bits.replace(a.prints[0], len(data), c.at, have, was)
			a.n++
		}
	}
	if ok { // a copy of one that came is no other frame with its checksum filled in
		m.match(&a, n, true, false)
		return
	}
	if n, came, filled := m.exact(&a); n != noFrame {
		m.match(&a, n, came, filled && !a.good)
		return
	}
	// At once, so that of two copies the first is the first, be it the damaged one.
	if n, came := m.nearly(&a); n != noFrame {
		m.match(&a, n, came, true)
		return
	}
	if len(m.unknown) >= maxUnknown {
		m.settle(&m.unknown[0])
		m.unknown = m.unknown[1:]
	}
	m.unknown = append(m.unknown, a)
	m.early[a.prints[0]] = append(m.early[a.prints[0]], a.ticket)
}

// exact looks for a frame that a is a copy of, its checksum apart. One that has not arrived comes first.
func (m *matcher) exact(a *arrival) (n int64, came, filled bool) {
	n = noFrame
	for i, print := range a.prints[:a.n] {
		k, c, ok := m.window.waiting(print, a.length)
		if ok && (n == noFrame || !c) {
			n, came, filled = k, c, i > 0
		}
		if ok && !c {
			break
		}
	}
	return n, came, filled
}

// nearly looks for a frame that differs from a in one bit.
func (m *matcher) nearly(a *arrival) (n int64, came bool) {
	n = noFrame
	if a.size > maxSearched || m.fruitless >= maxFruitless {
		return n, false
	}
	table := m.bits.upTo(a.size)
	for _, print := range a.prints[:a.n] {
		for _, s := range table {
			if _, ok := m.window.chains[print^s]; !ok {
				continue
			}
			k, c, ok := m.window.waiting(print^s, a.length)
			if ok && !c {
				m.fruitless = 0
				return k, false
			}
			if ok {
				n, came = k, true
			}
		}
	}
	if m.fruitless++; n != noFrame {
		m.fruitless = 0
	}
	return n, came
}

// expire settles what no frame can explain any more that is sent at a time from now on; never: no more is sent.
func (m *matcher) expire(now int64) {
	for len(m.unknown) > 0 && (m.unknown[0].known || now == never || m.unknown[0].time < now-m.skew) {
		m.settle(&m.unknown[0])
		m.unknown = m.unknown[1:]
	}
}

// settle decides what a is by what was sent up to now.
func (m *matcher) settle(a *arrival) {
	if a.known {
		return
	}
	m.forget(a)
	if n, came, filled := m.exact(a); n != noFrame {
		m.match(a, n, came, filled && !a.good)
		return
	}
	if n, came := m.nearly(a); n != noFrame {
		m.match(a, n, came, true)
		return
	}
	m.order.nothing(a.ticket)
	m.evidence.Strangers++
	if len(m.strangers) < maxStrangers {
		m.strangers = append(m.strangers, *a)
	}
}

// forget takes a from those that frames yet to be sent are compared with.
func (m *matcher) forget(a *arrival) {
	a.known = true
	tickets := m.early[a.prints[0]]
	if i := slices.Index(tickets, a.ticket); i >= 0 {
		tickets = slices.Delete(tickets, i, i+1)
	}
	if len(tickets) == 0 {
		delete(m.early, a.prints[0])
	} else {
		m.early[a.prints[0]] = tickets
	}
}

// match notes that a is a copy of the frame with number n, which may have come already.
func (m *matcher) match(a *arrival, n int64, came, corrupted bool) {
	e := &m.evidence
	f := m.window.at(n)
	if f.counts {
		e.ReceivedBytes += uint64(a.length)
		switch {
		case corrupted && came:
			e.CorruptedCopies++
		case corrupted:
			e.Corrupted++
		}
	}
	switch {
	case came && f.counts:
		e.Duplicated++
	case came:
		e.OtherDuplicated++
	}
	if came {
		m.order.nothing(a.ticket)
		return
	}
	m.window.arrive(n)
	if !f.counts {
		m.order.nothing(a.ticket)
		return
	}
	e.Received++
	if a.time < f.time {
		e.Early++
	}
	e.Delay.add(time.Duration(a.time - f.time))
	m.order.is(a.ticket, n)
}

// finish counts what has not come. end is when the captures ended.
func (m *matcher) finish(end int64) {
	m.only()
	e := &m.evidence
	e.Reordered = m.order.reordered
	for n := m.window.oldest; n < m.window.next; n++ {
		f := m.window.at(n)
		m.gone(f)
		if !f.came && f.counts && f.time >= end-int64(max(e.Delay.Max, 0)) {
			e.Unsettled++
		}
	}
	e.Delay.finish()
}

// only matches a stranger with a frame that did not come, where there is but one of each of their length.
func (m *matcher) only() {
	if len(m.strangers) == 0 || m.evidence.Strangers > maxStrangers {
		return
	}
	missing := make(map[int]int64) // by length; noFrame: several
	for n := m.window.oldest; n < m.window.next; n++ {
		if f := m.window.at(n); !f.came {
			if _, ok := missing[int(f.length)]; ok {
				missing[int(f.length)] = noFrame
			} else {
				missing[int(f.length)] = n
			}
		}
	}
	times := make(map[int]int)
	for _, a := range m.strangers {
		times[a.length]++
	}
	for i := range m.strangers {
		a := &m.strangers[i]
		n, ok := missing[a.length]
		if !ok || n == noFrame || times[a.length] > 1 || m.window.at(n).time > a.time {
			continue
		}
		m.evidence.Strangers--
		a.ticket = noTicket // its place in the order is long past
		m.match(a, n, false, true)
	}
}
