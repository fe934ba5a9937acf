package series

import "time"

// A Kind says what an event is.
type Kind uint8

const (
	SYN         Kind = iota // by the client, or by both
	SYNACK                  // the server's answer
	Established             // the client's acknowledgement of it
	Request                 // data from the client
	FIN
	RST
)

// An Event is one segment that a sequence diagram shows, or several in a row that are alike.
type Event struct {
	Kind       Kind
	FromClient bool
	Again      bool      // a retransmission
	Packet     uint64    // number in the capture, from 1, of the first segment
	Time       time.Time // of the first segment
	Last       time.Time // of the last one
	Count      uint64    // segments
	Offset     int64     // in the stream, of the first segment
	Bytes      int64     // of data, in all of them
	// Text is the beginning of a request, at most 256 bytes as they came: anyone may have written them.
	Text string
}

const maxText = 256

// sparedForClose is how many events of the handshake and the close are listed beyond Options.Events.
const sparedForClose = 16

// event lists e. Requests that repeat the one before become one event, such as the acknowledgements by hand of a
// stop-and-wait protocol.
func (c *conn) event(o *Options, e Event) {
	e.Last = e.Time
	e.Count = 1
	if n := len(c.out.Events); n > 0 && e.Kind == Request {
		if last := &c.out.Events[n-1]; last.Kind == Request && last.Text == e.Text && last.Again == e.Again {
			last.Count++
			last.Bytes += e.Bytes
			last.Last = e.Time
			return
		}
	}
	limit := o.Events
	if e.Kind != Request {
		limit += sparedForClose
	}
	if len(c.out.Events) >= limit {
		c.out.EventsNotListed++
		return
	}
	c.out.Events = append(c.out.Events, e)
}
