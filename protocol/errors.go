package protocol

import "fmt"

// maxSeen bounds, in bytes, what errors keep of the peer's bytes.
const maxSeen = 64

// SyntaxError says that the peer's bytes are not the dialect's. The place in
// the stream is lost: close the connection.
type SyntaxError struct {
	Offset int64  // bytes of the stream before those in Seen
	Seen   []byte // the bytes there, at most 64 of them
	Want   string // what the grammar wants there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("stream offset %d: got %q, want %s", e.Offset, e.Seen, e.Want)
}

func syntaxError(offset int64, seen []byte, want string) *SyntaxError {
	if len(seen) > maxSeen {
		seen = seen[:maxSeen]
	}
	return &SyntaxError{Offset: offset, Seen: append([]byte(nil), seen...), Want: want}
}

// ReadError is an error of the underlying reader, or the stream's end at a
// place that is no end (io.ErrUnexpectedEOF).
type ReadError struct {
	Offset int64  // bytes of the stream that had come
	During string // what was being read
	Err    error  // the cause, for errors.Is and errors.As
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("stream offset %d: read %s: %v", e.Offset, e.During, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }
