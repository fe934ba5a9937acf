package capture_test

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture"
)

// lateFrames sends a burst through a slow queue and then ends the capture at
// once: the queue still holds most of it.
func lateFrames(t *testing.T, nearRate, farRate string, end func(*capture.Capture)) (near, far int) {
	h1, s1 := pair(t)
	for _, q := range []struct {
		s          *space
		name, rate string
	}{{h1, "h1-eth0", nearRate}, {s1, "s1-eth1", farRate}} {
		// 60 frames of 1000 bytes take 0.24 s at 2 Mbit/s.
		q.s.run(t, "tc qdisc add dev "+q.name+" root handle 5: htb default 1")
		q.s.run(t, "tc class add dev "+q.name+" parent 5: classid 5:1 htb rate "+q.rate+" burst 1500")
	}
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{Far: []*capture.Sender{sender(t, s1, "s1-eth1")}})
	out, in := h1.raw(t, "h1-eth0"), s1.raw(t, "s1-eth1")
	for i := range uint32(lateCount) {
		out.send(t, i, 1000)
		in.send(t, i, 1000)
	}
	end(c)
	for _, p := range parse(t, buf.Bytes()).Packets {
		switch p.Flags & 3 {
		case inbound:
			far++
		case outbound:
			near++
		}
	}
	return near, far
}

const lateCount = 60

// Frames that wait in the queues of both ends when Stop is called are in the
// file, whichever end is the slower one.
func TestStopWaitsForQueues(t *testing.T) {
	for _, rate := range [][2]string{{"2mbit", "20mbit"}, {"20mbit", "2mbit"}} {
		near, far := lateFrames(t, rate[0], rate[1], func(c *capture.Capture) {
			if s := stop(t, c); !s.Complete {
				t.Errorf("stats: %+v", s)
			}
		})
		if near != lateCount || far != lateCount {
			t.Errorf("rates %v: %d frames out, %d in, want %d", rate, near, far, lateCount)
		}
	}
}

// Its twin: without the barrier they are missing, and nothing was dropped.
func TestWithoutBarrierFramesAreMissing(t *testing.T) {
	near, far := lateFrames(t, "100kbit", "100kbit", func(c *capture.Capture) { // for 5 s, however late Abort is called
		c.Abort()
		if s := c.Stats(); s.Dropped != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
	if near == lateCount || far == lateCount {
		t.Errorf("%d frames out, %d in: all are there without a barrier, so the test shows nothing", near, far)
	}
}

// A stop whose time is over says so, at once, and writes what it has.
func TestStopExpired(t *testing.T) {
	h1, _ := pair(t)
	h1.run(t, "tc qdisc add dev h1-eth0 root handle 5: htb default 1")
	h1.run(t, "tc class add dev h1-eth0 parent 5: classid 5:1 htb rate 100kbit burst 1500") // the queue holds frames for 5 s
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{})
	out := h1.raw(t, "h1-eth0")
	for i := range uint32(lateCount) {
		out.send(t, i, 1000)
	}
	s, err := c.Stop(within(t, time.Millisecond))
	if err != nil {
		t.Error(err)
	}
	if s.Complete || s.Reason == "" || s.Dropped != 0 {
		t.Errorf("stats: %+v", s)
	}
	f := parse(t, buf.Bytes())
	if n := len(f.Packets); n == 0 || n == lateCount || uint64(n) != s.Packets {
		t.Errorf("%d packets in the file: %+v", n, s)
	}
	if len(f.Statistics) != 1 {
		t.Errorf("%d statistics", len(f.Statistics))
	}
}

// What is in the ring is written also where no marker came: the block that the
// kernel still fills, too, and holds for longer than a writer is waited for.
func TestStopExpiredWritesRing(t *testing.T) {
	h1, _ := pair(t)
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{Retire: 2200 * time.Millisecond}) // and longer than a thread is held up
	out := h1.raw(t, "h1-eth0")
	for i := range uint32(100) {
		out.send(t, i, 100)
	}
	if s, err := c.Stop(within(t, time.Millisecond)); err != nil || s.Complete {
		t.Errorf("Stop: %+v, %v", s, err)
	}
	frames(t, parse(t, buf.Bytes()), 0, outbound, 100)
}

// A full queue, or a lossy link, eats markers: they are sent again.
func TestMarkersLost(t *testing.T) {
	h1, s1 := pair(t)
	s1.run(t, "tc qdisc add dev s1-eth1 root tbf rate 400kbit burst 1600 limit 3000")
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{Far: []*capture.Sender{sender(t, s1, "s1-eth1")}})
	in := s1.raw(t, "s1-eth1")
	full := false
	for i := uint32(0); !full; i++ { // up to a queue that takes not even a marker
		full = in.try(i, 60) == unix.ENOBUFS
		if i == 1000 {
			t.Fatal("the queue does not fill")
		}
	}
	if s := stop(t, c); !s.Complete {
		t.Errorf("stats: %+v", s)
	}
	parse(t, buf.Bytes())
}
