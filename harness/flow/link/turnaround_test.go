package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// answer is an acknowledgement of the first n bytes by the receiver of what tcp makes.
func answer(n uint32) []byte {
	b := tcp(1, 0, false)
	copy(b[26:], "\x0a\x00\x00\x02\x0a\x00\x00\x01")
	binary.BigEndian.PutUint16(b[34:], 12345)
	binary.BigEndian.PutUint16(b[36:], 40000)
	binary.BigEndian.PutUint32(b[42:], n)
	return b
}

func TestForwarded(t *testing.T) {
	in := func(list ...packet) []byte { return receivedBy(list...).bytes(t) }
	one, two, other := tcp(1, 100, false), tcp(2, 100, false), tcp(3, 100, false)
	// A frame that went elsewhere, one from each of two ports, and an identical one that came twice and was lost once.
	a := in(packet{at: 0, data: one}, packet{at: ms, data: other}, packet{at: 20 * ms, data: one}, packet{at: 21 * ms, data: one})
	b := in(packet{at: 2 * ms, data: two}, packet{at: 3 * ms, data: arp(1)})
	sent := sentBy(packet{at: 5 * ms, data: one}, packet{at: 9 * ms, data: two}, packet{at: 27 * ms, data: one},
		packet{at: 28 * ms, data: tcp(9, 1, false)}).bytes(t) // the last is of nobody
	d, err := Forwarded(context.Background(), bytes.NewReader(sent), bytes.NewReader(a), bytes.NewReader(b))
	if err != nil || d.Packets != 3 || d.Min != 5*ms || d.Max != 7*ms {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := Forwarded(context.Background(), bytes.NewReader(sent), strings.NewReader("no capture, and long enough to be one")); err == nil {
		t.Error("no capture is taken for one")
	}
}

func TestAnswered(t *testing.T) {
	segment := func(at time.Duration, id uint32, payload int) packet {
		return packet{at: at, data: tcp(id, payload, false), flags: pcapng.Inbound}
	}
	ack := func(at time.Duration, n uint32) packet {
		return packet{at: at, data: answer(n), flags: pcapng.Outbound}
	}
	capture := sentBy(
		segment(0, 1000, 100), ack(5*ms, 1100),
		segment(6*ms, 1100, 100), segment(7*ms, 1200, 100), ack(12*ms, 1300), // one for two
		// The segment comes again while a copy of its acknowledgement is on its way: that is no answer to it.
		segment(13*ms, 1200, 100), ack(14*ms, 1300),
		segment(15*ms, 5000, 0), ack(16*ms, 5000), // without a byte there is nothing to acknowledge
	).bytes(t)
	d, err := Answered(context.Background(), bytes.NewReader(capture), bytes.NewReader(capture))
	if err != nil || d.Packets != 2 || d.Min != 5*ms || d.Max != 5*ms {
		t.Errorf("%+v, %v", d, err)
	}
}

// A delay ahead of the capture is judged by the turnaround: too short fails, too long shows nothing.
func TestTurnaroundIsJudged(t *testing.T) {
	for _, test := range []struct {
		quickest time.Duration
		want     flow.Verdict
		text     string
	}{
		{5*ms + ms/10, flow.Pass, "10 packets left 5.1ms and more after what caused them"},
		{3 * ms, flow.Fail, "left sooner than 5ms"},
		{9 * ms, flow.Inconclusive, "the machine was too slow"},
	} {
		e := seen(500, ms)
		for i := range 10 {
			e.Turnaround.add(test.quickest + time.Duration(i)*ms)
		}
		e.Turnaround.finish()
		var found bool
		for _, c := range Judge(topo.LinkParams{Delay: 5 * ms}, e, Counters{Engine: "netem", Place: Before}, 0) {
			if strings.Contains(c.Detail, test.text) {
				found = true
				if c.Verdict != test.want {
					t.Errorf("%v: %v %s", test.quickest, c.Verdict, c.Detail)
				}
			}
		}
		if !found {
			t.Errorf("%v: no check says %q", test.quickest, test.text)
		}
	}
}

// What is forgotten makes room, and memory does not grow.
func TestCausesAreForgotten(t *testing.T) {
	c := newCauses()
	for i := range uint64(3 * remembered) {
		c.add(i, int64(i))
		if i%2 == 0 {
			c.take(i)
		}
	}
	if len(c.at) > remembered {
		t.Errorf("%d causes are kept", len(c.at))
	}
	if _, ok := c.take(1); ok {
		t.Error("the oldest is not forgotten")
	}
	if at, ok := c.take(3*remembered - 1); !ok || at != 3*remembered-1 {
		t.Errorf("the newest: %d, %v", at, ok)
	}
}
