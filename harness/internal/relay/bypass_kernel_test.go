package relay_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
)

// What nothing is asked of is carried by the kernel alone, counted in packets of the wire, and the engine sleeps meanwhile.
func TestBypass(t *testing.T) {
	requireKernel(t, bypass)
	n := join(t, bypass, relay.Options{}, relay.Config{}, relay.Config{})
	before := n.stats()
	const size = 20 << 20
	n.transfer(size, addrB)
	s := n.until("all is carried", func(s relay.Stats) bool { return s.AB.PacketsOut+s.BA.PacketsOut == s.AB.PacketsIn+s.BA.PacketsIn })
	if wakes := s.Thread.Wakes - before.Thread.Wakes; wakes > 100 { // each look at the figures is one
		t.Errorf("the engine's thread woke %d times", wakes)
	}
	for _, d := range []relay.DirectionStats{s.AB, s.BA} {
		// The engine may have had the first, as the link came up.
		if d.PacketsIn-d.Bypassed > 5 || d.Bypassed == 0 || d.IPIn > d.PacketsIn || d.BytesOut != d.BytesIn || d.Dropped != (relay.Drops{}) {
			t.Errorf("%+v", d)
		}
	}
	segments := uint64(size+1447) / 1448
	if d := s.AB; d.IPIn < segments || d.IPIn > segments+segments/10 || d.Super == 0 || d.BytesIn < size+segments*66 {
		t.Errorf("%d segments of 1448 bytes became %+v", segments, d)
	}
	if err := n.link.Close(); err != nil {
		t.Fatal(err)
	}
	if last := n.stats(); last.AB.IPIn != s.AB.IPIn || last.BA.IPIn != s.BA.IPIn || last.AB.Super != s.AB.Super || last.AB.Bypassed < s.AB.Bypassed {
		t.Errorf("after Close: %+v; before: %+v", last, s)
	}
}

// However often the kernel and the engine take over from each other, all packets come, once, in their order, and the engine
// counts on where the kernel was.
func TestBypassComesAndGoes(t *testing.T) {
	requireKernel(t, bypass)
	n := join(t, bypass, relay.Options{}, relay.Config{}, relay.Config{})
	var numbers []uint64
	watch := deciderFunc(func(p *relay.Packet) relay.Decision {
		if p.IP {
			numbers = append(numbers, p.Index)
		}
		return relay.Pass
	})
	asked := []relay.Config{{Decider: watch}, {Delay: 300 * time.Microsecond, Decider: watch}, {Rate: 1e9, QueuePackets: 1 << 20, Decider: watch}}
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		changes := 0
		defer func() { done <- changes }()
		for ; ; changes++ {
			select {
			case <-stop:
				return
			default:
			}
			c := relay.Config{}
			if changes%2 == 1 {
				c = asked[changes/2%len(asked)]
			}
			was := n.stats().AB
			if err := n.link.Set(&c, nil); err != nil {
				t.Error(err)
				return
			}
			// Until it has met packets, by whom it is to be, or nobody sends.
			for deadline := time.Now().Add(10 * time.Millisecond); time.Now().Before(deadline); {
				now := n.stats().AB
				byKernel, byEngine := now.Bypassed-was.Bypassed, now.PacketsIn-now.Bypassed-(was.PacketsIn-was.Bypassed)
				if changes%2 == 1 && byEngine > 0 || changes%2 == 0 && byKernel > 0 {
					break
				}
			}
		}
	}()
	const count = 20_000
	got := n.flow(count, 300)
	close(stop)
	if changes := <-done; changes < 20 {
		t.Errorf("only %d changes", changes)
	}
	if len(got) != count || !slices.IsSorted(got) || len(slices.Compact(got)) != count {
		t.Fatalf("%d of %d packets came, in order %v", len(got), count, slices.IsSorted(got))
	}
	s := n.stats()
	if s.AB.IPIn != count || s.AB.Bypassed == 0 || s.AB.Bypassed >= s.AB.PacketsIn || s.AB.PacketsOut+s.AB.InFlight != s.AB.PacketsIn {
		t.Errorf("%+v", s.AB)
	}
	if err := n.link.Close(); err != nil { // and numbers may be read
		t.Fatal(err)
	}
	if n := len(numbers); n == 0 || !slices.IsSorted(numbers) || len(slices.Compact(numbers)) != n || numbers[n-1] >= count {
		t.Errorf("the engine gave %d numbers, in order %v, of %+v", n, slices.IsSorted(numbers), s.AB)
	}
}

