package relay

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

func TestPassesBothWays(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	for i := range uint32(100) {
		x.send(x.a, udp(i, 1514))
		x.send(x.b, udp(1000+i, 60))
	}
	for i := range uint32(100) {
		if got := x.want(x.b); !bytes.Equal(got, udp(i, 1514)) {
			t.Fatalf("frame %d came as number %d", i, number(got))
		}
		if got := x.want(x.a); !bytes.Equal(got, udp(1000+i, 60)) {
			t.Fatalf("frame %d came as number %d", 1000+i, number(got))
		}
	}
	s := x.stats()
	if s.AB.PacketsOut != 100 || s.BA.PacketsOut != 100 || s.AB.BytesOut != 151400 || s.BA.BytesIn != 6000 || s.AB.IPIn != 100 {
		t.Errorf("stats %+v", s)
	}
	if s.Thread.Class == "" {
		t.Error("no scheduling class")
	}
}

func TestSuperFramePassesWhole(t *testing.T) {
	for _, c := range []Config{{}, {Delay: time.Millisecond}, {Decider: deciderFunc(func(*Packet) Decision { return Pass })}} {
		x := newBench(t, Options{}, c, Config{})
		want := tcp(7, 0x18, make([]byte, 64000), 1448)
		x.send(x.a, want)
		if got := x.want(x.b); !bytes.Equal(got, want) {
			t.Fatalf("%+v: came as %d bytes of %d", c, len(got), len(want))
		}
		if s := x.stats(); s.AB.PacketsOut != 45 || s.AB.IPIn != 45 || s.AB.Cut != 0 || s.AB.Super != 1 {
			t.Errorf("%+v: stats %+v", c, s.AB)
		}
	}
}

// reassemble takes TCP frames apart into single segments, and returns their sequence numbers relative to from.
func reassemble(t *testing.T, frames [][]byte, from uint32) (starts []int) {
	t.Helper()
	for _, b := range frames {
		var h gso.Header
		h.Decode(b)
		f := b[gso.HeaderLen:]
		seq := uint32(f[38])<<24 | uint32(f[39])<<16 | uint32(f[40])<<8 | uint32(f[41])
		n, size := len(f)-54, int(h.Size)
		if h.Type == gso.None {
			size = n
		}
		for off := 0; off < n; off += size {
			starts = append(starts, int(seq-from)+off)
		}
	}
	return starts
}

// A drop in the middle cuts a super-frame in two, and takes only its own packet.
func TestDropInsideSuperFrame(t *testing.T) {
	var seen []uint64
	drop := map[uint64]bool{0: true, 5: true, 44: true}
	x := newBench(t, Options{}, Config{Decider: deciderFunc(func(p *Packet) Decision {
		seen = append(seen, p.Index)
		d := Pass
		d.Drop = drop[p.Index]
		return d
	})}, Config{})
	x.send(x.a, tcp(1000, 0x18, make([]byte, 64000), 1448))
	var frames [][]byte
	for range 2 {
		frames = append(frames, x.want(x.b))
	}
	var want []int
	for i := range 45 {
		if !drop[uint64(i)] {
			want = append(want, i*1448)
		}
	}
	if got := reassemble(t, frames, 1000); !slices.Equal(got, want) {
		t.Errorf("segments %v, want %v", got, want)
	}
	s := x.stats()
	if s.AB.Dropped.Loss != 3 || s.AB.PacketsOut != 42 {
		t.Errorf("stats %+v", s.AB)
	}
	drops, err := x.link.Drops(AB)
	if err != nil || len(drops) != 3 || drops[1].Index != 5 || drops[1].Cause != Loss ||
		drops[1].Summary != "TCP 10.0.0.1:40000 > 10.0.0.2:12345 [.] seq 8240 ack 0 len 1448" {
		t.Errorf("log %+v, %v", drops, err)
	}
	if len(seen) != 45 || seen[44] != 44 {
		t.Errorf("decider saw %v", seen)
	}
}

func TestDelayIsNeverShorter(t *testing.T) {
	const delay = 3 * time.Millisecond
	// A TAP's frames carry no time of arrival: one that ended a sleep is taken to have come as long ago as waking up takes,
	// but no wake-up is moved further back than this.
	const early = 200 * time.Microsecond
	x := newBench(t, Options{}, Config{Delay: delay}, Config{})
	for i := range uint32(200) {
		sent := time.Now()
		x.send(x.a, udp(i, 200))
		if got := number(x.want(x.b)); got != i {
			t.Fatalf("frame %d, want %d", got, i)
		}
		if took := time.Since(sent); took < delay-early {
			t.Fatalf("frame %d took %v, less than %v", i, took, delay)
		}
	}
	s := x.stats()
	if s.AB.Late.Count != 200 {
		t.Errorf("lateness of %d frames", s.AB.Late.Count)
	}
	t.Logf("late %+v, thread %+v", s.AB.Late, s.Thread)
}

