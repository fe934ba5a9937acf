package flow

import (
	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/httpbody"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// key is a four-tuple, the same for both directions.
type key struct {
	a, b   segment.Addr
	pa, pb uint16
}

// keyOf returns the key of a segment, and which side of it sent: 0 for a.
func keyOf(s *segment.Segment) (key, int) {
	for i := range s.Src {
		if s.Src[i] != s.Dst[i] {
			if s.Src[i] < s.Dst[i] {
				return key{s.Src, s.Dst, s.SrcPort, s.DstPort}, 0
			}
			return key{s.Dst, s.Src, s.DstPort, s.SrcPort}, 1
		}
	}
	if s.SrcPort <= s.DstPort {
		return key{s.Src, s.Dst, s.SrcPort, s.DstPort}, 0
	}
	return key{s.Dst, s.Src, s.DstPort, s.SrcPort}, 1
}

type state uint8

const (
	stateSYN         state = iota // a SYN was seen
	stateSYNACK                   // and its SYN-ACK
	stateEstablished              // and the client's acknowledgement of it
	statePartial                  // a SYN, no SYN-ACK, and yet more
	stateMidway                   // no SYN
)

// conn is one incarnation of a four-tuple.
type conn struct {
	key       key
	client    int   // the side of key that is the client
	older     *conn // of the same key
	state     state
	ignored   bool // not to Options.Server
	simul     bool
	refused   bool
	resetBy   int // side+1, or 0
	reused    bool
	displaced bool // a later connection has the four-tuple
	cISN      uint32
	sISN      uint32
	haveC     bool // cISN is known
	haveS     bool
	simulAck  [2]bool
	kind      kind // of the segment at hand
	synAgain  bool // the segment at hand repeats a SYN or SYN-ACK
	synTime   int64
	first     int64
	last      int64
	goodSums  [2]bool // by side

	streams  [2]*stream // 0: from the client
	requests *httpbody.Requests
	sum      Connection

	prev, next *conn // least recently active first
}

// from returns the index in streams of what a side sends.
func (c *conn) from(side int) int {
	if side == c.client {
		return 0
	}
	return 1
}

// closed says whether nothing more is expected.
func (c *conn) closed() bool {
	return c.resetBy != 0 || c.refused || c.displaced || c.finBoth()
}

func (c *conn) finBoth() bool {
	a, b := c.streams[0], c.streams[1]
	return a != nil && b != nil && a.fin >= 0 && b.fin >= 0
}

// finAcked says whether both FINs were seen and acknowledged.
func (c *conn) finAcked() bool {
	return c.finBoth() && c.streams[0].acked > c.streams[0].fin && c.streams[1].acked > c.streams[1].fin
}

// distance says how far a segment is from what this incarnation expects next: the
// sum over sequence and acknowledgement numbers, of those that are known.
func (c *conn) distance(side int, s *segment.Segment) int64 {
	var d int64
	f := c.from(side)
	if st := c.streams[f]; st != nil && st.started {
		d += abs(st.offset(s.Seq) - st.next)
	} else if f == 0 && c.haveC {
		d += abs(int64(int32(s.Seq - c.cISN)))
	}
	if s.Flags&segment.ACK != 0 {
		if st := c.streams[1-f]; st != nil && st.started {
			d += abs(st.offset(s.Ack) - st.next)
		} else if f == 1 && c.haveC {
			d += abs(int64(int32(s.Ack - c.cISN)))
		}
	}
	return d
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// plausible bounds how far from what is expected a sequence number may be: the
// largest window there is (RFC 7323).
const plausible = 1 << 30

// segment takes a segment of this connection that a side sent.
func (c *conn) segment(t *tracker, side int, s *segment.Segment, m find.Mark, iface int, seen *recent) {
	c.last = max(c.last, m.Time)
	f := c.from(side)
	c.establish(t, side, f, s, m)
	st := t.streamOf(c, f)
	here := place{int32(iface), s.Device}
	if st.at.iface < 0 {
		st.at = here
	}
	c.kind = 0
	if c.synAgain {
		c.kind = isRetransmission
		c.synAgain = false
	}
	fresh := seen.sight == firstSight
	took := c.take(t, side, f, s, m, fresh)
	if fresh {
		seen.kind = c.kind
	} else {
		c.kind = seen.kind // a copy came first, and what it was this is
	}
	peer := c.streams[1-f]
	if s.Flags&segment.ACK != 0 && here == peer.at {
		peer.timing.acknowledged(peer.offset(s.Ack), m.Time)
	}
	if st.at == here && seen.sight != again {
		c.count(t, st, s, m)
		if seen.filled {
			c.sum.FilledIn--
			seen.filled = false
		}
	} else if took {
		c.sum.FilledIn++
		seen.filled = true // unless its copy comes
	}
}

// count adds a segment to the statistics.
func (c *conn) count(t *tracker, st *stream, s *segment.Segment, m find.Mark) {
	c.sum.Segments++
	if s.Length > 0 && s.Flags&segment.SYN == 0 && st.started {
		st.timing.sent(st.offset(s.Seq)+int64(s.Length), m.Time, c.kind&(isRetransmission|isKeepAlive) != 0)
	}
	if s.Window == 0 && s.Flags&(segment.RST|segment.SYN) == 0 {
		c.sum.ZeroWindows++
	}
	switch {
	case c.kind&isRetransmission != 0:
		c.sum.Retransmissions++
	case c.kind&isOutOfOrder != 0:
		c.sum.OutOfOrder++
	}
	if c.kind&isKeepAlive != 0 {
		c.sum.KeepAlives++
	}
	if c.kind&isDuplicateAck != 0 {
		c.sum.DuplicateAcks++
	}
}

// take does what a segment says, and finds out its kind. It says whether it brought bytes that were not seen before.
func (c *conn) take(t *tracker, side, f int, s *segment.Segment, m find.Mark, fresh bool) bool {
	st, peer := c.streams[f], t.streamOf(c, 1-f)
	seq := s.Seq
	if s.Flags&segment.SYN != 0 {
		seq++
	}
	if !st.started {
		st.start(seq, false)
	}
	off := st.offset(seq)
	if abs(off-max(st.next, st.acked, st.max)) > plausible && abs(off-st.next) > plausible {
		t.implausible++
		return false
	}
	if s.Flags&segment.ACK != 0 {
		c.acknowledge(st, peer, s, m, fresh)
	}
	if s.Flags&segment.RST != 0 {
		c.reset(side, s)
		return false
	}
	length := int64(s.Length)
	if s.Flags&(segment.SYN|segment.FIN) == 0 && length <= 1 && off == st.next-1 && st.max <= st.next {
		c.kind |= isKeepAlive
		return false
	}
	if st.fin >= 0 {
		length = min(length, max(0, st.fin-off))
	}
	took := false
	if length > 0 {
		again := c.kind&isRetransmission != 0
		st.accept(off, length, s.Payload[:min(int64(len(s.Payload)), length)], m)
		took = again || c.kind&isRetransmission == 0
	}
	if s.Flags&segment.FIN != 0 {
		at := off + int64(s.Length)
		switch {
		case st.fin < 0 && at >= st.next:
			st.fin = at
		case at == st.fin && s.Length == 0:
			c.kind |= isRetransmission
		}
	}
	return took
}

// acknowledge takes the acknowledgement that st's sender gives of peer.
func (c *conn) acknowledge(st, peer *stream, s *segment.Segment, m find.Mark, fresh bool) {
	if !peer.started {
		peer.start(s.Ack, false)
	}
	off := peer.offset(s.Ack)
	if off-max(peer.next, peer.acked, peer.max) > plausible {
		return
	}
	if fresh && s.Length == 0 && s.Flags&(segment.SYN|segment.FIN|segment.RST) == 0 &&
		s.Ack == st.lastAck && s.Window == st.lastWin && peer.heard && peer.max > off && off == peer.acked {
		c.kind |= isDuplicateAck
	}
	st.lastAck, st.lastWin = s.Ack, s.Window
	peer.acknowledge(off)
}

// establish follows the handshake.
func (c *conn) establish(t *tracker, side, f int, s *segment.Segment, m find.Mark) {
	syn, ack := s.Flags&segment.SYN != 0, s.Flags&segment.ACK != 0
	switch {
	case c.simul && c.state != stateEstablished:
		if !ack || s.Flags&segment.RST != 0 {
			return
		}
		other := c.sISN
		if f == 1 {
			other = c.cISN
		}
		if s.Ack-(other+1) < plausible {
			c.simulAck[f] = true
		}
		if c.simulAck[0] && c.simulAck[1] {
			c.established(t, m)
		}
	case c.state == stateSYNACK && f == 0 && ack && !syn && s.Flags&segment.RST == 0 && s.Ack-(c.sISN+1) < plausible:
		c.established(t, m)
	case c.state == stateSYN && !syn && s.Flags&segment.RST == 0:
		c.state = statePartial
	}
}

func (c *conn) established(t *tracker, m find.Mark) {
	c.state = stateEstablished
	if c.synTime != 0 {
		c.sum.RoundTrip = duration(m.Time - c.synTime)
	}
	for o := c.older; o != nil; o = o.older {
		if !o.closed() {
			o.displaced = true
		}
	}
}

// reset takes a RST.
func (c *conn) reset(side int, s *segment.Segment) {
	switch {
	case c.resetBy != 0 || c.refused || c.finAcked():
	case c.state == stateSYN && side != c.client:
		if s.Flags&segment.ACK == 0 || s.Ack-(c.cISN+1) < 1<<16 {
			c.refused = true
		}
	default:
		c.resetBy = side + 1
	}
}
