package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// world is a link of which all is known.
type world struct {
	sent, received file
	truth          Evidence
	delays         []time.Duration
}

// imagine makes one: n packets, of which some are lost, doubled, damaged, held up, or do not count.
func imagine(r *rand.Rand, n int, offload bool) world {
	var w world
	w.sent, w.received = sentBy(), receivedBy()
	type landing struct {
		packet
		number int
		first  bool
		counts bool
	}
	var landings []landing
	loss, double, damage, late := r.Float64()*0.3, r.Float64()*0.3, r.Float64()*0.3, r.Float64()
	at := time.Duration(0)
	index := uint64(0)
	for i := range n {
		at += time.Duration(r.IntN(200_000))
		var out, in []byte
		counts := true
		switch id := uint32(i); r.IntN(8) {
		case 0:
			out, counts = arp(0), false
			binary.BigEndian.PutUint64(out[30:], uint64(i+1)*0x9e3779b97f4a7c15) // no two are nearly alike
			in = out
		case 1:
			out = udp6(id, r.IntN(100))
			in = out
			if len(out) < 66 {
				out = udp6(id, 8)
				in = out
			}
		default:
			size := r.IntN(1460)
			out, in = tcp(id, size, false), tcp(id, size, false)
			if offload && r.IntN(2) == 0 {
				out = tcp(id, size, true)
			}
		}
		w.sent.packets = append(w.sent.packets, packet{at: at, data: out})
		if r.IntN(10) == 0 { // what goes the other way is none of our business
			back := tcp(uint32(1<<30+i), 10, false)
			w.sent.packets = append(w.sent.packets, packet{at: at, data: back, flags: pcapng.Inbound})
			w.received.packets = append(w.received.packets, packet{at: at, data: back, flags: pcapng.Outbound})
		}
		t := &w.truth
		if counts {
			t.Sent++
			t.SentBytes += uint64(len(out))
			index++
		} else {
			t.OtherSent++
		}
		if r.Float64() < loss {
			if counts {
				t.Lost++
				t.LostIndices = append(t.LostIndices, index-1)
			} else {
				t.OtherLost++
			}
			continue
		}
		delay := time.Duration(1_000_000 + r.IntN(1000))
		if r.Float64() < late {
			delay += time.Duration(r.IntN(5_000_000))
		}
		copies := 1
		if r.Float64() < double {
			copies = 2
		}
		for c := range copies {
			data := in
			damaged := r.Float64() < damage
			if damaged {
				from := 0
				if !bytes.Equal(in, out) {
					from = 34 * 8 // where the checksum was filled in, the headers before it have to be right
				}
				data = flipped(in, from+r.IntN(len(in)*8-from))
			}
			landings = append(landings, landing{packet{at: at + delay, data: data}, i, c == 0, counts})
			if counts {
				t.ReceivedBytes += uint64(len(in))
			}
			switch {
			case c == 0 && counts:
				t.Received++
				w.delays = append(w.delays, delay)
				if damaged {
					t.Corrupted++
				}
			case c == 1 && counts:
				t.Duplicated++
				if damaged {
					t.CorruptedCopies++
				}
			case c == 1:
				t.OtherDuplicated++
			}
			delay += time.Duration(r.IntN(20_000))
		}
	}
	slices.SortStableFunc(landings, func(a, b landing) int { return int(a.at - b.at) })
	latest := -1
	for _, l := range landings {
		w.received.packets = append(w.received.packets, l.packet)
		if l.first && l.counts {
			if l.number < latest {
				w.truth.Reordered++
			}
			latest = max(latest, l.number)
		}
	}
	slices.SortStableFunc(w.received.packets, func(a, b packet) int { return int(a.at - b.at) })
	return w
}

func figures(e Evidence) string {
	return fmt.Sprintf("sent %d received %d lost %d %v duplicated %d reordered %d corrupted %d+%d early %d bytes %d %d other %d %d %d strangers %d",
		e.Sent, e.Received, e.Lost, e.LostIndices, e.Duplicated, e.Reordered, e.Corrupted, e.CorruptedCopies, e.Early, e.SentBytes, e.ReceivedBytes,
		e.OtherSent, e.OtherLost, e.OtherDuplicated, e.Strangers)
}