// The lost packets are those that the decider named, in any mixture of sizes, and the rest comes in order.
func TestLostSetIsTheDecidedSet(t *testing.T) {
	lost := func(i uint64) bool { return (i*2654435761)>>7%10 == 0 }
	for _, c := range []Config{{}, {Delay: 200 * time.Microsecond}, {Rate: 5e9, QueueBytes: 1 << 30}, {PerFrame: true}} {
		c.Decider = deciderFunc(func(p *Packet) Decision {
			d := Pass
			d.Drop = lost(p.Index)
			return d
		})
		x := newBench(t, Options{}, c, Config{})
		go func() {
			seq := uint32(0)
			for i := range 300 {
				n := 1448 * (1 + i%44)
				x.send(x.a, tcp(seq, 0x10, make([]byte, n), 1448))
				seq += uint32(n)
				if i%10 == 0 {
					x.send(x.a, arp()) // has no index
				}
			}
		}()
		total, arps := 0, 0
		for i := range 300 {
			total += 1 + i%44
		}
		var want, got []int
		for i := range total {
			if !lost(uint64(i)) {
				want = append(want, i*1448)
			}
		}
		for len(got) < len(want) || arps < 30 {
			f := x.want(x.b)
			if f[gso.HeaderLen+13] == 6 {
				arps++
				continue
			}
			got = append(got, reassemble(t, [][]byte{f}, 0)...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: the wrong packets came", c)
		}
		s := x.stats()
		if int(s.AB.Dropped.Loss) != total-len(want) || s.AB.Dropped.Total() != s.AB.Dropped.Loss || int(s.AB.IPIn) != total {
			t.Errorf("stats %+v", s.AB)
		}
		if c.PerFrame && s.AB.Cut == 0 {
			t.Error("super-frames passed whole in per-frame mode")
		}
	}
}

func TestRateAndQueue(t *testing.T) {
	// A packet of 1250 bytes takes 50 ms at 200 kbit/s, longer than a thread is held up between two frames; at 11 waiting
	// and 1 being sent the queue is full.
	x := newBench(t, Options{}, Config{Rate: 200_000, QueuePackets: 11}, Config{})
	done := make(chan struct{})
	x.link.sh.do(func() { // so that all come at once
		for i := range uint32(30) {
			x.send(x.a, udp(i, 1250))
		}
		close(done)
	})
	<-done
	began := time.Now()
	for i := range uint32(12) {
		if got := number(x.want(x.b)); got != i {
			t.Fatalf("packet %d, want %d", got, i)
		}
	}
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("12 packets of 50 ms each took %v", took)
	}
	s := x.until("all dropped", func(s *Stats) bool { return s.AB.Dropped.Queue == 18 })
	if s.AB.PacketsOut != 12 {
		t.Errorf("stats %+v", s.AB)
	}
}

func TestMarks(t *testing.T) {
	x := newBench(t, Options{}, Config{Rate: 200_000, MarkPackets: 3}, Config{}) // as above
	x.link.sh.do(func() {
		for i := range uint32(8) {
			x.send(x.a, udp(i, 1250))
		}
		x.send(x.a, tcp(0, 0x10, make([]byte, 4000), 1000))
	})
	for i := range 8 {
		f := x.want(x.b)[gso.HeaderLen:]
		// The first is being sent, three wait unmarked.
		if got, want := f[15]&3 == 3, i >= 4; got != want {
			t.Errorf("packet %d: marked %v, want %v", i, got, want)
		}
		if gso.Fold(gso.Sum(0, f[14:34])) != 0xffff {
			t.Errorf("packet %d: header checksum", i)
		}
	}
	for n := 0; n < 4000; {
		b := x.want(x.b)
		n += len(b) - gso.HeaderLen - 54
		if b[gso.HeaderLen+15]&3 != 3 {
			t.Error("part of a super-frame is not marked")
		}
	}
	if s := x.stats(); s.AB.Marked != 8 {
		t.Errorf("marked %d", s.AB.Marked)
	}
}

