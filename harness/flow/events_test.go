package flow

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// Every event is told once, at its packet.
func TestEvents(t *testing.T) {
	s := newScript(t)
	k := s.talk(h2, server, 100, 5000)
	k.syn()                        // 1
	k.raw(false, "S", 100, 0, nil) // 2: again
	k.synAck()                     // 3
	k.ackClient()                  // 4
	k.say(true, []byte("hello"))   // 5, 6
	k.raw(true, "PA", k.sSeq-5, k.cSeq, []byte("hello"))
	k.ackClient() // 8
	k.raw(false, "FA", k.cSeq, k.sSeq, nil)
	k.cSeq++
	k.raw(true, "FA", k.sSeq, k.cSeq, []byte("tail")) // 10
	k.sSeq += 5
	k.ackClient() // 11
	k.raw(true, "R", k.sSeq, 0, nil)
	refused := s.talk(h3, server, 7, 9)
	refused.syn()
	refused.raw(true, "RA", 0, 8, nil)

	var got []string
	told := map[uint64]uint64{}
	a, err := Analyze(context.Background(), bytes.NewReader(s.pcapng()), Options{Events: func(e Event) {
		got = append(got, fmt.Sprintf("%d %s %s %d+%d", e.Packet, e.Kind, e.Direction, e.Offset, e.Length))
		told[e.First]++
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 SYN to-server 0+0", "2 retransmission to-server 0+0", "3 SYN-ACK to-client 0+0", "4 established to-server 0+0",
		"7 retransmission to-client 0+5", "9 FIN to-server 0+0", "10 FIN to-client 5+4",
		"13 SYN to-server 0+0", "14 reset to-client 0+0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := a.Connections; len(c) != 1 || told[c[0].FirstPacket] != 7 || told[a.Attempts[0].FirstPacket] != 2 {
		t.Errorf("events by first packet: %v", told)
	}
}

// There are as many retransmissions among the events as the connections count, whatever the capture.
func TestEventsAgreeWithTheCount(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			s := newScript(t)
			f.build(s)
			var told, last uint64
			a, err := Analyze(context.Background(), bytes.NewReader(s.pcapng()), Options{Files: corpus(), Events: func(e Event) {
				if e.Kind == EventRetransmission {
					told++
				}
				if e.Packet < last {
					t.Errorf("packet %d after %d", e.Packet, last)
				}
				last = e.Packet
			}})
			if err != nil {
				t.Fatal(err)
			}
			var counted uint64
			for _, c := range append(a.Connections, a.Attempts...) {
				counted += c.Retransmissions
			}
			if told != counted {
				t.Errorf("%d retransmissions told of, %d counted", told, counted)
			}
		})
	}
}
