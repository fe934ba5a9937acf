package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/series"
)

// A rung is one line of a sequence diagram: an arrow from one lifeline to the other, and what it carries.
type rung struct {
	At       string // since the connection's first packet
	Packet   uint64
	ToServer bool
	Bulk     bool // many segments
	Again    bool
	Text     string
	More     string // a second, softer text
	Full     string // for the pointer, where Text is cut; "": nothing

	time time.Time
}

// Way says the direction in words, for those who do not see the arrow.
func (r rung) Way() string {
	if r.ToServer {
		return "client to server"
	}
	return "server to client"
}

// maxRungs bounds a diagram: beyond that nobody reads on.
const maxRungs = 120

const requestLength = 60

// ladder is the sequence diagram of a connection: what its packets say of handshake, requests and close, and where the judge
// found files.
func ladder(c connection, s *series.Connection) (rungs []rung, left int) {
	if s != nil {
		for _, e := range s.Events {
			rungs = append(rungs, fromEvent(e))
		}
		left = int(s.EventsNotListed)
	}
	for _, f := range c.Found {
		took := f.LastTime.Sub(f.Time)
		r := rung{time: f.Time, Packet: f.Packet, ToServer: f.Direction == flow.ToServer, Bulk: true, Text: f.Name}
		r.More = size(uint64(f.Size))
		if f.Size > 0 && took > 0 {
			r.More += " in " + seconds(took)
		}
		r.Full = fmt.Sprintf("%s: %s bytes from offset %s of the stream on, packets %d to %d", f.Name, thousands(f.Size), thousands(f.Offset), f.Packet, f.LastPacket)
		rungs = append(rungs, r)
	}
	slices.SortStableFunc(rungs, func(a, b rung) int { return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.Packet, b.Packet)) })
	first := c.First
	if s != nil {
		first = s.First
	}
	for i := range rungs {
		rungs[i].At = clock(rungs[i].time.Sub(first))
	}
	if len(rungs) > maxRungs {
		// The end is worth more than the middle.
		const end = 12
		left += len(rungs) - maxRungs
		rungs = slices.Concat(rungs[:maxRungs-end], rungs[len(rungs)-end:])
	}
	return rungs, left
}

func fromEvent(e series.Event) rung {
	r := rung{time: e.Time, Packet: e.Packet, ToServer: e.FromClient, Again: e.Again}
	switch e.Kind {
	case series.SYN:
		r.Text = "SYN"
	case series.SYNACK:
		r.Text = "SYN, ACK"
	case series.Established:
		r.Text, r.More = "ACK", "established"
	case series.FIN:
		r.Text = "FIN"
	case series.RST:
		r.Text = "RST"
	case series.Request:
		r.Text = shown(e.Text, requestLength)
		r.More = count(int(e.Bytes), "byte")
		if e.Count > 1 {
			r.Bulk = true
			r.More = fmt.Sprintf("%s times in %s", thousands(e.Count), seconds(e.Last.Sub(e.Time)))
		}
		if full := shown(e.Text, len(e.Text)); full != r.Text {
			r.Full = full
		}
	}
	return r
}

// clock writes a time since the beginning with microseconds, so that columns of it can be compared.
func clock(d time.Duration) string {
	return strings.Replace(strconv.FormatFloat(d.Seconds(), 'f', 6, 64), "-", "−", 1)
}
