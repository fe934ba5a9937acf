package harness_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// Parameters that change in the middle of a transfer lose nothing.
func TestSetUnderTraffic(t *testing.T) {
	n := harnesstest.Start(t, cable(topo.LinkParams{Rate: 200 * topo.Mbit, Delay: time.Millisecond, MaxQueue: 10000}, topo.LinkParams{}), nil)
	link := n.Link("h1", "h2")
	done := make(chan error, 1)
	go func() {
		_, err := send(t, n, 8<<20, nil)
		done <- err
	}()
	for i := 0; ; i++ {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			s := stats(t, link)
			if s.A.Wire.Dropped.Total()+s.B.Wire.Dropped.Total() != 0 || i < 3 {
				t.Errorf("after %d changes: lost %+v, %+v", i, s.A.Wire.Dropped, s.B.Wire.Dropped)
			}
			return
		case <-time.After(5 * time.Millisecond): // a pace, not a condition
		}
		p := topo.LinkParams{Rate: topo.BitRate(200+i%7*50) * topo.Mbit, Delay: time.Duration(i%4) * time.Millisecond, MaxQueue: 10000}
		if err := link.Set(&p, &topo.LinkParams{Delay: time.Duration(i%3) * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
}

// A transfer survives a cable that is out for a while, by hand or by schedule.
func TestDownUp(t *testing.T) {
	for _, scheduled := range []bool{false, true} {
		t.Run(fmt.Sprint("scheduled ", scheduled), func(t *testing.T) {
			p := topo.LinkParams{Rate: 50 * topo.Mbit}
			if scheduled {
				p.Schedule = []topo.Change{{From: 100 * time.Millisecond, To: 400 * time.Millisecond, Down: true}}
			}
			n := harnesstest.Start(t, cable(p, p), &harness.Options{Engine: harness.EngineUser})
			link := n.Link("h1", "h2")
			over := make(chan struct{}) // the transfer goes on until then, however late this test looks
			done := make(chan error, 1)
			go func() { done <- stream(t, n, over) }()
			atLeast := func(least uint64, what string, of func(harness.WireStats) uint64) {
				t.Helper()
				waitFor(t, func() error {
					if w := stats(t, link).A.Wire; of(w) < least {
						return fmt.Errorf("%s: %+v", what, w)
					}
					return nil
				})
			}
			passed := func(w harness.WireStats) uint64 { return w.Out }
			atLeast(100, "the transfer does not begin", passed)
			if scheduled {
				if a, b := n.Begin(), n.Begin(); !a.Equal(b) {
					t.Errorf("began at %v and %v", a, b)
				}
			} else if err := link.Down(within(t)); err != nil {
				t.Fatal(err)
			}
			atLeast(1, "nothing is lost while the link is down", func(w harness.WireStats) uint64 { return w.Dropped.Down })
			before := stats(t, link).A.Wire.Out
			if !scheduled {
				if err := link.Up(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			atLeast(before+100, "the transfer does not go on", passed)
			close(over)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if s := stats(t, link); s.Err != nil {
				t.Errorf("%+v", s)
			}
		})
	}
}

// stream has bytes go from h1 to h2 until over is closed, and says whether they all came, in order.
func stream(t testing.TB, n *harness.Network, over <-chan struct{}) error {
	l, err := n.Host("h1").Listen(within(t), "tcp", ":8")
	if err != nil {
		return err
	}
	defer l.Close()
	sent := make(chan uint64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		chunk := make([]byte, 8<<10)
		for i := uint64(0); ; i++ {
			select {
			case <-over:
				sent <- i
				return
			default:
			}
			binary.BigEndian.PutUint64(chunk, i)
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}()
	c, err := n.Host("h2").Dial(within(t), "tcp", "h1:8")
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	chunk := make([]byte, 8<<10)
	for i := uint64(0); ; i++ {
		_, err := io.ReadFull(c, chunk)
		if err == io.EOF && i == <-sent {
			return nil
		}
		if err != nil || binary.BigEndian.Uint64(chunk) != i {
			return fmt.Errorf("chunk %d has number %d: %w", i, binary.BigEndian.Uint64(chunk), err)
		}
	}
}

// A trace paces what the link delivers: 400 opportunities of one full packet take at least their time.
func TestTrace(t *testing.T) {
	trace := &topo.LinkTrace{Name: "5ms", Times: topo.Trace{5}}
	n := harnesstest.Start(t, cable(topo.LinkParams{Trace: trace}, topo.LinkParams{}), nil)
	const size = 100 * 1448
	took, err := send(t, n, size, nil)
	if err != nil || took < 95*5*time.Millisecond {
		t.Errorf("took %v, %v", took, err)
	}
	if s := stats(t, n.Link("h1", "h2")); s.A.Wire.Dropped.Total() != 0 {
		t.Errorf("%+v", s.A.Wire)
	}
}

// The kernel's engines are changed when the time has come, not sooner, and how late is told.
func TestScheduleOfTheKernel(t *testing.T) {
	const after = 50 * time.Millisecond
	p := topo.LinkParams{Rate: 10 * topo.Mbit, Schedule: []topo.Change{{From: after, Set: "rate=20Mbit"}}}
	n := harnesstest.Start(t, cable(p, topo.LinkParams{}), &harness.Options{Engine: harness.EngineHTB})
	begun := n.Begin()
	waitFor(t, func() error {
		out, err := n.Host("h1").Command(within(t), "tc", "class", "show", "dev", "h1-eth0").Output()
		if err != nil || !strings.Contains(string(out), " rate 20Mbit ") {
			return fmt.Errorf("%s%v", out, err)
		}
		return nil
	})
	took := time.Since(begun)
	if s := stats(t, n.Link("h1", "h2")); took < after || s.Err != nil || s.A.StepLate <= 0 || s.A.StepLate > took-after || s.B.StepLate != 0 {
		t.Errorf("after %v: late by %v and %v, %v", took, s.A.StepLate, s.B.StepLate, s.Err)
	}
}

// A link that is down from the start comes up when its schedule says so, and stays down while it is down by hand, too.
func TestScheduleThatBeginsDown(t *testing.T) {
	p := topo.LinkParams{Schedule: []topo.Change{{From: 0, To: 50 * time.Millisecond, Down: true}}}
	n := harnesstest.Start(t, cable(p, p), nil)
	link := n.Link("h1", "h2")
	if err := link.Up(within(t)); err != nil { // it was not down by hand
		t.Fatal(err)
	}
	ping := func(wait time.Duration) bool {
		return n.Host("h1").Command(within(t), "ping", "-c", "1", "-W", fmt.Sprint(wait.Seconds()), "h2").Run() == nil
	}
	if ping(100 * time.Millisecond) {
		t.Error("a packet passed before the schedule began")
	}
	n.Begin()
	waitFor(t, func() error {
		if !ping(time.Second) {
			return errors.New("no packet passes")
		}
		return nil
	})
}

// A schedule stands at its beginning until Begin, and then changes what it says; Set replaces it.
func TestSchedule(t *testing.T) {
	p := topo.LinkParams{Schedule: []topo.Change{{From: 50 * time.Millisecond, Set: "delay=30ms"}}}
	n := harnesstest.Start(t, cable(p, topo.LinkParams{}), nil)
	link := n.Link("h1", "h2")
	ping := pinger(t, n)
	begun := n.Begin()
	waitFor(t, func() error {
		for range 5 { // one may be late on a busy machine, not all
			if rtt := ping(); rtt < 30*time.Millisecond {
				return fmt.Errorf("round trip %v", rtt)
			}
		}
		return nil
	})
	if took := time.Since(begun); took < 80*time.Millisecond {
		t.Errorf("changed %v after the beginning", took)
	}
	if err := link.Set(&topo.LinkParams{Delay: 3 * time.Millisecond}, nil); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() error {
		if rtt := ping(); rtt < 3*time.Millisecond || rtt >= 30*time.Millisecond {
			return fmt.Errorf("round trip %v", rtt)
		}
		return nil
	})
}