func TestDuplicateCorruptReorder(t *testing.T) {
	x := newBench(t, Options{}, Config{Delay: 200 * time.Millisecond, Decider: deciderFunc(func(p *Packet) Decision {
		d := Pass
		switch p.Index {
		case 1:
			d.Duplicate = true
		case 2:
			d.Corrupt = 28*8 + 31 // last bit of the number
		case 3:
			d.Reorder = true
		case 4:
			d.Extra = -150 * time.Millisecond
		}
		return d
	})}, Config{})
	x.link.sh.do(func() {
		for i := range uint32(5) {
			x.send(x.a, udp(i*2, 100))
		}
	})
	var got []uint32
	for range 6 {
		got = append(got, number(x.want(x.b)))
	}
	if want := []uint32{6, 8, 0, 2, 2, 5}; !slices.Equal(got, want) {
		t.Errorf("came %v, want %v", got, want)
	}
	if s := x.stats(); s.AB.Duplicated != 1 || s.AB.Corrupted != 1 || s.AB.Reordered != 1 || s.AB.PacketsOut != 6 {
		t.Errorf("stats %+v", s.AB)
	}
}

// A bit wrong inside a super-frame must reach the receiver with a checksum that does not fit.
func TestCorruptInsideSuperFrame(t *testing.T) {
	x := newBench(t, Options{}, Config{Decider: deciderFunc(func(p *Packet) Decision {
		d := Pass
		if p.Index == 1 {
			d.Corrupt = 40 * 8 // first bit of the payload
		}
		return d
	})}, Config{})
	x.send(x.a, tcp(0, 0x10, make([]byte, 3000), 1000))
	var h gso.Header
	for i := range 3 {
		b := x.want(x.b)
		h.Decode(b)
		f := b[gso.HeaderLen:]
		if i != 1 {
			gso.Complete(&h, f)
		}
		if h.Flags&gso.NeedsCsum != 0 {
			t.Fatalf("packet %d is left to be completed, which would make it valid", i)
		}
		valid := gso.Fold(gso.Sum(6+uint64(len(f)-34), f[26:34])+gso.Sum(0, f[34:])) == 0xffff
		if valid != (i != 1) {
			t.Errorf("packet %d: checksum valid %v", i, valid)
		}
	}
}

// The same where the packet is no part of a super-frame, and has a partial checksum.
func TestCorruptPartialChecksum(t *testing.T) {
	x := newBench(t, Options{}, Config{Decider: deciderFunc(func(*Packet) Decision { return Decision{Corrupt: 40 * 8} })}, Config{})
	x.send(x.a, tcp(0, 0x10, make([]byte, 100), 1000))
	b := x.want(x.b)
	f := b[gso.HeaderLen:]
	// With the flipped bit taken back, the checksum must be complete and right.
	f[54] ^= 0x80
	if b[0] != 0 || gso.Fold(gso.Sum(6+uint64(len(f)-34), f[26:34])+gso.Sum(0, f[34:])) != 0xffff {
		t.Errorf("flags %d, or the checksum was not completed before the flip", b[0])
	}
}

// Per frame means single wire frames, with nothing left to do.
func TestPerFrame(t *testing.T) {
	x := newBench(t, Options{}, Config{PerFrame: true}, Config{})
	x.send(x.a, tcp(0, 0x18, make([]byte, 4000), 1000))
	x.send(x.a, tcp(4000, 0x18, make([]byte, 10), 1000))
	for i, size := range []int{1000, 1000, 1000, 1000, 10} {
		b := x.want(x.b)
		f := b[gso.HeaderLen:]
		if len(f) != 54+size || !bytes.Equal(b[:gso.HeaderLen], make([]byte, gso.HeaderLen)) {
			t.Fatalf("frame %d has %d bytes, virtio header %x", i, len(f), b[:gso.HeaderLen])
		}
		if gso.Fold(gso.Sum(6+uint64(len(f)-34), f[26:34])+gso.Sum(0, f[34:])) != 0xffff {
			t.Errorf("frame %d: checksum", i)
		}
	}
}

func TestKeepOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := newBench(t, Options{}, Config{Delay: time.Millisecond, KeepOrder: true, Decider: deciderFunc(func(*Packet) Decision {
		return Decision{Corrupt: -1, Extra: time.Duration(rng.IntN(2_000_000) - 1_000_000)}
	})}, Config{})
	for i := range uint32(300) {
		x.send(x.a, udp(i, 100))
	}
	for i := range uint32(300) {
		if got := number(x.want(x.b)); got != i {
			t.Fatalf("packet %d overtook %d", got, i)
		}
	}
}
