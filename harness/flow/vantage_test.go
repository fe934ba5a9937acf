package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// along captures every packet at places along a path of the connection: interface 0 at the server, the last at the client.
// Each hop takes a millisecond. order says in which order the copies of a packet stand in the file.
func along(s *script, places int, order func(i int, copies []packet)) {
	s.names = nil
	for i := range places {
		s.names = append(s.names, fmt.Sprintf("p%d", i))
	}
	var all []packet
	for i, p := range s.packets {
		var copies []packet
		for k := range places {
			c := p
			c.iface = k
			if fromClient := p.data[14+20+1] != 0x39; fromClient { // the low byte of source port 12345 is 0x39
				c.iface = places - 1 - k
			}
			c.time += int64(k) * 1e6
			copies = append(copies, c)
		}
		order(i, copies)
		all = append(all, copies...)
	}
	s.packets = all
}

// A connection seen at three places is counted as at one, whichever copy the file has first, and the statistics are those
// of a capture at one place.
func TestVantage(t *testing.T) {
	build := func(s *script) {
		k := s.talk(h2, server, 1000, 5000).open()
		k.say(true, novelA[:10000])
		k.raw(true, "PA", k.sSeq-1460, k.cSeq, novelA[8540:10000]) // again
		k.ackClient()
		k.say(true, novelA[10000:]).close()
		s.each(func(f []byte) []byte { return f })
	}
	alone := newScript(t)
	build(alone)
	want := analyze(t, alone.pcapng(), corpus()...).Connections[0]
	for name, order := range map[string]func(i int, c []packet){
		"as it passes": func(int, []packet) {},
		"by turns": func(i int, c []packet) {
			if i > 1 && i%2 == 1 {
				c[0], c[2] = c[2], c[0]
			}
		},
	} {
		s := newScript(t)
		build(s)
		along(s, 3, order)
		a := analyze(t, s.pcapng(), corpus()...)
		if got := letters(a.Judge(claim("A"))); got != "PPPPP" {
			t.Errorf("%s: %s", name, got)
		}
		c := a.Connections[0]
		if len(a.Connections) != 1 || c.Segments != want.Segments || c.Retransmissions != 1 || c.OutOfOrder != 0 || c.DuplicateAcks != want.DuplicateAcks || c.FilledIn != 0 {
			t.Errorf("%s: %d segments of %d, %d retransmissions, %d out of order, %d and %d duplicate acks, %d filled in",
				name, c.Segments, want.Segments, c.Retransmissions, c.OutOfOrder, c.DuplicateAcks, want.DuplicateAcks, c.FilledIn)
		}
		if c.Interface != "p0" || c.ClientInterface != "p2" {
			t.Errorf("%s: counted at %s and %s", name, c.Interface, c.ClientInterface)
		}
		for _, part := range []string{"3 interfaces", "p0 for what servers send", "p2 for what clients send", "nearest to its sender"} {
			if !strings.Contains(a.Vantage, part) {
				t.Errorf("%s: %q does not say %q", name, a.Vantage, part)
			}
		}
	}
	if alone := analyze(t, alone.pcapng()); alone.Vantage != "" {
		t.Errorf("one interface: %q", alone.Vantage)
	}
}

// What the vantage point lacks another place has: it fills in, and is not counted.
func TestVantageFillsIn(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().serve("A", novelA).close()
	along(s, 2, func(int, []packet) {})
	for i, p := range s.packets {
		if p.iface == 0 && len(p.data) > 1400 {
			s.remove(i)
			break
		}
	}
	a := analyze(t, s.pcapng(), corpus()...)
	if got := letters(a.Judge(claim("A"))); got != "PPPPP" || a.Connections[0].FilledIn != 1 {
		t.Errorf("%s, %d filled in", got, a.Connections[0].FilledIn)
	}
	if !strings.Contains(a.Vantage, "1 segment was seen elsewhere only") {
		t.Error(a.Vantage)
	}
}

// Round trips are those of the path from where the data is counted; the one of a segment sent again is not used.
func TestRoundTrips(t *testing.T) {
	s := newScript(t) // each packet comes 100 us after the one before
	k := s.talk(h2, server, 1000, 5000).open()
	s.now += 2e6
	k.say(true, novelA[:1460*3])
	k.raw(true, "PA", k.sSeq, k.cSeq, novelA[1460*3:1460*4])
	s.now += 50e6
	k.raw(true, "PA", k.sSeq, k.cSeq, novelA[1460*3:1460*4])
	k.sSeq += 1460
	k.ackClient()
	k.raw(true, "PA", k.sSeq, k.cSeq, novelA[1460*4:1460*5])
	k.sSeq += 1460
	s.now += 5e6
	k.ackClient()
	k.close()
	c := analyze(t, s.pcapng()).Connections[0]
	want := RoundTrips{Samples: 4, Min: 100 * time.Microsecond, Mean: 1350 * time.Microsecond, Max: 5100 * time.Microsecond}
	if c.ToClientTrips != want {
		t.Errorf("%+v, want %+v", c.ToClientTrips, want)
	}
	if c.Estimate() != 200*time.Microsecond {
		t.Errorf("estimate %v", c.Estimate())
	}
	s.packets = s.packets[3:]
	if c := analyze(t, s.pcapng()).Connections[0]; c.Estimate() != 100*time.Microsecond || c.RoundTrip != 0 {
		t.Errorf("without the handshake: %v", c.Estimate())
	}
}
