package relay

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

func TestDownAndUp(t *testing.T) {
	x := newBench(t, Options{}, Config{Delay: 5 * time.Millisecond}, Config{})
	x.send(x.a, udp(1, 100))
	x.until("taken in", func(s *Stats) bool { return s.AB.PacketsIn == 1 }) // a command may overtake a frame that waits to be read
	if err := x.link.Down(); err != nil {
		t.Fatal(err)
	}
	x.send(x.a, udp(2, 100))
	x.send(x.a, tcp(0, 0x10, make([]byte, 4000), 1000))
	x.until("dropped", func(s *Stats) bool { return s.AB.Dropped.Down == 5 })
	if err := x.link.Up(); err != nil {
		t.Fatal(err)
	}
	x.send(x.a, udp(3, 100))
	for _, want := range []uint32{1, 3} {
		if got := number(x.want(x.b)); got != want {
			t.Errorf("packet %d, want %d", got, want)
		}
	}
	if s := x.stats(); !s.Up || s.AB.IPIn != 7 {
		t.Errorf("stats %+v", s)
	}
}

func TestDownInOneDirection(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	if err := x.link.SetUp(false, true); err != nil {
		t.Fatal(err)
	}
	x.send(x.a, udp(1, 100))
	x.send(x.b, udp(2, 100))
	if got := number(x.want(x.a)); got != 2 {
		t.Errorf("packet %d came", got)
	}
	x.until("dropped", func(s *Stats) bool { return s.AB.Dropped.Down == 1 && s.BA.Dropped.Down == 0 && !s.Up })
}

