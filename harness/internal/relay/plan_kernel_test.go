package relay_test

import (
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
)

// A frame is treated as the plan says for the moment at which it was sent, also where the engine's thread is held up around that
// moment and finds the frames later.
func TestPlanOfALateThread(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		var mu sync.Mutex
		var until time.Time // the thread is held until then by what b sends
		n := join(t, k, relay.Options{}, relay.Config{}, relay.Config{Decider: deciderFunc(func(*relay.Packet) relay.Decision {
			mu.Lock()
			defer mu.Unlock()
			<-time.After(time.Until(until))
			return relay.Pass
		})})
		n.flow(100, 100)                   // past it the kernel carries what it can
		const held = 25 * time.Millisecond // before a step and after it; less than the engine has the frames ahead
		began := time.Now()
		steps := []relay.Step{{At: began.Add(200 * time.Millisecond), Down: true}, {At: began.Add(400 * time.Millisecond)}}
		if err := n.link.Plan(steps, nil); err != nil {
			t.Fatal(err)
		}

		rx, tx, back := n.b.udpSocket(addrB+":6000"), n.a.udpSocket(addrA+":5000"), n.b.udpSocket(addrB+":7000")
		n.a.udpSocket(addrA + ":7000") // where nobody listens, ICMP would answer
		type sending struct{ before, after time.Time }
		var sent []sending
		b := make([]byte, 100)
		holds := []time.Time{steps[0].At.Add(-held), steps[1].At.Add(-held)}
		for now := time.Now(); now.Before(steps[1].At.Add(2 * held)); now = time.Now() {
			if len(holds) > 0 && now.After(holds[0]) {
				mu.Lock()
				until = holds[0].Add(2 * held)
				mu.Unlock()
				if _, err := back.WriteToUDPAddrPort(b, mustAddrPort(addrA+":7000")); err != nil {
					t.Fatal(err)
				}
				holds = holds[1:]
			}
			binary.BigEndian.PutUint32(b, uint32(len(sent)))
			if _, err := tx.WriteToUDPAddrPort(b, mustAddrPort(addrB+":6000")); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, sending{now, time.Now()})
			time.Sleep(200 * time.Microsecond) // the pace of what is sent
		}
		s := n.until("delivered", func(s relay.Stats) bool { return s.AB.IPIn == uint64(100+len(sent)) && s.AB.InFlight == 0 })
		if s.AB.Steps != 2 || s.AB.Dropped.Down == 0 || s.AB.Dropped.Total() != s.AB.Dropped.Down {
			t.Fatalf("%+v", s.AB)
		}
		drops, err := n.link.Drops(relay.AB)
		if err != nil {
			t.Fatal(err)
		}
		lost := len(slices.DeleteFunc(drops, func(d relay.Drop) bool { return !d.IP }))
		came := make([]bool, len(sent))
		for range len(sent) - lost {
			rx.SetReadDeadline(time.Now().Add(patience))
			if _, _, err := rx.ReadFromUDP(b); err != nil {
				t.Fatal(err)
			}
			came[binary.BigEndian.Uint32(b)] = true
		}
		down, up, late := steps[0].At, steps[1].At, s.AB.StepLate
		first := slices.Index(came, false)
		after := first + slices.Index(came[first:], true)
		if first <= 0 || after <= first || slices.Contains(came[after:], false) {
			t.Fatalf("of %d the first %d came, and from %d on", len(sent), first, after)
		}
		if k != bypass && late != 0 || late >= held {
			t.Errorf("a step that was to be seen was late by %v", late)
		}
		if by := sent[first-1].before.Sub(down); by > late {
			t.Errorf("what was sent %v after the link was to be down came", by)
		}
		if by := sent[after-1].before.Sub(up); by > late {
			t.Errorf("what was sent %v after the link was to be up was lost", by)
		}
		// The kernel may hand a frame to its device some time after it was sent.
		if by := down.Sub(sent[first].after); by > held/2 {
			t.Errorf("what was sent %v before the link was to be down was lost", by)
		}
		if by := up.Sub(sent[after].after); by > held/2 {
			t.Errorf("what was sent %v before the link was to be up came", by)
		}
	})
}
