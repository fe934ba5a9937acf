package httpbody

import (
	"io"
	"iter"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// inflater decompresses what is pushed into it. The libraries pull their input; here they run in a coroutine
// that stops where the input ends for now.
type inflater struct {
	in      []byte
	ended   bool // no more input comes
	deflate bool
	out     func([]byte) bool
	buf     []byte
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	err     error // how it ended; io.EOF: well
	gzip    *gzip.Reader
}

// inflater returns one, or nil if there are too many.
func (s *Shared) inflater(deflate bool) *inflater {
	if s.inflaters >= maxInflaters {
		return nil
	}
	s.inflaters++
	z := &inflater{buf: make([]byte, 16<<10)}
	if n := len(s.spare); n > 0 {
		z, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	*z = inflater{buf: z.buf, gzip: z.gzip, deflate: deflate}
	z.next, z.stop = iter.Pull(z.run)
	return z
}

func (s *Shared) put(z *inflater) {
	s.inflaters--
	if len(s.spare) < 4 {
		s.spare = append(s.spare, z)
	}
}

// run is the coroutine.
func (z *inflater) run(yield func(struct{}) bool) {
	z.yield = yield
	r, err := z.open()
	for err == nil {
		var n int
		n, err = r.Read(z.buf)
		if n > 0 && !z.out(z.buf[:n]) {
			err = io.ErrShortWrite
		}
	}
	z.err = err
}

// open reads the beginning. What is called deflate is zlib by the standard, and bare deflate by some servers.
func (z *inflater) open() (io.Reader, error) {
	if !z.deflate {
		if z.gzip == nil {
			z.gzip = new(gzip.Reader)
		}
		return z.gzip, z.gzip.Reset(z)
	}
	for len(z.in) < 2 && !z.ended {
		had := append([]byte(nil), z.in...)
		z.in = nil
		if !z.yield(struct{}{}) {
			return nil, io.ErrUnexpectedEOF
		}
		z.in = append(had, z.in...)
	}
	if len(z.in) >= 2 && z.in[0]&15 == 8 && (uint(z.in[0])<<8|uint(z.in[1]))%31 == 0 {
		return zlib.NewReader(z)
	}
	return flate.NewReader(z), nil
}

// push hands over compressed bytes; out receives what they decompress to.
func (z *inflater) push(b []byte, out func([]byte) bool) {
	z.in, z.out = b, out
	z.next()
	z.in = nil
}

// failed says whether nothing more can come of this body. Bytes behind the end are no failure.
func (z *inflater) failed() bool { return z.err != nil && z.err != io.EOF }

// close ends it, and says whether the compressed content was whole.
func (z *inflater) close() bool {
	z.ended = true
	if z.err == nil {
		z.next()
	}
	z.stop()
	return z.err == io.EOF
}

// more waits for input.
func (z *inflater) more() error {
	for len(z.in) == 0 {
		if z.ended || !z.yield(struct{}{}) {
			return io.EOF
		}
	}
	return nil
}

// Read implements io.Reader for the library.
func (z *inflater) Read(p []byte) (int, error) {
	if err := z.more(); err != nil {
		return 0, err
	}
	n := copy(p, z.in)
	z.in = z.in[n:]
	return n, nil
}

// ReadByte implements io.ByteReader, so that the library does not read ahead.
func (z *inflater) ReadByte() (byte, error) {
	if err := z.more(); err != nil {
		return 0, err
	}
	c := z.in[0]
	z.in = z.in[1:]
	return c, nil
}