// What is seen is what happened.
func TestCompareIsTheTruth(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := imagine(r, 1+r.IntN(600), seed%3 == 0)
		e := compare(t, w.sent, w.received, Options{})
		if got, want := figures(e), figures(w.truth); got != want {
			t.Fatalf("seed %d:\n got %s\nwant %s", seed, got, want)
		}
		if len(e.Problems) > 0 {
			t.Errorf("seed %d: problems %q", seed, e.Problems)
		}
		d := slices.Sorted(slices.Values(w.delays))
		if len(d) == 0 {
			continue
		}
		near := func(got time.Duration, rank int) bool { return got <= d[rank] && got >= d[rank]-d[rank]/steps-1 }
		n := len(d)
		if e.Delay.Min != d[0] || e.Delay.Max != d[n-1] || !near(e.Delay.Median, (n+1)/2-1) || !near(e.Delay.P99, (99*n+99)/100-1) {
			t.Errorf("seed %d: delays %+v, want %v %v %v %v", seed, e.Delay, d[0], d[(n+1)/2-1], d[(99*n+99)/100-1], d[n-1])
		}
	}
}

// Identical frames are matched in their order: their numbers are right, and so are losses at the end.
func TestIdenticalFrames(t *testing.T) {
	same := func(times ...time.Duration) (list []packet) {
		for _, at := range times {
			list = append(list, packet{at: at * time.Millisecond, data: tcp(1, 0, false)})
		}
		return list
	}
	for _, c := range []struct {
		name                        string
		sent, received              []packet
		lost, duplicated, reordered uint64
		max                         time.Duration
	}{
		{"each after the other", same(0, 10, 20), same(5, 15, 25), 0, 0, 0, 5},
		{"all on their way at once", same(0, 1, 2), same(50, 51, 52), 0, 0, 0, 50},
		{"one of three lost", same(0, 1, 2), same(50, 51), 1, 0, 0, 50},
		{"one doubled", same(0, 10), same(5, 6, 15), 0, 1, 0, 5},
	} {
		e := compare(t, sentBy(c.sent...), receivedBy(c.received...), Options{})
		if e.Lost != c.lost || e.Duplicated != c.duplicated || e.Reordered != c.reordered || e.Delay.Max != c.max*time.Millisecond || e.Strangers != 0 {
			t.Errorf("%s: %s, at most %v", c.name, figures(e), e.Delay.Max)
		}
	}
}

// Of identical frames, those that left the window are not waited for.
func TestIdenticalFramesLeaveTheWindow(t *testing.T) {
	var sent []packet
	for i := range 4 {
		sent = append(sent, packet{at: time.Duration(i) * time.Millisecond, data: tcp(1, 0, false)})
	}
	e := compare(t, sentBy(sent...), receivedBy(packet{at: 50 * time.Millisecond, data: sent[0].data}), Options{Window: 3})
	if e.Lost != 3 || !slices.Equal(e.LostIndices, []uint64{0, 2, 3}) || e.Delay.Max != 49*time.Millisecond {
		t.Errorf("%s, %v", figures(e), e.Delay.Max)
	}
}

// A clock that is off by less than the skew still leaves each packet recognised, in its order.
func TestEarly(t *testing.T) {
	var sent, received []packet
	for i := range 50 {
		at := time.Duration(i) * time.Millisecond
		sent = append(sent, packet{at: at + 3*time.Millisecond, data: tcp(uint32(i), 9, false)})
		received = append(received, packet{at: at, data: tcp(uint32(i), 9, false)})
	}
	e := compare(t, sentBy(sent...), receivedBy(received...), Options{})
	if e.Early != 50 || e.Received != 50 || e.Reordered != 0 || e.Delay.Min != -3*time.Millisecond || e.Strangers != 0 || len(e.Problems) > 0 {
		t.Errorf("early: %s %q", figures(e), e.Problems)
	}
	if e = compare(t, sentBy(sent...), receivedBy(received...), Options{Skew: time.Millisecond}); e.Strangers != 50 || e.Lost != 50 || len(e.Problems) != 1 {
		t.Errorf("a skew above what is allowed: %s %q", figures(e), e.Problems)
	}
}

