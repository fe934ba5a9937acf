package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// errBody is the caller's mistake: a line was asked for inside a body.
var errBody = errors.New("protocol: a line was asked for before the body was read to its end")

// Reader reads the stream dialect, for a server (ReadRequest) or a client
// (ReadAnswer, Body, ReadTrailer). It keeps one buffer of 4 KiB and never
// allocates by what the peer announces. It is not safe for concurrent use. It
// has nothing to close; the underlying reader stays the caller's.
//
// After an error other than a *NameError every further call fails: the place in
// the stream is lost. After a *NameError the line has been read and the next
// one may be.
type Reader struct {
	src  io.Reader
	buf  []byte // buf[r:w] has been read and not yet consumed
	r, w int
	base int64 // stream offset of buf[r]
	left int64 // bytes of the current body still to come
	late error // the underlying reader's error, after what is buffered
	err  error // sticky
}

// NewReader returns a Reader on r. Deadlines and limits on time are r's.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: r, buf: make([]byte, 4096)}
}

// Buffered is how many bytes have been read from the underlying reader and not
// yet been consumed: where it is zero, the next call reads from the network.
func (r *Reader) Buffered() int { return r.w - r.r }

// Offset is the stream offset: how many bytes have been consumed.
func (r *Reader) Offset() int64 { return r.base }

// ReadRequest reads the next request. Between requests the stream's end is
// io.EOF; inside one it is a *ReadError of io.ErrUnexpectedEOF. A well-formed
// line with a bad name gives the request as it came and a *NameError, after
// which the connection can go on; anything else that is no request gives a
// *SyntaxError, after which it cannot.
func (r *Reader) ReadRequest() (Request, error) {
	line, err := r.line("request")
	if err != nil {
		return Request{}, err
	}
	req, err := parseRequest(line)
	return req, r.done(line, err)
}

// ReadAnswer reads the next answer. A refusal is an answer like any other and
// no error; see Answer.Err. Where the answer is OK the next call is to be
// Body(a.Length). The errors are as for ReadRequest; the stream's end before
// the answer's first byte is io.EOF.
func (r *Reader) ReadAnswer() (Answer, error) {
	line, err := r.line("answer")
	if err != nil {
		return Answer{}, err
	}
	a, err := parseAnswer(line)
	return a, r.done(line, err)
}

// ReadTrailer reads the line after a body. The stream's end is always a
// *ReadError of io.ErrUnexpectedEOF here.
func (r *Reader) ReadTrailer() (Trailer, error) {
	line, err := r.line("trailer")
	if err == io.EOF {
		err = r.fail("trailer", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return Trailer{}, err
	}
	t, err := parseTrailer(line)
	return t, r.done(line, err)
}

// line returns the next line with its LF, still in the buffer.
func (r *Reader) line(what string) ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.left > 0 {
		return nil, fmt.Errorf("%w: %d bytes are left", errBody, r.left)
	}
	for empty, seen := 0, 0; ; {
		have := r.buf[r.r:r.w]
		if i := bytes.IndexByte(have[seen:], '\n'); i >= 0 && seen+i < MaxLine {
			return have[:seen+i+1], nil
		}
		if len(have) >= MaxLine {
			r.err = syntaxError(r.base, have, fmt.Sprintf("a %s line that ends within %d bytes", what, MaxLine))
			return nil, r.err
		}
		seen = len(have)
		if r.r > 0 {
			copy(r.buf, have)
			r.r, r.w = 0, seen
		}
		n, err := 0, r.late
		if err == nil {
			n, err = r.src.Read(r.buf[r.w:])
		}
		if n > 0 {
			r.w += n
			r.late = err // an error that came with bytes stands after them
			empty = 0
			continue
		}
		if empty++; err == nil && empty >= 100 {
			err = io.ErrNoProgress
		}
		switch {
		case err == nil:
		case err == io.EOF && seen == 0:
			r.err = io.EOF
			return nil, io.EOF
		case err == io.EOF:
			return nil, r.fail(what, io.ErrUnexpectedEOF)
		default:
			return nil, r.fail(what, err)
		}
	}
}

// fail makes err, met after everything buffered, the reader's last word.
func (r *Reader) fail(during string, err error) error {
	r.err = &ReadError{Offset: r.base + int64(r.Buffered()), During: during, Err: err}
	return r.err
}

// done consumes a parsed line, or makes its syntax error final and puts it at
// its place in the stream.
func (r *Reader) done(line []byte, err error) error {
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		syntax.Offset += r.base
		r.err = syntax
		return syntax
	}
	r.consume(len(line))
	return err
}

func (r *Reader) consume(n int) {
	r.r += n
	r.base += int64(n)
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
}
