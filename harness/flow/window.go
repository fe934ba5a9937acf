package flow

import (
	"sort"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// window holds a stretch of a stream around the next expected byte: behind it the
// history, ahead of it segments that came early.
type window struct {
	owner  *stream
	first  int64    // index of blocks[0]
	blocks []*block // nil where nothing is held
	ahead  []span   // bytes that wait, ordered, not overlapping
	lost   int64    // history below this offset is gone
	gaps   []gap    // stretches above lost that were never seen, ordered
}

// span is a stretch that waits; of its length only data bytes were captured.
type span struct {
	start, data, end int64 // data is the offset of the first byte not captured
	mark             find.Mark
}

type gap struct{ start, end int64 }

const (
	maxAhead      = 8192 // spans that wait in a stream
	maxHistory    = 512  // blocks of history of a stream, 8 MiB: a retransmission is no older than the largest window, and Linux gives 6 MiB (tcp_rmem)
	maxGaps       = 16
	maxWindowSpan = 64 << 20 // bytes from the first block to the last
)

// at returns the block that holds off, or nil.
func (w *window) at(off int64) *block {
	i := off/blockLen - w.first
	if i < 0 || i >= int64(len(w.blocks)) {
		return nil
	}
	return w.blocks[i]
}

// need returns the block for off, taking one if there is none; nil if none is to be had.
func (w *window) need(p *pool, off int64) *block {
	if b := w.at(off); b != nil {
		return b
	}
	index := off / blockLen
	if len(w.blocks) > 0 && (index-w.first)*blockLen > maxWindowSpan {
		w.forget(p, w.owner.next) // far ahead of an old history
	}
	b := p.take(w.owner, index) // may take one of this window's own
	if b != nil && !w.place(b) {
		p.give(b)
		return nil
	}
	return b
}

// place puts a block where its index says.
func (w *window) place(b *block) bool {
	if len(w.blocks) == 0 {
		w.first = b.index
	}
	last := max(w.first+int64(len(w.blocks))-1, b.index)
	if (last-min(w.first, b.index)+1)*blockLen > maxWindowSpan {
		return false
	}
	if n := w.first - b.index; n > 0 {
		w.blocks = append(make([]*block, n, n+int64(len(w.blocks))), w.blocks...)
		w.first = b.index
	}
	for int64(len(w.blocks)) <= b.index-w.first {
		w.blocks = append(w.blocks, nil)
	}
	w.blocks[b.index-w.first] = b
	return true
}

// put copies b to off. It reports how much found room.
func (w *window) put(p *pool, off int64, b []byte) int {
	done := 0
	for done < len(b) {
		k := w.need(p, off)
		if k == nil {
			break
		}
		n := copy(k.data[off%blockLen:], b[done:])
		done += n
		off += int64(n)
	}
	return done
}

// compact removes empty blocks in front.
func (w *window) compact() {
	n := 0
	for n < len(w.blocks) && w.blocks[n] == nil {
		n++
	}
	if n > 0 {
		w.blocks = w.blocks[:copy(w.blocks, w.blocks[n:])]
		w.first += int64(n)
	}
}

// forget gives back all history below off.
func (w *window) forget(p *pool, off int64) {
	for i, b := range w.blocks {
		if (w.first+int64(i)+1)*blockLen > off {
			break
		}
		if b != nil {
			w.blocks[i] = nil
			p.give(b)
		}
	}
	w.compact()
	w.losing(off / blockLen * blockLen)
}

// losing says that history below off is gone.
func (w *window) losing(off int64) {
	w.lost = max(w.lost, off)
	n := 0
	for n < len(w.gaps) && w.gaps[n].end <= w.lost {
		n++
	}
	w.gaps = w.gaps[:copy(w.gaps, w.gaps[n:])]
}

// unseen notes that [start, end) was never seen.
func (w *window) unseen(start, end int64) {
	if n := len(w.gaps); n > 0 && w.gaps[n-1].end == start {
		w.gaps[n-1].end = end
		return
	}
	if len(w.gaps) == maxGaps {
		w.losing(w.gaps[0].end)
	}
	w.gaps = append(w.gaps, gap{start, end})
}

// wait keeps a segment that came early: b is what was captured of [off, end). It
// returns what was known of it before: whether some of it was new, whether some of it was
// there, the offset of the first byte that differs from what was there (-1: none),
// and whether there was room.
func (w *window) wait(p *pool, off, end int64, b []byte, m find.Mark) (fresh, known bool, differs int64, ok bool) {
	differs = -1
	ok = true
	i := sort.Search(len(w.ahead), func(i int) bool { return w.ahead[i].end > off })
	for off < end {
		stop := end
		if i < len(w.ahead) {
			s := w.ahead[i]
			if s.start <= off {
				known = true
				upTo := min(end, s.end)
				if d := w.differs(off, min(upTo, s.data), b); d >= 0 && differs < 0 {
					differs = d
				}
				b = b[min(int64(len(b)), upTo-off):]
				off = upTo
				i++
				continue
			}
			stop = min(end, s.start)
		}
		if len(w.ahead) >= maxAhead || p.spans <= 0 {
			return fresh, known, differs, false
		}
		piece := b[:min(int64(len(b)), stop-off)]
		if n := w.put(p, off, piece); n < len(piece) {
			return fresh, known, differs, false
		}
		fresh = true
		p.spans--
		w.ahead = append(w.ahead, span{})
		copy(w.ahead[i+1:], w.ahead[i:])
		w.ahead[i] = span{start: off, data: off + int64(len(piece)), end: stop, mark: m}
		b = b[len(piece):]
		off = stop
		i++
	}
	return fresh, known, differs, ok
}

// differs compares b, which begins at off, with what is held up to end, and returns
// the offset of the first byte that differs, or -1.
func (w *window) differs(off, end int64, b []byte) int64 {
	for off < end && len(b) > 0 {
		k := w.at(off)
		if k == nil {
			return -1
		}
		held := k.data[off%blockLen:]
		n := min(int64(len(held)), int64(len(b)), end-off)
		for i := range n {
			if held[i] != b[i] {
				return off + i
			}
		}
		off += n
		b = b[n:]
	}
	return -1
}

// pop removes the first span that waits.
func (w *window) pop(p *pool) {
	p.spans++
	w.ahead = w.ahead[1:]
	if len(w.ahead) == 0 {
		w.ahead = nil
	}
}

// release gives everything back.
func (w *window) release(p *pool) {
	p.spans += len(w.ahead)
	w.ahead = nil
	for _, b := range w.blocks {
		if b != nil {
			p.give(b)
		}
	}
	w.blocks = nil
}
