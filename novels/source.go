package novels

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// Source is a file that is computed where it is read: any size, any offset, no
// memory, and the same bytes everywhere. It is a value; copies are the same
// file. It is safe for concurrent use.
type Source struct {
	name string
	size int64
	fill func(p []byte, off int64) // p lies within the file
}

// Name is the file's name.
func (s Source) Name() string { return s.name }

// Size is the file's size in bytes.
func (s Source) Size() int64 { return s.size }

// NewReader returns a reader of the whole file, which is also an io.ReaderAt
// and io.Seeker.
func (s Source) NewReader() io.Reader { return io.NewSectionReader(s, 0, s.size) }

// ReadAt implements io.ReaderAt. It fails for a negative offset, and with
// io.EOF where the file ends before p does.
func (s Source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read source " + s.name + ": negative offset")
	}
	if off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	s.fill(p, off)
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

// A text is pages out of a pool, so that generating is copying. Which one
// follows from the seed and the page's number alone; each begins with a line
// that says where it stands, so that no two are alike and a file put together
// in the wrong order is not taken for the right one.
const (
	pageSize  = 4 << 10
	poolPages = 64
	stampSize = 40
)

// pool is text that all Texts are cut from: 256 KiB, made once.
var pool = sync.OnceValue(func() []byte {
	w := &writer{style: plain, random: 20200101}
	for len(w.b) < poolPages*pageSize {
		w.paragraph()
	}
	return w.b[:poolPages*pageSize]
})

// Text returns a file of English-like ASCII of the given size in bytes (a
// negative one is zero). Files with different seeds differ on every page.
func Text(name string, size int64, seed uint64) Source {
	return Source{name, max(size, 0), func(p []byte, off int64) {
		text := pool()
		for len(p) > 0 {
			page := off / pageSize
			at := int(off % pageSize)
			r := random(seed ^ uint64(page)*0xd1342543de82ef95)
			from := r.below(poolPages) * pageSize
			n := copy(p, text[from+at:from+pageSize])
			if at < stampSize {
				var stamp [stampSize]byte
				copy(p[:n], stampPage(&stamp, seed, page)[at:])
			}
			p = p[n:]
			off += int64(n)
		}
	}}
}

// stampPage writes a page's first line: its number and its file's seed, in
// hexadecimal.
func stampPage(b *[stampSize]byte, seed uint64, page int64) []byte {
	copy(b[:], "\nPage ")
	putHex(b[6:22], uint64(page))
	b[22] = ' '
	putHex(b[23:39], seed)
	b[39] = '\n'
	return b[:]
}

func putHex(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[v&15]
		v >>= 4
	}
}

// Bytes returns a file with the given content, which is copied.
func Bytes(name string, content []byte) Source {
	content = bytes.Clone(content)
	return Source{name, int64(len(content)), func(p []byte, off int64) { copy(p, content[off:]) }}
}

// Repeat returns a file of the given size (a negative one is zero) in which
// the pattern stands over and over, the last one perhaps cut. An empty pattern
// is a zero byte.
func Repeat(name string, size int64, pattern string) Source {
	if pattern == "" {
		pattern = "\x00"
	}
	return Source{name, max(size, 0), func(p []byte, off int64) {
		n := 0
		for at := int(off % int64(len(pattern))); n < len(p) && n < len(pattern); at = 0 {
			n += copy(p[n:], pattern[at:])
		}
		// A whole pattern is there, from wherever it began; what stands one or more
		// patterns before is what comes next, and twice as much every time.
		for period := len(pattern); n < len(p); period *= 2 {
			n += copy(p[n:], p[n-period:n])
		}
	}}
}
