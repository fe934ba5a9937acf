package flow

// blockLen is the unit in which streams hold bytes: history, and what waits for an
// earlier segment. Blocks are aligned to stream offsets.
const blockLen = 16 << 10

// maxSpans bounds the segments that wait for an earlier one, in all streams.
const maxSpans = 32768

type block struct {
	data       [blockLen]byte
	owner      *stream // nil: free
	index      int64   // offset in the owner's stream, in blocks
	prev, next *block  // in the order of taking
}

// pool hands out blocks within its bound. When none is left it takes back the
// oldest that holds only history.
type pool struct {
	left  int    // that may still be made
	spans int    // that may still wait, in all streams
	free  *block // linked by next
	used  block  // ring; used.next is the oldest
}

func newPool(bytes int64) *pool {
	p := &pool{left: max(int(bytes/blockLen), 16), spans: maxSpans}
	p.used.prev, p.used.next = &p.used, &p.used
	return p
}

// take returns a block for owner, or nil if all are held by bytes that wait.
func (p *pool) take(owner *stream, index int64) *block {
	b := p.free
	switch {
	case b != nil:
		p.free = b.next
	case p.left > 0:
		p.left--
		b = new(block)
	default:
		if b = p.steal(); b == nil {
			return nil
		}
	}
	b.owner, b.index = owner, index
	b.prev, b.next = p.used.prev, &p.used
	b.prev.next, p.used.prev = b, b
	return b
}

// steal unlinks the oldest block that is history. It looks at a few only, so that
// streams that wait for much cannot make every call slow.
func (p *pool) steal() *block {
	for b, tries := p.used.next, 0; b != &p.used && tries < 64; b, tries = b.next, tries+1 {
		if b.owner.lose(b) {
			b.unlink()
			return b
		}
		// It waits: look at it again after all others.
		next := b.next
		b.unlink()
		b.prev, b.next = p.used.prev, &p.used
		b.prev.next, p.used.prev = b, b
		b = next.prev
	}
	return nil
}

func (b *block) unlink() { b.prev.next, b.next.prev = b.next, b.prev }

func (p *pool) give(b *block) {
	b.unlink()
	b.owner = nil
	b.next = p.free
	p.free = b
}