// The engine loses by numbers that count what the kernel carried before.
func TestIndicesGoOnBehindABypass(t *testing.T) {
	requireKernel(t, bypass)
	n := join(t, bypass, relay.Options{}, relay.Config{}, relay.Config{})
	const each = 1000
	if got := n.flow(each, 100); len(got) != each {
		t.Errorf("%d came", len(got))
	}
	tenth := deciderFunc(func(p *relay.Packet) relay.Decision {
		d := relay.Pass
		d.Drop = p.IP && p.Index%10 == 3
		return d
	})
	if err := n.link.Set(&relay.Config{Decider: tenth}, nil); err != nil {
		t.Fatal(err)
	}
	got := n.flow(each, 100)
	if len(got) != each-each/10 || slices.ContainsFunc(got, func(i uint32) bool { return i%10 == 3 }) {
		t.Errorf("%d came: %v", len(got), got)
	}
	drop, err := n.link.DropNext(func(p *relay.Packet) bool { return p.IP && p.Dir == relay.AB })
	if err != nil {
		t.Fatal(err)
	}
	if err := n.link.Set(&relay.Config{}, nil); err != nil {
		t.Fatal(err)
	}
	if got := n.flow(each, 100); len(got) != each-1 || got[0] != 1 {
		t.Errorf("%d came", len(got))
	}
	if d := <-drop; d.Index != 2*each {
		t.Errorf("the packet that was dropped next: %+v", d)
	}
	s := n.stats()
	if s.AB.IPIn != 3*each || s.AB.Dropped.List != 1 || s.AB.Dropped.Loss != each/10 || s.AB.Bypassed <= each {
		t.Errorf("%+v", s.AB)
	}
}

// A link that is down loses what the kernel would carry, and counts it.
func TestBypassOfALinkThatIsDown(t *testing.T) {
	requireKernel(t, bypass)
	n := join(t, bypass, relay.Options{}, relay.Config{}, relay.Config{})
	n.transfer(8<<20, addrB, func() { n.link.Down() }, func() {
		n.until("lost", func(s relay.Stats) bool { return s.AB.Dropped.Down+s.BA.Dropped.Down > 0 })
		n.link.Up()
	})
	if s := n.stats(); s.AB.Bypassed < 4<<20/1448 {
		t.Errorf("%+v", s.AB)
	}
}

// Frames for single delivery are carried by the kernel as long as they are single.
func TestBypassOfSingleFrames(t *testing.T) {
	requireKernel(t, bypass)
	c := relay.Config{PerFrame: true}
	n := join(t, bypass, relay.Options{}, c, c)
	n.transfer(8<<20, addrB)
	s := n.stats()
	if s.AB.Super == 0 || s.AB.Cut < s.AB.Super/2 || s.AB.PacketsIn-s.AB.Bypassed < 4<<20/1448 {
		t.Errorf("super-frames: %+v", s.AB)
	}
	if s.BA.Bypassed == 0 {
		t.Errorf("acknowledgements: %+v", s.BA)
	}
}

// What the kernel loses on its way is the engine's fault, wherever it does.
func TestBypassLosesForAllToSee(t *testing.T) {
	requireKernel(t, bypass)
	for _, name := range []string{"m0", "m1"} {
		t.Run(name, func(t *testing.T) {
			n := join(t, bypass, relay.Options{}, relay.Config{}, relay.Config{})
			n.flow(10, 100)
			tx := n.a.udpSocket(addrA + ":5000")
			n.middle.ip("link set dev " + name + " down")
			const sent = 7
			for range sent {
				if _, err := tx.WriteToUDPAddrPort([]byte("hello"), mustAddrPort(addrB+":6000")); err != nil {
					t.Fatal(err)
				}
			}
			var s relay.Stats
			for deadline := time.Now().Add(patience); s.AB.Dropped.Missed < sent && time.Now().Before(deadline); {
				var err error
				if s, err = n.link.Stats(); err != nil {
					t.Fatal(err)
				}
			}
			// The host may have said something of its own accord.
			if d := s.AB.Dropped; d.Missed < sent || d.Missed > sent+5 || d.Engine != d.Missed {
				t.Errorf("%+v", s)
			}
		})
	}
}
