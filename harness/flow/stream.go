package flow

import (
	"fmt"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/httpbody"
)

// stream is one direction of a connection. Offsets count from the byte after the
// SYN; the FIN has the offset after the last byte.
type stream struct {
	t   *tracker
	c   *conn
	dir Direction

	base    uint32 // sequence number of offset 0
	started bool   // base is set
	known   bool   // base comes from the handshake
	next    int64  // first offset not delivered
	max     int64  // after the highest offset seen
	acked   int64  // by the receiver
	heard   bool   // the receiver acknowledged something
	fin     int64  // offset of the FIN, or -1

	w      window
	search *find.Stream
	bodies *bodies // nil: nothing of it looks like HTTP
	sink   Sink

	goodSums bool  // the sender's checksums are filled in, at least once
	at       place // where its packets are counted
	timing   timing
	lastAck  uint32 // the sender's own last acknowledgement
	lastWin  uint16
	missing  int64
	holes    []Hole
	limited  string
	done     bool
}

const maxHoles = 16

// offset unwraps a sequence number: the offset nearest to what is expected.
func (s *stream) offset(seq uint32) int64 {
	return s.next + int64(int32(seq-(s.base+uint32(s.next))))
}

func (s *stream) start(base uint32, known bool) {
	s.base, s.started, s.known = base, true, known
}

// accept takes the data of a segment: b is what was captured of length bytes at off.
// What it is, it notes in the connection's kind.
func (s *stream) accept(off, length int64, b []byte, m find.Mark) {
	if off < 0 {
		// Before the first segment seen, where the handshake is not in the capture.
		cut := min(-off, length)
		off, length, b = off+cut, length-cut, b[min(cut, int64(len(b))):]
	}
	if length <= 0 || s.done {
		return
	}
	end := off + length
	again, late := false, off < s.max
	if off < s.next {
		again = true
		n := min(int64(len(b)), s.next-off)
		s.compare(off, b[:n], m)
		if end <= s.next {
			s.is(true, false)
			return
		}
		b = b[min(int64(len(b)), s.next-off):]
		off = s.next
	}
	if off == s.next && len(s.w.ahead) == 0 && int64(len(b)) == end-off {
		s.deliver(b, m)
		s.max = max(s.max, end)
		s.is(again, false)
		return
	}
	fresh := false
	for tries := 0; ; tries++ {
		f, k, differs, ok := s.w.wait(s.t.pool, off, end, b, m)
		fresh = fresh || f
		if tries == 0 {
			again = again || k
			if differs >= 0 {
				s.disagree(differs, b[differs-off], m)
			}
		}
		s.drain()
		if ok || end <= s.next {
			break
		}
		if tries == 2 {
			s.limit("bytes that wait for an earlier segment fill the verifier's memory")
			break
		}
		// No room: what is missing is given up, and what waits for it goes on.
		s.giveUp(off)
		if off < s.next {
			b = b[min(int64(len(b)), s.next-off):]
			off = s.next
		}
	}
	s.max = max(s.max, end)
	s.is(again, late && fresh && !again)
}

func (s *stream) is(again, late bool) {
	if again {
		s.c.kind |= isRetransmission
	} else if late {
		s.c.kind |= isOutOfOrder
	}
}

// deliver passes bytes at next on, and keeps them as history.
func (s *stream) deliver(b []byte, m find.Mark) {
	s.pass(b, m, s.t.plain)
	if n := s.w.put(s.t.pool, s.next, b); n < len(b) {
		s.w.losing(s.next + int64(len(b)))
	}
	s.next += int64(len(b))
	if len(s.w.blocks) > maxHistory {
		s.w.forget(s.t.pool, s.next-(maxHistory-8)*blockLen)
	}
}

func (s *stream) pass(b []byte, m find.Mark, plain bool) {
	if s.search != nil {
		s.search.Feed(b, m, plain)
	}
	if s.bodies != nil || httpbody.Begins(b, s.next) && s.decodes() {
		s.bodies.dec.Feed(s.next, b, m)
	}
	if s.sink != nil {
		s.sink.Bytes(s.next, b, m.Packet, unix(m.Time))
	}
}

// decodes says whether HTTP bodies of this stream are wanted, and makes their decoder.
func (s *stream) decodes() bool {
	if s.c.ignored || s.search == nil && s.t.opts.Body == nil {
		return false
	}
	s.bodies = s.t.bodiesOf(s, s.c)
	return true
}

// drain delivers what waited for the bytes before next.
func (s *stream) drain() {
	for len(s.w.ahead) > 0 && s.w.ahead[0].start <= s.next {
		a := s.w.ahead[0]
		m := a.mark
		for s.next < a.data {
			b := s.w.at(s.next).data[s.next%blockLen:]
			b = b[:min(int64(len(b)), a.data-s.next)]
			s.pass(b, m, false)
			s.next += int64(len(b))
		}
		if s.next < a.end {
			s.hole(a.end, "cut short by the snap length", m)
		}
		s.w.pop(s.t.pool)
	}
	if len(s.w.blocks) > maxHistory {
		s.w.forget(s.t.pool, s.next-(maxHistory-8)*blockLen)
	}
}

