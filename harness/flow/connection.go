package flow

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// What the capture shows of a connection's beginning.
const (
	HandshakeComplete     = "complete"     // SYN-ACK seen and acknowledged by the client
	HandshakeSimultaneous = "simultaneous" // both ends sent a SYN (RFC 9293, 3.5); one connection
	HandshakePartial      = "partial"      // the SYN-ACK is not in the capture, yet data or acknowledgements follow
	HandshakeMissing      = "missing"      // the capture began after the handshake
	HandshakeHalfOpen     = "half-open"    // SYN-ACK seen, never acknowledged
	HandshakeRefused      = "refused"      // the SYN was answered by a reset
	HandshakeUnanswered   = "unanswered"   // only the SYN was seen
)

// How a connection ended.
const (
	ClosedFIN       = "FIN both ways"
	ClosedFINClient = "FIN by the client only"
	ClosedFINServer = "FIN by the server only"
	ClosedRSTClient = "reset by the client"
	ClosedRSTServer = "reset by the server"
	ClosedNot       = "still open at the end of the capture"
	ClosedReused    = "four-tuple reused without a close"
)

// Connection is one TCP connection: distinct client address and port, server
// address and port, and initial sequence number of the server.
type Connection struct {
	Client    netip.AddrPort `json:"client"`
	Server    netip.AddrPort `json:"server"`
	ClientISN uint32         `json:"client_isn"`
	ServerISN uint32         `json:"server_isn"`
	Handshake string         `json:"handshake"` // a Handshake constant
	ClosedBy  string         `json:"closed_by"` // a Closed constant
	Reused    bool           `json:"reused"`    // the four-tuple had a connection before
	// Files are the runs of bytes equal to a file of Options.Files, in both
	// directions, in the order of Direction (ToClient first) and Offset. They may
	// overlap: a file inside another is listed too.
	Files []Found `json:"files"`
	// Mismatches holds, for each file with no whole run in the server's stream, the
	// longest beginning of it that was seen in one.
	Mismatches []Mismatch `json:"mismatches,omitempty"`

	Segments          uint64        `json:"segments"`        // in both directions, without duplicates of the capture
	Retransmissions   uint64        `json:"retransmissions"` // segments whose sequence space (data, SYN or FIN) was all or partly seen before; no keep-alives
	Disagreements     uint64        `json:"disagreements"`   // retransmissions whose bytes differ from those seen first
	NotCompared       uint64        `json:"not_compared"`    // bytes of retransmissions older than the history, in no file
	FirstDisagreement string        `json:"first_disagreement,omitempty"`
	KeepAlives        uint64        `json:"keep_alives"`  // keep-alive and zero-window probes
	OutOfOrder        uint64        `json:"out_of_order"` // segments that came after a later one, seen for the first time
	DuplicateAcks     uint64        `json:"duplicate_acks"`
	ZeroWindows       uint64        `json:"zero_windows"`          // segments that announced a window of zero
	MissingBytes      uint64        `json:"missing_bytes"`         // acknowledged by the receiver, never seen
	Limited           string        `json:"limited,omitempty"`     // the bound of the verifier that was reached, or ""
	Undecoded         string        `json:"undecoded,omitempty"`   // HTTP bodies that could not be decoded, or ""
	RoundTrip         time.Duration `json:"round_trip_ns"`         // SYN to the client's acknowledgement of the SYN-ACK; 0: not seen
	ToClientTrips     RoundTrips    `json:"to_client_round_trips"` // of data to the client, from where it is counted
	ToServerTrips     RoundTrips    `json:"to_server_round_trips"`
	BytesToClient     uint64        `json:"bytes_to_client"` // stream bytes, each once
	BytesToServer     uint64        `json:"bytes_to_server"`
	Holes             []Hole        `json:"holes,omitempty"`   // the first 16 in each direction
	FirstPacket       uint64        `json:"first_packet"`      // number in the capture, from 1
	Capture           string        `json:"capture,omitempty"` // of several captures, the one that FirstPacket is in
	First             time.Time     `json:"first"`
	Last              time.Time     `json:"last"`
	// Interface is where the server's packets were seen first, ClientInterface the same for the client's. There
	// they are counted; what other interfaces of the capture saw of them only fills in what is missing.
	Interface       string `json:"interface,omitempty"`
	ClientInterface string `json:"client_interface,omitempty"`
	FilledIn        uint64 `json:"filled_in,omitempty"` // segments with bytes that only other interfaces saw

	toClient, toServer evidence
}

