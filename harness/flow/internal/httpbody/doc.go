// Package httpbody finds the bodies of HTTP/1.1 messages in one direction of a connection and undoes what
// makes their bytes differ from the content: the chunked transfer coding, and the content codings gzip and
// deflate (RFC 9112, 6 and 7; RFC 9110, 8.4). Bodies that stand in the stream as they are it passes over.
//
// It holds a line or a header at most, and one window of 32 KiB for a compressed body.
package httpbody

import "github.com/wireproof/wireproof/harness/flow/internal/find"

// Handler receives the bodies that had to be decoded, one after the other.
type Handler interface {
	// Begin begins a body whose first byte is at this offset in the stream. coding names what is undone:
	// "chunked", "gzip", "chunked, gzip", ….
	Begin(offset int64, coding string)
	// Bytes receives decoded bytes, valid until it returns. All of them come from stream bytes before end; m is the
	// packet that carried the last. It returns false to stop this body.
	Bytes(b []byte, end int64, m find.Mark) bool
	// Skip says that n decoded bytes are not known.
	Skip(n int64, m find.Mark)
	// End ends the body; whole says whether all of it was decoded.
	End(whole bool)
	// Undecoded says that a body at offset could not be decoded, and why.
	Undecoded(offset int64, why string)
}

// Shared is what the two directions of a connection and all connections of a capture have in common.
// It is not safe for concurrent use.
type Shared struct {
	headers   int // bytes of headers that wait for their end
	inflaters int // in use
	spare     []*inflater
}

// Bounds.
const (
	maxHeader    = 32 << 10 // bytes of one header
	maxHeaders   = 2 << 20  // bytes of headers that wait, in all streams
	maxLine      = 4 << 10  // bytes of a chunk's size and extensions, or of a trailer
	maxInflaters = 64
	maxRequests  = 1024 // requests that wait for their response
)

// Requests are those of a connection that wait for a response: a response's framing depends on the method.
type Requests struct{ methods []string }

func (r *Requests) push(method string) {
	if len(r.methods) < maxRequests {
		r.methods = append(r.methods, method)
	}
}

func (r *Requests) pop() string {
	if len(r.methods) == 0 {
		return ""
	}
	m := r.methods[0]
	r.methods = r.methods[1:]
	return m
}