func TestDropNext(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	syn, err := x.link.DropNext(func(p *Packet) bool { return p.IP && len(p.Frame) > 47 && p.Frame[47] == 2 })
	if err != nil {
		t.Fatal(err)
	}
	back, err := x.link.DropNext(func(p *Packet) bool { return p.Dir == BA })
	if err != nil {
		t.Fatal(err)
	}
	never, err := x.link.DropNext(func(*Packet) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	x.send(x.a, udp(0, 100))
	x.send(x.a, tcp(9, 2, nil, 1000))
	x.send(x.a, tcp(9, 2, nil, 1000))
	x.send(x.b, udp(1, 100))
	if d := <-syn; d.Index != 1 || d.Summary != "TCP 10.0.0.1:40000 > 10.0.0.2:12345 [S] seq 9 ack 0 len 0" {
		t.Errorf("dropped %+v", d)
	}
	if d := <-back; d.Index != 0 || d.Cause != List {
		t.Errorf("dropped %+v", d)
	}
	x.want(x.b)
	x.want(x.b)
	if s := x.stats(); s.AB.Dropped.List != 1 || s.BA.Dropped.List != 1 || s.AB.PacketsOut != 2 {
		t.Errorf("stats %+v", s)
	}
	if err := x.link.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-never; ok {
		t.Error("something was dropped for the third")
	}
}

// Nothing in flight is lost, comes twice or overtakes, whatever is set in between.
func TestSetLosesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var group sync.WaitGroup
	t.Cleanup(group.Wait) // after the bench's own: where the test fails, that is what ends them
	x := newBench(t, Options{}, Config{Delay: time.Millisecond}, Config{})
	const n = 3000
	group.Go(func() {
		for i := range uint32(n) {
			x.send(x.a, udp(i, 200))
		}
	})
	group.Go(func() {
		trace := &Trace{At: []time.Duration{0, time.Millisecond}, Bytes: 100_000}
		for range 60 {
			c := Config{Delay: time.Duration(rng.IntN(3_000_000)), QueuePackets: 1 << 20}
			switch rng.IntN(3) {
			case 0:
				c.Rate = 50_000_000 + rng.Int64N(1e9)
			case 1:
				c.Trace = trace
			}
			if err := x.link.Set(&c, nil); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range uint32(n) {
		if got := number(x.want(x.b)); got != i {
			t.Fatalf("packet %d, want %d", got, i)
		}
	}
	group.Wait()
	if s := x.stats(); s.AB.Dropped.Total() != 0 || s.AB.InFlight != 0 {
		t.Errorf("stats %+v", s.AB)
	}
}

// What waits for a slow transmitter leaves at the new rate.
func TestSetRetimesTheQueue(t *testing.T) {
	x := newBench(t, Options{}, Config{Rate: 1000, QueuePackets: 1 << 20}, Config{})
	x.send(x.a, udp(0, 50))                               // on the transmitter for 400 ms
	x.send(x.a, tcp(0, 0x10, make([]byte, 50_000), 1000)) // for 7 minutes
	x.until("waiting", func(s *Stats) bool { return s.AB.InFlight == 51 })
	began := time.Now()
	if err := x.link.Set(&Config{Rate: 100_000_000}, nil); err != nil {
		t.Fatal(err)
	}
	x.want(x.b)
	for n := 0; n < 50_000; {
		n += len(x.want(x.b)) - gso.HeaderLen - 54
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	x.stats()
}

func TestMTU(t *testing.T) {
	x := newBench(t, Options{}, Config{MTU: 1000}, Config{})
	x.send(x.a, udp(0, 1015))
	x.send(x.a, udp(1, 1014))
	if got := number(x.want(x.b)); got != 1 {
		t.Errorf("packet %d came", got)
	}
	if s := x.stats(); s.AB.Dropped.MTU != 1 {
		t.Errorf("stats %+v", s.AB)
	}
}

// A line that is full is the engine's fault, and is said.
func TestLineIsBounded(t *testing.T) {
	x := newBench(t, Options{LineBytes: 10_000}, Config{Delay: time.Hour}, Config{})
	for i := range uint32(20) {
		x.send(x.a, udp(i, 1514))
	}
	s := x.until("dropped", func(s *Stats) bool { return s.AB.Dropped.Engine > 0 && s.AB.PacketsIn == 20 })
	if s.EngineDrops() == 0 || s.AB.InFlight == 0 {
		t.Errorf("stats %+v", s.AB)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	x := newBench(t, Options{Threads: 2}, Config{Delay: time.Hour}, Config{})
	x.send(x.a, udp(0, 100))
	x.until("in flight", func(s *Stats) bool { return s.AB.InFlight == 1 })
	for range 2 {
		if err := x.eng.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.link.Up(); !errors.Is(err, ErrClosed) {
		t.Errorf("Up after Close: %v", err)
	}
	if s, err := x.link.Stats(); err != nil || s.AB.PacketsIn != 1 || s.Up {
		t.Errorf("stats after Close: %+v, %v", s, err)
	}
	if err := x.link.Close(); err != nil {
		t.Error(err)
	}
	// The far end sees that nobody is there.
	if n, err := unix.Read(x.b, make([]byte, 10)); n != 0 || err != nil {
		t.Errorf("the end is still open: %d, %v", n, err)
	}
	if _, err := x.eng.Join(fdEnd(-1, ""), fdEnd(-1, ""), Config{}, Config{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Join after Close: %v", err)
	}
}

func TestGoneEndIsReported(t *testing.T) {
	x := newBench(t, Options{}, Config{}, Config{})
	unix.Shutdown(x.a, unix.SHUT_WR)
	s := x.until("gone", func(s *Stats) bool { return s.Err != nil })
	if !errors.Is(s.Err, ErrGone) {
		t.Errorf("error %v", s.Err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{
		{Rate: -1}, {Delay: -1}, {Delay: MaxDelay + 1}, {QueuePackets: -1}, {QueueBytes: -1}, {MTU: -1}, {MarkBytes: -1}, {MarkPackets: -1},
		{Trace: &Trace{}}, {Trace: &Trace{At: []time.Duration{5, 4}}}, {Trace: &Trace{At: []time.Duration{0}}},
		{Trace: &Trace{At: []time.Duration{-1}}}, {Trace: &Trace{At: []time.Duration{5}, Period: 4}},
		{Trace: &Trace{At: []time.Duration{5}, Bytes: -1}}, {Rate: 1, Trace: &Trace{At: []time.Duration{5}}},
	} {
		if c.Validate() == nil {
			t.Errorf("accepted %+v", c)
		}
		e, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
		if _, err := e.Join(fdEnd(p[0], "a"), fdEnd(p[1], "b"), Config{}, c); err == nil {
			t.Errorf("joined with %+v", c)
		}
		e.Close()
	}
	if err := (&Config{Trace: &Trace{At: []time.Duration{0, 0, 5}}, Delay: time.Hour}).Validate(); err != nil {
		t.Error(err)
	}
}