// Checksums: filled in on the way is no damage; a bit inverted in one is.
func TestChecksums(t *testing.T) {
	for _, c := range []struct {
		name       string
		sent, came []byte
		corrupted  uint64
	}{
		{"as it was", tcp(1, 5, false), tcp(1, 5, false), 0},
		{"never filled in", tcp(1, 5, true), tcp(1, 5, true), 0},
		{"filled in", tcp(1, 5, true), tcp(1, 5, false), 0},
		{"filled in, then damaged", tcp(1, 5, true), flipped(tcp(1, 5, false), (14+20+16)*8), 1},
		{"damaged there", tcp(1, 5, false), flipped(tcp(1, 5, false), (14+20+17)*8+1), 1},
		{"damaged in the protocol's number", tcp(1, 5, false), flipped(tcp(1, 5, false), (14+9)*8+3), 1},
		{"damaged in the version", udp6(1, 5), flipped(udp6(1, 5), 14*8+5), 1},
	} {
		e := compare(t, sentBy(packet{data: c.sent}), receivedBy(packet{at: time.Millisecond, data: c.came}), Options{})
		if e.Received != 1 || e.Corrupted != c.corrupted || e.Strangers != 0 {
			t.Errorf("%s: %s", c.name, figures(e))
		}
	}
}

// A frame damaged in many bits is recognised by what remains if there is no choice, and no frame is made up.
func TestOnlyOneMissing(t *testing.T) {
	ruin := func(b []byte) []byte { return flipped(flipped(flipped(b, 300), 420), 431) }
	sent := []packet{{data: tcp(1, 50, false)}, {at: 1, data: tcp(2, 50, false)}, {at: 2, data: tcp(3, 51, false)}}
	e := compare(t, sentBy(sent...), receivedBy(packet{at: 3, data: ruin(sent[0].data)}, packet{at: 4, data: sent[1].data}, packet{at: 5, data: sent[2].data}), Options{})
	if e.Corrupted != 1 || e.Lost != 0 || e.Strangers != 0 {
		t.Errorf("one missing: %s", figures(e))
	}
	e = compare(t, sentBy(sent...), receivedBy(packet{at: 3, data: ruin(sent[0].data)}, packet{at: 5, data: sent[2].data}), Options{})
	if e.Corrupted != 0 || e.Lost != 2 || e.Strangers != 1 {
		t.Errorf("two missing: %s", figures(e))
	}
	e = compare(t, sentBy(sent[2]), receivedBy(packet{at: 3, data: sent[0].data}), Options{})
	if e.Corrupted != 0 || e.Lost != 1 || e.Strangers != 1 || e.Complete() {
		t.Errorf("never sent: %s", figures(e))
	}
}

func TestWindow(t *testing.T) {
	var sent, received []packet
	for i := range 1000 {
		p := packet{at: time.Duration(i) * time.Millisecond, data: tcp(uint32(i), 9, false)}
		sent = append(sent, p)
		if i%10 != 7 {
			p.at += 20500 * time.Microsecond
			received = append(received, p)
		}
	}
	if e := compare(t, sentBy(sent...), receivedBy(received...), Options{Window: 21}); e.Lost != 100 || e.LostIndices[99] != 997 || !e.Complete() || e.Received != 900 {
		t.Errorf("just enough: %s", figures(e))
	}
	if e := compare(t, sentBy(sent...), receivedBy(received...), Options{Window: 20, First: 5}); e.Strangers == 0 || e.Complete() || e.LostIndices[0] != 5 {
		t.Errorf("too small: %s", figures(e))
	}
}

