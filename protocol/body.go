package protocol

import (
	"errors"
	"io"
)

// Body returns a reader of the n raw bytes that follow an accepted answer: first
// what is buffered, then straight from the underlying reader into the caller's
// slice, never past the body, so a large slice is one large read. After the n
// bytes it gives io.EOF; where the stream ends before them, a *ReadError of
// io.ErrUnexpectedEOF. It is an io.WriterTo, which hands the rest of the body to
// the destination as an *io.LimitedReader on the underlying reader, so that
// io.Copy from a TCP connection to a file splices. The destination's errors come
// as they are, and so do, where it reads by itself, the stream's.
//
// It must be read to its end before the Reader's next line, and is of no use
// after it. A negative n is taken as zero.
func (r *Reader) Body(n int64) io.Reader {
	r.left = max(n, 0)
	return &body{r}
}

type body struct{ r *Reader }

func (b *body) Read(p []byte) (int, error) {
	r := b.r
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.err != nil {
		return 0, r.err
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	if len(p) == 0 {
		return 0, nil
	}
	if have := r.Buffered(); have > 0 {
		n := copy(p, r.buf[r.r:r.w])
		r.consume(n)
		r.left -= int64(n)
		return n, nil
	}
	n, err := 0, r.late
	if err == nil {
		n, err = r.src.Read(p)
	}
	r.base += int64(n)
	r.left -= int64(n)
	switch {
	case r.left == 0: // an error after the last byte belongs to the next line
		r.late = err
		return n, nil
	case err == nil:
		return n, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, r.fail("body", err)
}

// WriteTo implements io.WriterTo.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	r := b.r
	var total int64
	for r.left > 0 && r.Buffered() > 0 {
		have := r.buf[r.r:r.w]
		if int64(len(have)) > r.left {
			have = have[:r.left]
		}
		n, err := w.Write(have)
		r.consume(n)
		r.left -= int64(n)
		total += int64(n)
		if err == nil && n < len(have) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
	if r.left == 0 {
		return total, nil
	}
	if r.err != nil || r.late != nil {
		n, err := b.Read(make([]byte, 1)) // says which
		return total + int64(n), err
	}
	lim := &io.LimitedReader{R: &tap{src: r.src}, N: r.left}
	if _, ok := w.(io.ReaderFrom); ok {
		lim.R = r.src // the bare connection, for splice
	}
	n, err := io.Copy(w, lim)
	total += n
	read := r.left - lim.N
	r.base += read
	r.left = lim.N
	t, tapped := lim.R.(*tap)
	switch {
	case err == nil && r.left > 0:
		return total, r.fail("body", io.ErrUnexpectedEOF)
	case err != nil && r.left == 0 && n == read: // it came with the last byte, as in Read
		r.late = err
		return total, nil
	case err != nil && tapped && errors.Is(err, t.err):
		return total, r.fail("body", err)
	}
	return total, err
}

// tap remembers the reader's error, to tell it from the writer's.
type tap struct {
	src io.Reader
	err error
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	return n, err
}