// hole goes on to end, past bytes that were not seen.
func (s *stream) hole(end int64, reason string, m find.Mark) {
	n := end - s.next
	s.missing += n
	if last := len(s.holes) - 1; last >= 0 && s.holes[last].Offset+s.holes[last].Length == s.next && s.holes[last].Reason == reason {
		s.holes[last].Length += n
	} else if len(s.holes) < maxHoles {
		s.holes = append(s.holes, Hole{Direction: s.dir, Offset: s.next, Length: n, Reason: reason})
	}
	s.w.unseen(s.next, end)
	if s.search != nil {
		s.search.Skip(n, m)
	}
	if s.bodies != nil {
		s.bodies.dec.Missing(s.next, n, m)
	}
	if s.sink != nil {
		s.sink.Missing(s.next, n)
	}
	s.next = end
	s.max = max(s.max, end)
}

// giveUp makes room: the first hole is declared one, and what waited behind it delivered.
// Without any, the history goes.
func (s *stream) giveUp(before int64) {
	end := before
	if len(s.w.ahead) > 0 {
		end = min(end, s.w.ahead[0].start)
	}
	if end > s.next {
		reason := "acknowledged by the receiver, not in the capture"
		if s.acked < end {
			reason = "not in the capture by the time the verifier's memory was full"
			s.limit("bytes that wait for an earlier segment fill the verifier's memory")
		}
		s.hole(end, reason, find.Mark{})
		s.drain()
	} else {
		s.w.forget(s.t.pool, s.next)
	}
}

func (s *stream) limit(what string) {
	if s.limited == "" {
		s.limited = what
	}
}

// compare compares a retransmission with what was seen first.
func (s *stream) compare(off int64, b []byte, m find.Mark) {
	if n := min(s.w.lost-off, int64(len(b))); n > 0 {
		s.compareFile(off, b[:n], m)
		off, b = off+n, b[n:]
	}
	for _, g := range s.w.gaps {
		if n := min(g.start-off, int64(len(b))); n > 0 {
			s.compareHeld(off, b[:n], m)
			off, b = off+n, b[n:]
		}
		if off < g.end {
			n := min(g.end-off, int64(len(b)))
			off, b = off+n, b[n:]
		}
	}
	s.compareHeld(off, b, m)
}

func (s *stream) compareHeld(off int64, b []byte, m find.Mark) {
	if d := s.w.differs(off, off+int64(len(b)), b); d >= 0 {
		s.disagree(d, b[d-off], m)
	}
}

// compareFile compares what is older than the history with the file that lies there.
func (s *stream) compareFile(off int64, b []byte, m find.Mark) {
	if s.search != nil {
		if file, start, ok := s.search.Holds(off, len(b)); ok {
			if !s.t.set.Equal(file, off-start, b) {
				s.disagreeText(off, fmt.Sprintf("it is not what %s has there", s.t.opts.Files[file].Name), m)
			}
			return
		}
	}
	s.c.sum.NotCompared += uint64(len(b))
}

func (s *stream) disagree(off int64, saw byte, m find.Mark) {
	text := fmt.Sprintf("it carries %#02x", saw)
	if k := s.w.at(off); k != nil {
		text = fmt.Sprintf("first %#02x was seen, then %#02x", k.data[off%blockLen], saw)
	}
	s.disagreeText(off, text, m)
}

func (s *stream) disagreeText(off int64, text string, m find.Mark) {
	s.c.sum.Disagreements++
	if s.c.sum.FirstDisagreement == "" {
		s.c.sum.FirstDisagreement = fmt.Sprintf("%s, stream offset %s, packet %s: %s", s.dir, thousands(off), at(m.Packet, s.t.capture(m)), text)
	}
}

// lose is asked by the pool for a block that is only history.
func (s *stream) lose(b *block) bool {
	lo, hi := b.index*blockLen, (b.index+1)*blockLen
	if lo > s.next || len(s.w.ahead) > 0 && s.w.ahead[0].start < hi {
		return false
	}
	s.w.blocks[b.index-s.w.first] = nil
	s.w.compact()
	s.w.losing(min(hi, s.next))
	return true
}

// acknowledge takes the receiver's acknowledgement.
func (s *stream) acknowledge(off int64) {
	s.heard = true
	if off > s.acked {
		s.acked = off
	}
}

// finish closes the stream: what was acknowledged and not seen is a hole, what
// was seen behind bytes that never came was never the receiver's.
func (s *stream) finish() {
	if s.done {
		return
	}
	acked := s.acked
	if s.fin >= 0 {
		acked = min(acked, s.fin)
	}
	for {
		s.drain()
		end := acked
		if len(s.w.ahead) > 0 {
			if !s.heard { // nobody says what arrived
				end = max(end, s.w.ahead[0].start)
			}
			end = min(end, s.w.ahead[0].start)
		}
		if end <= s.next {
			break
		}
		reason := "acknowledged by the receiver, not in the capture"
		if !s.heard {
			reason = "not in the capture, nor are acknowledgements"
		}
		s.hole(end, reason, find.Mark{})
	}
	s.done = true
	if s.search != nil {
		s.search.End()
	}
	if s.bodies != nil {
		s.bodies.dec.End()
	}
	if s.sink != nil {
		s.sink.Done()
	}
	s.w.release(s.t.pool)
}

// whole says whether every byte from the beginning to where it stopped was seen.
func (s *stream) whole() bool {
	return s.started && s.known && s.missing == 0 && s.limited == ""
}

// ended says whether the FIN was reached.
func (s *stream) ended() bool { return s.fin >= 0 && s.next >= s.fin }
