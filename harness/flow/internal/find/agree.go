package find

import (
	"bytes"
	"runtime"
	"runtime/debug"
)

// cursor remembers between calls where in a file the last one was.
type cursor struct {
	piece *piece // of a file that is read
	spot  spot   // of one that is looked at
}

// from returns the bytes of a file from off on, n of them or fewer, or nil after an error.
func (s *Set) from(file int, off int64, n int, at *cursor) []byte {
	if b := s.views.list[file].bytes; b != nil {
		s.views.touch(file, off, n, &at.spot)
		return b[off : off+int64(n)]
	}
	key := pieceKey{file, off / pieceLen}
	if at.piece == nil || at.piece.key != key {
		c, err := s.pieces.get(file, key.index)
		if err != nil {
			s.fail(err)
			return nil
		}
		at.piece = c
	}
	b := at.piece.data[off-key.index*pieceLen:]
	return b[:min(len(b), n)]
}

func (s *Set) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// caught is deferred where the bytes of a file are touched, with what SetPanicOnFault returned. A fault is that of a
// file which was cut while it was looked at; end is the offset behind what was touched.
func (s *Set) caught(file int, end int64, before bool) {
	debug.SetPanicOnFault(before)
	switch r := recover().(type) {
	case nil:
	case interface {
		runtime.Error
		Addr() uintptr
	}:
		s.fail(readError(s.files[file].Name, end, nil))
	default:
		panic(r)
	}
}

// agree returns how many bytes of b equal the file from off on; off+len(b) is at most the file's size.
func (s *Set) agree(file int, off int64, b []byte, at *cursor) (done int) {
	defer s.caught(file, off+int64(len(b)), debug.SetPanicOnFault(true))
	for done < len(b) {
		want := s.from(file, off+int64(done), len(b)-done, at)
		n := len(want)
		if n == 0 {
			return done
		}
		if !bytes.Equal(want, b[done:done+n]) {
			return done + firstDifference(want, b[done:done+n])
		}
		done += n
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

// byteAt returns one byte of a file, always read: a file that was cut shows zeros to the end of its last page.
func (s *Set) byteAt(file int, off int64) byte {
	var b [1]byte
	if n, err := s.files[file].At.ReadAt(b[:], off); n < 1 {
		s.fail(readError(s.files[file].Name, off, err))
	}
	return b[0]
}

// selfAgree says whether n bytes of the file at offset 0 equal those at shift, and how
// many it took to know.
func (s *Set) selfAgree(file int, shift, n int64) (same int64, ok bool) {
	var buf [4096]byte
	var near, far cursor
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

// copyOut fills b with the bytes of the file at off.
func (s *Set) copyOut(file int, off int64, b []byte, at *cursor) (ok bool) {
	defer s.caught(file, off+int64(len(b)), debug.SetPanicOnFault(true))
	for done := 0; done < len(b); {
		n := copy(b[done:], s.from(file, off+int64(done), len(b)-done, at))
		if n == 0 {
			return false
		}
		done += n
	}
	return true
}

// Equal says whether the file holds b at off.
func (s *Set) Equal(file int, off int64, b []byte) bool {
	if off < 0 || off+int64(len(b)) > s.files[file].Size {
		return false
	}
	var at cursor
	return s.agree(file, off, b, &at) == len(b) && s.err == nil
}
