package series

import (
	"net/netip"
	"time"
)

// A Series is what a capture shows of its connections over time. It is plain data.
type Series struct {
	Connections []Connection // in the order of their first packet
	// NotFollowed counts the SYNs of connections past Options.Connections, each time they were sent.
	NotFollowed uint64
	Packets     uint64 // read, of any kind
	CutShort    bool   // the file breaks off: what came before is here
	First, Last time.Time
}

// A Connection is one TCP connection, or an attempt at one. Bytes are the stream's: offset 0 is the first after the SYN.
type Connection struct {
	Client, Server netip.AddrPort
	ServerISN      uint32 // where a SYN-ACK was seen, else 0
	Established    bool   // the client acknowledged the SYN-ACK
	First, Last    time.Time
	// HandshakeRTT runs from the SYN-ACK to its acknowledgement: the round trip from where the capture was made to the client
	// and back. Zero: not seen.
	HandshakeRTT time.Duration

	ToClient, ToServer Totals

	Width time.Duration // of a bin
	Bins  []Bin         // from First on; those at the end that nothing fell into are left out

	Events          []Event
	EventsNotListed uint64
}

// Totals are those of one direction.
type Totals struct {
	Segments uint64 // with or without data
	Again    uint64 // of them: whose data, SYN or FIN had been seen before, all or partly
	Bytes    uint64 // of data, those sent again included
	Length   int64  // of the stream, as far as it was seen
}

// A Bin is what passed within one Width of time.
type Bin struct{ ToClient, ToServer Flow }

// A Flow is what one direction did within a bin.
type Flow struct {
	Segments, Again uint32
	Bytes           uint64 // of data, those sent again included
	Sent            Span   // of the stream, what was sent for the first time
	SentAgain       Span   // and what was not
	Acked           int64  // how far the other end had acknowledged, at the end of the bin; 0: nothing was in it
	// Round trips: from a segment with data, sent once, to its acknowledgement, as seen where the capture was made.
	RTTMin, RTTMax, RTTSum time.Duration
	RTTs                   uint32
}

// A Span is a stretch of a stream. Empty: Low is High.
type Span struct{ Low, High int64 }

// Empty says whether nothing is in the span.
func (s Span) Empty() bool { return s.High <= s.Low }

func (s *Span) add(o Span) {
	switch {
	case o.Empty():
	case s.Empty():
		*s = o
	default:
		s.Low, s.High = min(s.Low, o.Low), max(s.High, o.High)
	}
}

// add merges a later bin of the same direction into f.
func (f *Flow) add(o Flow) {
	f.Segments += o.Segments
	f.Again += o.Again
	f.Bytes += o.Bytes
	f.Sent.add(o.Sent)
	f.SentAgain.add(o.SentAgain)
	f.Acked = max(f.Acked, o.Acked)
	if o.RTTs == 0 {
		return
	}
	if f.RTTs == 0 {
		f.RTTMin = o.RTTMin
	}
	f.RTTMin, f.RTTMax = min(f.RTTMin, o.RTTMin), max(f.RTTMax, o.RTTMax)
	f.RTTSum += o.RTTSum
	f.RTTs += o.RTTs
}

func (f *Flow) roundTrip(d time.Duration) {
	f.add(Flow{RTTMin: d, RTTMax: d, RTTSum: d, RTTs: 1})
}
