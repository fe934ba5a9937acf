package find

const pieceLen = 16 << 10

// pieces holds the pieces of files used last, within its memory.
type pieces struct {
	files []Source
	index map[pieceKey]*piece
	free  int // pieces that may still be made
	head  piece
}

type pieceKey struct {
	file  int
	index int64
}

type piece struct {
	key        pieceKey
	data       []byte
	prev, next *piece // most recently read first
}

func newPieces(files []Source, memory int64) *pieces {
	p := &pieces{files: files, index: map[pieceKey]*piece{}, free: max(int(memory/pieceLen), 8)}
	p.head.prev, p.head.next = &p.head, &p.head
	return p
}

// get returns the piece of a file with the given index. It is valid until the next
// call of get; whoever keeps the pointer compares its key before using it.
func (p *pieces) get(file int, index int64) (*piece, error) {
	key := pieceKey{file, index}
	if c, ok := p.index[key]; ok {
		if p.head.next != c {
			c.unlink()
			c.linkAfter(&p.head)
		}
		return c, nil
	}
	var c *piece
	if p.free > 0 {
		p.free--
		c = &piece{data: make([]byte, 0, pieceLen)}
	} else {
		c = p.head.prev
		c.unlink()
		delete(p.index, c.key)
	}
	off := index * pieceLen
	n := int(min(pieceLen, p.files[file].Size-off))
	c.key = key
	c.data = c.data[:n]
	if m, err := p.files[file].At.ReadAt(c.data, off); m < n {
		c.key = pieceKey{-1, -1}
		p.free++ // c is let go
		return nil, readError(p.files[file].Name, off+int64(m), err)
	}
	p.index[key] = c
	c.linkAfter(&p.head)
	return c, nil
}

func (c *piece) unlink() {
	c.prev.next, c.next.prev = c.next, c.prev
}

func (c *piece) linkAfter(at *piece) {
	c.prev, c.next = at, at.next
	at.next.prev, at.next = c, c
}
