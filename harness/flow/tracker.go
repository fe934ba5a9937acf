package flow

import (
	"net/netip"
	"strconv"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/httpbody"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// Bounds on connections.
const (
	maxLive     = 1500 // followed at once
	maxListed   = 5000 // in Analysis.Connections
	maxAttempts = 1000 // in Analysis.Attempts
	maxChain    = 4    // incarnations of a four-tuple followed at once
	maxRecent   = 1 << 14
)

// tracker sorts segments into connections.
type tracker struct {
	opts     Options
	a        *Analysis
	captures []string // names of the captures, where there are several
	pool     *pool
	set      *find.Set // nil: no files
	conns    map[key]*conn
	live     int
	lru      conn // ring; lru.next is the least recently active
	last     *conn
	strayBad,
	implausible uint64
	evicted       uint64
	recent        []recent
	defrag        segment.Defragmenter
	http          httpbody.Shared
	plain         bool  // find.Set.Plain is true of the data of the packet at hand
	first, latest int64 // times of packets
	expanded      int64 // bytes that came out of HTTP bodies

	// Connections and streams that were let go, to be used again: captures of very
	// many connections would otherwise leave the garbage collector a heap of them.
	spareConns   []*conn
	spareStreams []*stream

	// Summaries, in pieces of 256: one growing slice leaves twice its size behind.
	listed [][]Connection
	count  int
}

func newTracker(o Options, a *Analysis, set *find.Set, memory int64) *tracker {
	t := &tracker{opts: o, a: a, set: set, pool: newPool(memory), conns: map[key]*conn{}, recent: make([]recent, maxRecent)}
	t.lru.prev, t.lru.next = &t.lru, &t.lru
	return t
}

// segment takes the next segment of the capture.
func (t *tracker) segment(s *segment.Segment, m find.Mark, iface int) {
	k, side := keyOf(s)
	if !t.wanted(s) {
		t.a.Ignored++
		return
	}
	var head *conn
	if t.last != nil && t.last.key == k {
		head = t.last
	} else {
		head = t.conns[k]
	}
	if s.Sum == segment.SumBad && t.damaged(head, side, s) {
		t.a.BadChecksums++
		return
	}
	seen := t.again(s, m, iface)
	duplicate := seen.sight != firstSight
	if duplicate {
		t.a.Duplicates++
	}
	c := t.find(head, k, side, s, m)
	if c == nil || c.ignored {
		t.a.Ignored++
		return
	}
	if s.Sum == segment.SumGood {
		c.goodSums[side] = true
	}
	if t.opts.Events == nil {
		c.segment(t, side, s, m, iface, seen)
	} else {
		was := c.moment()
		c.segment(t, side, s, m, iface, seen)
		t.happened(c, was, side, s, m, duplicate)
	}
	if t.lru.prev != c {
		c.unlink()
		t.push(c)
	}
}

// damaged says whether a segment with a wrong checksum is one that its receiver threw
// away. Where the sender's checksums were never seen right, they are not filled in.
func (t *tracker) damaged(head *conn, side int, s *segment.Segment) bool {
	if head == nil {
		return s.Flags&segment.SYN == 0
	}
	for c := head; c != nil; c = c.older {
		if c.goodSums[side] {
			return true
		}
	}
	return false
}

func (t *tracker) wanted(s *segment.Segment) bool {
	return t.matches(s.Dst, s.DstPort) || t.matches(s.Src, s.SrcPort)
}

func (t *tracker) matches(a segment.Addr, port uint16) bool {
	o := t.opts.Server
	if o.Port() != 0 && o.Port() != port {
		return false
	}
	ip := o.Addr()
	return !ip.IsValid() || ip.IsUnspecified() || segment.From(ip) == a
}

// find returns the connection of a segment, a new one if need be; nil if the
// segment belongs to none.
func (t *tracker) find(head *conn, k key, side int, s *segment.Segment, m find.Mark) *conn {
	switch s.Flags & (segment.SYN | segment.ACK | segment.RST) {
	case segment.SYN:
		return t.onSYN(head, k, side, s, m)
	case segment.SYN | segment.ACK:
		return t.onSYNACK(head, k, side, s, m)
	}
	if s.Flags&segment.SYN != 0 { // with RST: nonsense
		return nil
	}
	c := head
	if head != nil && head.older != nil {
		for o := head.older; o != nil; o = o.older {
			if o.distance(side, s) < c.distance(side, s) {
				c = o
			}
		}
	}
	if c != nil && (!c.closed() || c.distance(side, s) < plausible) {
		return c
	}
	if s.Flags&segment.RST != 0 {
		return nil
	}
	c = t.add(head, k, t.guess(k, side, s), m)
	c.state = stateMidway
	return c
}

// guess says which side of a connection without handshake is the client.
func (t *tracker) guess(k key, side int, s *segment.Segment) int {
	src, dst := t.matches(s.Src, s.SrcPort), t.matches(s.Dst, s.DstPort)
	switch {
	case dst && !src:
		return side
	case src && !dst:
		return 1 - side
	case k.pa < k.pb:
		return 1
	case k.pb < k.pa:
		return 0
	}
	return side
}

func (t *tracker) onSYN(head *conn, k key, side int, s *segment.Segment, m find.Mark) *conn {
	for c := head; c != nil; c = c.older {
		if c.client == side && c.haveC && c.cISN == s.Seq || c.simul && c.client != side && c.sISN == s.Seq {
			c.synAgain = true
			return c
		}
	}
	if c := head; c != nil && c.state == stateSYN && c.client != side && !c.refused {
		c.simul, c.haveS, c.sISN = true, true, s.Seq // RFC 9293, 3.5
		t.streamOf(c, 1).start(s.Seq+1, true)
		return c
	}
	c := t.add(head, k, side, m)
	c.haveC, c.cISN, c.synTime = true, s.Seq, m.Time
	t.streamOf(c, 0).start(s.Seq+1, true)
	return c
}

func (t *tracker) onSYNACK(head *conn, k key, side int, s *segment.Segment, m find.Mark) *conn {
	for c := head; c != nil; c = c.older {
		if c.simul && (c.client == side && s.Seq == c.cISN || c.client != side && s.Seq == c.sISN) {
			return c
		}
		if c.client == side {
			continue
		}
		if c.state != stateSYN && c.haveS && c.sISN == s.Seq {
			c.synAgain = true
			return c
		}
		if c.state == stateSYN && c.haveC && s.Ack-(c.cISN+1) < 1<<16 {
			c.state = stateSYNACK
			c.haveS, c.sISN = true, s.Seq
			t.streamOf(c, 1).start(s.Seq+1, true)
			return c
		}
	}
	c := t.add(head, k, 1-side, m)
	c.state = stateSYNACK
	c.haveC, c.cISN = true, s.Ack-1
	c.haveS, c.sISN = true, s.Seq
	t.streamOf(c, 0).start(s.Ack, true)
	t.streamOf(c, 1).start(s.Seq+1, true)
	return c
}

// add makes a new connection, the newest of its four-tuple.
func (t *tracker) add(head *conn, k key, client int, m find.Mark) *conn {
	if t.live >= maxLive {
		t.evict()
		head = t.conns[k]
	}
	n := 0
	for o := head; o != nil; o = o.older {
		if n++; n == maxChain-1 && o.older != nil {
			t.finish(o.older)
			break
		}
	}
	c := new(conn)
	if n := len(t.spareConns); n > 0 {
		c, t.spareConns = t.spareConns[n-1], t.spareConns[:n-1]
	}
	*c = conn{key: k, client: client, older: head, first: m.Time, last: m.Time}
	c.sum.FirstPacket, c.sum.Capture = m.Packet, t.capture(m)
	server := netip.AddrPortFrom(k.b.IP(), k.pb)
	c.sum.Client = netip.AddrPortFrom(k.a.IP(), k.pa)
	if client == 1 {
		c.sum.Client, server = server, c.sum.Client
	}
	c.sum.Server = server
	for o := head; o != nil; o = o.older {
		c.reused = c.reused || o.state >= stateEstablished
	}
	addr, port := k.b, k.pb
	if client == 1 {
		addr, port = k.a, k.pa
	}
	c.ignored = !t.matches(addr, port)
	t.conns[k] = c
	t.push(c)
	t.live++
	t.last = c
	return c
}

// capture names the capture that a packet is in, where there are several.
func (t *tracker) capture(m find.Mark) string {
	if m.Capture >= len(t.captures) {
		return ""
	}
	return t.captures[m.Capture]
}

// at is how people are told a packet: its number, and its capture where there are several.
func at(packet uint64, capture string) string {
	if capture == "" {
		return strconv.FormatUint(packet, 10)
	}
	return strconv.FormatUint(packet, 10) + " of " + capture
}

func (t *tracker) push(c *conn) {
	c.prev, c.next = t.lru.prev, &t.lru
	c.prev.next, t.lru.prev = c, c
	if t.conns[c.key] == c {
		t.last = c
	}
}

func (c *conn) unlink() { c.prev.next, c.next.prev = c.next, c.prev }

// evict makes room: of the connections idle longest, one that is closed or was never
// established, else the first.
func (t *tracker) evict() {
	victim := t.lru.next
	for c, n := victim, 0; c != &t.lru && n < 64; c, n = c.next, n+1 {
		if c.closed() || c.ignored || c.state <= stateSYNACK {
			victim = c
			break
		}
	}
	if !victim.closed() && !victim.ignored && victim.state > stateSYNACK {
		t.evicted++
		for _, s := range victim.streams {
			if s != nil {
				s.limit("more connections at once than the verifier follows")
			}
		}
	}
	t.finish(victim)
}

// recycle keeps a connection that nothing refers to any more.
func (t *tracker) recycle(c *conn) {
	for i, s := range c.streams {
		if s != nil {
			t.spareStreams = append(t.spareStreams, s)
			c.streams[i] = nil
		}
	}
	t.spareConns = append(t.spareConns, c)
}

// streamOf returns a direction of a connection: 0 what the client sends.
func (t *tracker) streamOf(c *conn, f int) *stream {
	if c.streams[f] == nil {
		s := new(stream)
		if n := len(t.spareStreams); n > 0 {
			s, t.spareStreams = t.spareStreams[n-1], t.spareStreams[:n-1]
		}
		*s = stream{t: t, c: c, dir: ToServer, fin: -1, at: place{iface: -1}, search: s.search}
		if f == 1 {
			s.dir = ToClient
		}
		s.w.owner = s
		switch {
		case t.set == nil || c.ignored:
			s.search = nil
		case s.search != nil:
			s.search.Reset()
		default:
			s.search = t.set.Stream()
		}
		if t.opts.Sink != nil && !c.ignored {
			c.sum.First = unix(c.first)
			s.sink = t.opts.Sink(c.sum, s.dir)
		}
		c.streams[f] = s
	}
	return c.streams[f]
}
