package flow

import (
	"net/netip"
	"time"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// EventKind is what happened at a packet.
type EventKind string

const (
	EventSYN            EventKind = "SYN"
	EventSYNACK         EventKind = "SYN-ACK"
	EventEstablished    EventKind = "established"    // the client's acknowledgement of the SYN-ACK
	EventRetransmission EventKind = "retransmission" // as Connection.Retransmissions counts them
	EventFIN            EventKind = "FIN"            // the first of its direction
	EventReset          EventKind = "reset"
)

// Event is something that happened to a connection, at one packet. See
// [Options.Events].
type Event struct {
	Kind      EventKind
	Packet    uint64 // number in the capture, from 1
	Time      time.Time
	Client    netip.AddrPort
	Server    netip.AddrPort
	First     uint64    // Connection.FirstPacket of its connection: four-tuples can be reused
	Direction Direction // of the packet
	Offset    int64     // in that direction's stream, of the packet's first byte
	Length    int64     // bytes of data that the packet has
}

// moment is what an event is told by: the state of a connection before and after
// a segment.
type moment struct {
	state           state
	retransmissions uint64
	fins            [2]bool
	resets          bool
}

func (c *conn) moment() moment {
	w := moment{state: c.state, retransmissions: c.sum.Retransmissions, resets: c.resetBy != 0 || c.refused}
	for f, s := range c.streams {
		w.fins[f] = s != nil && s.fin >= 0
	}
	return w
}

// happened reports what a segment of c has changed.
func (t *tracker) happened(c *conn, was moment, side int, s *segment.Segment, m find.Mark, duplicate bool) {
	now, f := c.moment(), c.from(side)
	var kinds []EventKind
	syn := s.Flags & (segment.SYN | segment.ACK | segment.RST)
	switch {
	case now.retransmissions > was.retransmissions:
		kinds = append(kinds, EventRetransmission)
	case duplicate:
	case syn == segment.SYN:
		kinds = append(kinds, EventSYN)
	case syn == segment.SYN|segment.ACK:
		kinds = append(kinds, EventSYNACK)
	}
	if now.state == stateEstablished && was.state != stateEstablished {
		kinds = append(kinds, EventEstablished)
	}
	if now.fins[f] && !was.fins[f] {
		kinds = append(kinds, EventFIN)
	}
	if now.resets && !was.resets {
		kinds = append(kinds, EventReset)
	}
	if len(kinds) == 0 {
		return
	}
	e := Event{
		Packet: m.Packet, Time: unix(m.Time), Client: c.sum.Client, Server: c.sum.Server, First: c.sum.FirstPacket,
		Direction: ToServer, Length: int64(s.Length),
	}
	if f == 1 {
		e.Direction = ToClient
	}
	if st := c.streams[f]; st != nil && st.started && s.Flags&segment.SYN == 0 {
		e.Offset = st.offset(s.Seq)
	}
	for _, e.Kind = range kinds {
		t.opts.Events(e)
	}
}
