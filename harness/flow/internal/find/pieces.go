package find

import "bytes"

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

// agree returns how many bytes of b equal the file from off on; off+len(b) is at most
// the file's size. cursor remembers a piece between calls.
func (s *Set) agree(file int, off int64, b []byte, cursor **piece) int {
	done := 0
	for done < len(b) {
		index := off / pieceLen
		c := *cursor
		if c == nil || c.key != (pieceKey{file, index}) {
			var err error
			if c, err = s.pieces.get(file, index); err != nil {
				if s.err == nil {
					s.err = err
				}
				return done
			}
			*cursor = c
		}
		want := c.data[off-index*pieceLen:]
		n := min(len(want), len(b)-done)
		if !bytes.Equal(want[:n], b[done:done+n]) {
			return done + firstDifference(want[:n], b[done:done+n])
		}
		done += n
		off += int64(n)
	}
	return done
}

func firstDifference(a, b []byte) int {
	for len(a) > 64 && bytes.Equal(a[:len(a)/2], b[:len(a)/2]) {
		half := len(a) / 2
		return half + firstDifference(a[half:], b[half:])
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// byteAt returns one byte of a file.
func (s *Set) byteAt(file int, off int64) byte {
	c, err := s.pieces.get(file, off/pieceLen)
	if err != nil {
		if s.err == nil {
			s.err = err
		}
		return 0
	}
	return c.data[off%pieceLen]
}

// selfAgree says whether n bytes of the file at offset 0 equal those at shift, and how
// many it took to know.
func (s *Set) selfAgree(file int, shift, n int64) (same int64, ok bool) {
	var buf [4096]byte
	var near, far *piece
	for off := int64(0); off < n; {
		step := int(min(int64(len(buf)), n-off))
		if !s.copyOut(file, shift+off, buf[:step], &far) {
			return off, false
		}
		if k := s.agree(file, off, buf[:step], &near); k < step {
			return off + int64(k), false
		}
		off += int64(step)
	}
	return n, s.err == nil
}

func (s *Set) copyOut(file int, off int64, b []byte, cursor **piece) bool {
	for len(b) > 0 {
		index := off / pieceLen
		c := *cursor
		if c == nil || c.key != (pieceKey{file, index}) {
			var err error
			if c, err = s.pieces.get(file, index); err != nil {
				if s.err == nil {
					s.err = err
				}
				return false
			}
			*cursor = c
		}
		n := copy(b, c.data[off-index*pieceLen:])
		b = b[n:]
		off += int64(n)
	}
	return true
}

// Equal says whether the file holds b at off.
func (s *Set) Equal(file int, off int64, b []byte) bool {
	if off < 0 || off+int64(len(b)) > s.files[file].Size {
		return false
	}
	var c *piece
	return s.agree(file, off, b, &c) == len(b) && s.err == nil
}