// Those sent within the longest delay of the end may have been on their way.
func TestUnsettled(t *testing.T) {
	var sent, received []packet
	for i := range 100 {
		p := packet{at: time.Duration(i) * time.Millisecond, data: tcp(uint32(i), 9, false)}
		sent = append(sent, p)
		if p.at += 10 * time.Millisecond; p.at <= 95*time.Millisecond && i != 3 {
			received = append(received, p)
		}
	}
	if e := compare(t, sentBy(sent...), receivedBy(received...), Options{}); e.Lost != 15 || e.Unsettled != 11 {
		t.Errorf("%s, %d unsettled", figures(e), e.Unsettled)
	}
}

// Each way for a capture to be less than the whole truth is told.
func TestProblems(t *testing.T) {
	p := packet{data: tcp(1, 100, false)}
	q := packet{at: time.Millisecond, data: p.data}
	good := func() (file, file) { return sentBy(p), receivedBy(q) }
	for name, c := range map[string]struct {
		spoil func(a, b *file)
		says  string
	}{
		"drops":       {func(a, b *file) { b.dropped = 3 }, "the capture at the receiving end lost 3 packets by its own count"},
		"no count":    {func(a, b *file) { a.silent = true }, "the capture at the sending end does not say how many packets it lost"},
		"truncated":   {func(a, b *file) { a.packets[0].cut = 10 }, "1 frame cut by the snap length"},
		"undirected":  {func(a, b *file) { b.flags = 0 }, "does not say of 1 frame whether"},
		"super-frame": {func(a, b *file) { a.packets[0].flags = pcapng.Outbound | pcapng.SegmentOffload }, "1 frame that stand for several packets"},
	} {
		a, b := good()
		c.spoil(&a, &b)
		if e := compare(t, a, b, Options{}); !strings.Contains(strings.Join(e.Problems, "; "), c.says) || e.Complete() {
			t.Errorf("%s: %q, want %q", name, e.Problems, c.says)
		}
	}
	a, b := good()
	if e := compare(t, a, b, Options{}); !e.Complete() || e.Received != 1 {
		t.Errorf("a good pair: %q, %s", e.Problems, figures(e))
	}
	if e := compare(t, a, b, Options{SentInterface: "h1-eth0", ReceivedInterface: "s1-eth1"}); !strings.Contains(strings.Join(e.Problems, "; "), `has no interface "s1-eth1"`) {
		t.Errorf("wrong interface: %q", e.Problems)
	}
	whole := b.bytes(t)
	cut, err := Compare(context.Background(), bytes.NewReader(a.bytes(t)), bytes.NewReader(whole[:len(whole)-9]), Options{})
	if err != nil || cut.Complete() || !cut.ReceivedCapture.CutShort || cut.Received != 1 {
		t.Errorf("cut: %v, %q", err, cut.Problems)
	}
}

func TestCompareErrors(t *testing.T) {
	a := sentBy(packet{data: tcp(1, 1, false)}).bytes(t)
	ctx := context.Background()
	if _, err := Compare(ctx, bytes.NewReader(a), strings.NewReader("no capture"), Options{Name: "h1>s1"}); !errors.Is(err, ErrNotCapture) || !strings.Contains(err.Error(), "h1>s1: receiving end") {
		t.Errorf("no capture: %v", err)
	}
	boom := errors.New("boom")
	if _, err := Compare(ctx, iotest.ErrReader(boom), bytes.NewReader(a), Options{}); !errors.Is(err, boom) {
		t.Errorf("broken reader: %v", err)
	}
	stopped, stop := context.WithCancelCause(ctx)
	stop(boom)
	if _, err := Compare(stopped, bytes.NewReader(a), bytes.NewReader(a), Options{}); !errors.Is(err, boom) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Conform(stopped, bytes.NewReader(a), ConformOptions{Rate: 1}); !errors.Is(err, boom) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Conform(ctx, bytes.NewReader(a), ConformOptions{}); err == nil {
		t.Error("a rate of zero is accepted")
	}
}
