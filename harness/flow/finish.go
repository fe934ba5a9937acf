package flow

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// finish turns a connection into its summary and lets go of it.
func (t *tracker) finish(c *conn) {
	t.detach(c)
	defer t.recycle(c)
	for _, s := range c.streams {
		if s != nil && c.ignored {
			s.w.release(t.pool)
		}
	}
	if c.ignored {
		return
	}
	for _, s := range c.streams {
		if s != nil {
			s.finish()
		}
	}
	r := t.summary(c)
	switch {
	case r.Handshake == HandshakeMissing && r.BytesToClient+r.BytesToServer == 0,
		r.Handshake == HandshakeHalfOpen, r.Handshake == HandshakeRefused, r.Handshake == HandshakeUnanswered:
		if len(t.a.Attempts) >= maxAttempts {
			t.a.AttemptsNotListed++
			return
		}
		t.a.Attempts = append(t.a.Attempts, r)
	case t.count >= maxListed:
		t.a.ConnectionsNotListed++
	default:
		if t.count%256 == 0 {
			t.listed = append(t.listed, make([]Connection, 0, 256))
		}
		last := &t.listed[t.count/256]
		*last = append(*last, r)
		t.count++
	}
}

// detach takes c out of all tables.
func (t *tracker) detach(c *conn) {
	c.unlink()
	t.live--
	if t.last == c {
		t.last = nil
	}
	if head := t.conns[c.key]; head == c {
		if c.older != nil {
			t.conns[c.key] = c.older
		} else {
			delete(t.conns, c.key)
		}
	} else {
		for ; head != nil; head = head.older {
			if head.older == c {
				head.older = c.older
			}
		}
	}
}

func (t *tracker) summary(c *conn) Connection {
	r := c.sum
	r.ClientISN, r.ServerISN, r.Reused = c.cISN, c.sISN, c.reused
	r.First, r.Last = unix(c.first), unix(c.last)
	r.Handshake = c.handshake()
	r.ClosedBy = c.closedBy()
	up, down := c.streams[0], c.streams[1]
	if up != nil {
		r.BytesToServer = uint64(up.next - up.missing)
		r.toServer = t.evidence(up, c)
		r.ToServerTrips = up.timing.result()
	}
	if down != nil {
		r.BytesToClient = uint64(down.next - down.missing)
		r.toClient = t.evidence(down, c)
		r.ToClientTrips = down.timing.result()
	}
	r.Interface, r.ClientInterface = t.whereabouts(down), t.whereabouts(up)
	r.Files = []Found{}
	for _, s := range []*stream{down, up} {
		if s == nil {
			continue
		}
		r.MissingBytes += uint64(s.missing)
		r.Holes = append(r.Holes, s.holes...)
		if r.Limited == "" {
			r.Limited = s.limited
		}
		if r.Undecoded == "" {
			r.Undecoded = s.bodies.undecoded()
		}
		t.files(&r, s)
	}
	return r
}

func (t *tracker) evidence(s *stream, c *conn) evidence {
	e := evidence{whole: s.whole(), ended: s.ended() || c.resetBy != 0, length: s.next}
	if s.search != nil {
		e.occurrences, e.unsearched, e.clipped = s.search.Occurrences()
		for i := range t.opts.Files {
			if s.search.Bounded(i) {
				if e.bounded == nil {
					e.bounded = map[int]bool{}
				}
				e.bounded[i] = true
			}
		}
	}
	return e
}

func (t *tracker) files(r *Connection, s *stream) {
	if s.search == nil {
		return
	}
	from := len(r.Files)
	whole := map[int]bool{}
	for _, f := range s.search.Found() {
		whole[f.File] = true
		r.Files = append(r.Files, Found{
			Name: t.opts.Files[f.File].Name, Direction: s.dir, Offset: f.Start, Size: t.opts.Files[f.File].Size, Unseen: f.Unseen,
			Packet: f.First.Packet, Time: unix(f.First.Time), LastPacket: f.Last.Packet, LastTime: unix(f.Last.Time),
			Capture: t.capture(f.First), LastCapture: t.capture(f.Last),
		})
	}
	if s.bodies != nil {
		s.bodies.list(r, slices.Clone(r.Files[from:]), whole)
	}
	found := r.Files[from:]
	sort.SliceStable(found, func(i, j int) bool { return found[i].Offset < found[j].Offset })
	best := map[int]Mismatch{}
	note := func(p find.Partial, start int64, coding string) {
		if whole[p.File] || p.Agreed <= best[p.File].Agreed && best[p.File].Name != "" {
			return
		}
		best[p.File] = Mismatch{
			Name: t.opts.Files[p.File].Name, Direction: s.dir, Offset: start, Agreed: p.Agreed, Ended: p.Ended, Decoded: coding,
			Expected: p.Expected, Saw: p.Saw, Packet: p.At.Packet, Capture: t.capture(p.At), Time: unix(p.At.Time),
		}
	}
	for _, p := range s.search.Partial() {
		note(p, p.Start, "")
	}
	if s.bodies != nil {
		for _, p := range s.bodies.partial {
			note(p.Partial, p.body.Offset, p.body.Coding)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(best)) {
		r.Mismatches = append(r.Mismatches, best[file])
	}
}

func (c *conn) handshake() string {
	switch c.state {
	case stateSYN:
		switch {
		case c.refused:
			return HandshakeRefused
		case c.simul:
			return HandshakeHalfOpen
		}
		return HandshakeUnanswered
	case stateSYNACK:
		if s := c.streams[1]; s != nil && s.next > 0 {
			return HandshakePartial // a server sends after it was acknowledged
		}
		return HandshakeHalfOpen
	case stateEstablished:
		if c.simul {
			return HandshakeSimultaneous
		}
		return HandshakeComplete
	case statePartial:
		return HandshakePartial
	}
	return HandshakeMissing
}

func (c *conn) closedBy() string {
	up, down := c.streams[0], c.streams[1]
	client, server := up != nil && up.fin >= 0, down != nil && down.fin >= 0
	switch {
	case c.resetBy == c.client+1:
		return ClosedRSTClient
	case c.resetBy != 0, c.refused:
		return ClosedRSTServer
	case client && server:
		return ClosedFIN
	case c.displaced:
		return ClosedReused
	case client:
		return ClosedFINClient
	case server:
		return ClosedFINServer
	}
	return ClosedNot
}

// finishAll ends the capture.
func (t *tracker) finishAll() {
	for t.lru.next != &t.lru {
		t.finish(t.lru.next)
	}
	t.a.Connections = slices.Concat(t.listed...)
	t.listed = nil
	byFirst := func(c []Connection) {
		sort.SliceStable(c, func(i, j int) bool { return c[i].FirstPacket < c[j].FirstPacket })
	}
	byFirst(t.a.Connections)
	byFirst(t.a.Attempts)
}

func unix(ns int64) time.Time { return time.Unix(0, ns).UTC() }

func duration(ns int64) time.Duration { return time.Duration(max(ns, 0)) }
