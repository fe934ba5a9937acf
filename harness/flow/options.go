package flow

import (
	"io"
	"net/netip"
	"time"
)

// DefaultMemoryBytes is the memory of [Options] whose MemoryBytes is zero. With
// the Go runtime's own and its garbage collector's headroom the process stays
// under 64 MiB, if that collector is set to [GCPercent].
const DefaultMemoryBytes = 9 << 20

// GCPercent is what a program that promises 64 MiB gives to
// [runtime/debug.SetGCPercent]. At Go's own 100 it can be a few MiB more, as
// thousands of connections come and go faster than their memory is collected.
const GCPercent = 50

// Options says what [Analyze] looks for. The zero value looks for connections
// only.
type Options struct {
	// Files are looked for in both directions of every connection. Nil: none.
	Files []File
	// Server keeps only connections to this server. A zero address keeps
	// any address, a zero port any port; the zero value keeps everything. It also
	// decides which end of a connection whose handshake is not in the capture is
	// the server.
	Server netip.AddrPort
	// MemoryBytes bounds the buffers: bytes that wait for an earlier segment, the
	// history that retransmissions are compared with, pieces of Files. Zero:
	// DefaultMemoryBytes. Less than 4 MiB: 4 MiB.
	MemoryBytes int64
	// Sink, if not nil, is asked once for each direction of each connection for
	// a receiver of that stream's bytes. It may return nil. c is the connection so
	// far; only its addresses and First are final.
	Sink func(c Connection, d Direction) Sink
	// Events, if not nil, is told of each event, in the order of the packets, by the
	// goroutine that called [Analyze].
	Events func(Event)
	// Body, if not nil, is asked once for each HTTP/1.1 body that has to be decoded (chunked, gzip, deflate) for a
	// writer of its content. It may return nil. Bytes that are not known are passed over by Seek, where the writer is
	// an io.Seeker. c is as for Sink.
	Body func(c Connection, d Direction, b Body) io.Writer
}

// Sink receives one direction of a connection, in order, each byte once. Its
// methods are called from the goroutine that called [Analyze].
type Sink interface {
	// Bytes receives the bytes at offset (from the first after the SYN). b is
	// valid until Bytes returns. packet is the number of the packet that
	// carried them, from 1, and t its time.
	Bytes(offset int64, b []byte, packet uint64, t time.Time)
	// Missing says that n bytes at offset are not in the capture.
	Missing(offset, n int64)
	// Done says that nothing more follows.
	Done()
}

// Direction is one of the two streams of a connection.
type Direction string

const (
	ToClient Direction = "to-client" // what the server sent
	ToServer Direction = "to-server" // what the client sent
)