// evidence is what a judgement needs to know of a stream beyond its bytes.
type evidence struct {
	whole       bool // seen from its first byte to its last one, without a hole
	ended       bool // by a FIN, or by a reset of the connection
	occurrences []find.Occurrence
	unsearched  []find.Stretch
	clipped     bool         // occurrences may be missing
	bounded     map[int]bool // files whose search gave up on some places
	length      int64
}

func (c *Connection) evidence(d Direction) *evidence {
	if d == ToClient {
		return &c.toClient
	}
	return &c.toServer
}

// open says why a stream may hold more than was seen, or "".
func (c *Connection) open(d Direction) string {
	e := c.evidence(d)
	switch {
	case !c.sure():
		return fmt.Sprintf("the handshake is not in the capture (%s)", c.Handshake)
	case c.Limited != "":
		return c.Limited
	case !e.whole:
		for _, h := range c.Holes {
			if h.Direction == d {
				return fmt.Sprintf("%s bytes at stream offset %s %s are missing (%s)", thousands(h.Length), thousands(h.Offset), d, h.Reason)
			}
		}
		return "its beginning is not in the capture"
	case !e.ended:
		return "the capture ends before the connection does"
	}
	return ""
}

// dark says why a file may be in a stream and was not found, or "".
func (c *Connection) dark(d Direction) string {
	if reason := c.open(d); reason != "" {
		return reason
	}
	return c.Undecoded
}

// Hole is a stretch of a stream that the receiver acknowledged and the capture
// does not hold.
type Hole struct {
	Direction Direction `json:"direction"`
	Offset    int64     `json:"offset"` // in the stream
	Length    int64     `json:"length"` // bytes
	Reason    string    `json:"reason"` // what is known of why
}

// Found is one run of stream bytes that equals a file.
type Found struct {
	Name      string    `json:"name"`
	Direction Direction `json:"direction"`
	Offset    int64     `json:"offset"` // in the stream, of the file's first byte
	Size      int64     `json:"size"`
	// Unseen bytes of the run lie in holes; all others agree. Zero: all were seen.
	Unseen     int64     `json:"unseen,omitempty"`
	Packet     uint64    `json:"packet"` // the packet in which the first byte was seen
	Time       time.Time `json:"time"`
	LastPacket uint64    `json:"last_packet"` // the one that completed the run
	LastTime   time.Time `json:"last_time"`
	// Of several captures, those that Packet and LastPacket are in.
	Capture     string `json:"capture,omitempty"`
	LastCapture string `json:"last_capture,omitempty"`
	// Decoded says that the file is not in the stream as it is, but in the content of an HTTP body, and which
	// codings were undone: "chunked", "gzip", "chunked, gzip". Offset is then that of the body's first byte in
	// the stream.
	Decoded string `json:"decoded,omitempty"`
	Body    int    `json:"body,omitempty"`         // the number of the body, as in Options.Body
	InBody  int64  `json:"in_body,omitempty"`      // offset of the file in the decoded body
	Encoded int64  `json:"encoded_size,omitempty"` // bytes of the stream from Offset to where the file ends
}

// end is the offset in the stream behind the run.
func (f *Found) end() int64 {
	if f.Decoded != "" {
		return f.Offset + f.Encoded
	}
	return f.Offset + f.Size
}

// Mismatch is the longest beginning of a file that a stream held.
type Mismatch struct {
	Name      string    `json:"name"`
	Direction Direction `json:"direction"`
	Offset    int64     `json:"offset"`            // in the stream, where the file would begin
	Agreed    int64     `json:"agreed"`            // bytes that agree: the file offset of the first that does not
	Decoded   string    `json:"decoded,omitempty"` // as in Found; Offset is then that of the body
	Ended     bool      `json:"ended"`             // the stream ended there: nothing differs, the rest is absent
	Expected  byte      `json:"expected"`          // the file's byte (not if Ended)
	Saw       byte      `json:"saw"`               // the stream's
	Packet    uint64    `json:"packet"`            // that carried it
	Capture   string    `json:"capture,omitempty"`
	Time      time.Time `json:"time"`
}
