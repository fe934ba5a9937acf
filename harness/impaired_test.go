package harness_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// chain is h1 - s1 - h2, with p on h1-s1 in both directions.
func chain(p topo.LinkParams) topo.Topo {
	t := topo.Topo{Name: "chain"}
	t.AddHost("h1", "h2").AddSwitch("s1").AddLink("h1", "s1", p).AddLink("s1", "h2")
	return t
}

// cable is h1 - h2, with ab on what h1 sends and ba on what h2 sends.
func cable(ab, ba topo.LinkParams) topo.Topo {
	t := topo.Topo{Name: "cable"}
	t.AddHost("h1", "h2").AddLink("h1", "h2", ab, ba)
	return t
}

// without has the machine refuse the harness operations that begin so, until the test ends.
func without(t testing.TB, refused string) {
	t.Cleanup(fault.Set(func(op string) error {
		if strings.HasPrefix(op, refused) {
			return relay.ErrNoTUN
		}
		return nil
	}))
}

// withoutTUN makes /dev/net/tun closed to the harness until the test ends.
func withoutTUN(t testing.TB) { without(t, "make TAP ") }

// send dials from h2 to h1, has size bytes come, and returns how long all took.
func send(t testing.TB, n *harness.Network, size int, before func(l net.Listener)) (time.Duration, error) {
	t.Helper()
	l, err := n.Host("h1").Listen(within(t), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if before != nil {
		before(l)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			accepted <- c
			c.Write(content)
			c.Close()
		}
	}()
	defer func() { // of a network that was closed: nobody tells it that its peer is gone
		select {
		case c := <-accepted:
			c.Close()
		default:
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	began := time.Now()
	c, err := n.Host("h2").Dial(within(t), "tcp", "h1:"+port)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(c)
	if err == nil && !bytes.Equal(got, content) {
		err = fmt.Errorf("got %d bytes, other than the %d that were sent", len(got), size)
	}
	return time.Since(began), err
}

func stats(t testing.TB, l *harness.Link) harness.LinkStats {
	t.Helper()
	s, err := l.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every engine's link carries ping, TCP and captures with complete barriers, and says which engine it is.
func TestEngines(t *testing.T) {
	rate := topo.LinkParams{Rate: 100 * topo.Mbit}
	delayed := topo.LinkParams{Delay: 2 * time.Millisecond}
	for _, c := range []struct {
		name   string
		params topo.LinkParams
		engine harness.Engine
		want   string
		device string // what h1-eth0 is
		closed string // the operation that this machine refuses
	}{
		{"none", topo.LinkParams{}, harness.EngineAuto, "none", "veth", ""},
		{"htb", rate, harness.EngineAuto, "htb", "veth", ""},
		{"bpf", topo.LinkParams{Rate: 100 * topo.Mbit, Drop: []string{"packet 1000000"}}, harness.EngineBPF, "bpf", "veth", ""},
		{"netem", delayed, harness.EngineNetem, "netem", "veth", ""},
		{"user", delayed, harness.EngineAuto, "user", "tun", ""},
		{"user-bypass", topo.LinkParams{}, harness.EngineUser, "user", "veth", ""},
		{"user-plain", topo.LinkParams{}, harness.EngineUser, "user", "tun", "probe bypass"},
		{"user-rate", rate, harness.EngineUser, "user", "tun", ""},
		{"user-packet", delayed, harness.EngineAuto, "user", "veth", "make TAP "},
	} {
		t.Run(c.name, func(t *testing.T) {
			harnesstest.Require(t, "root", "ping")
			if c.engine == harness.EngineNetem || c.engine == harness.EngineBPF {
				harnesstest.Require(t, c.name)
			}
			harnesstest.NoLeaks(t)
			bypass := c.name == "user-bypass"
			if c.device == "tun" {
				harnesstest.Require(t, "tun")
			} else if bypass {
				harnesstest.Require(t, "tcx")
			}
			if c.closed != "" {
				without(t, c.closed)
			}
			n := harnesstest.Start(t, chain(c.params), &harness.Options{Engine: c.engine})
			out, err := n.Host("h2").Command(within(t), "ping", "-n", "-q", "-c2", "-i0.01", "-W10", "h1").CombinedOutput()
			if err != nil {
				t.Errorf("%s%v", out, err)
			}
			var files [2]bytes.Buffer
			var captures [2]*capture.Capture
			for i, h := range []string{"h1", "h2"} {
				if captures[i], err = n.Host(h).Capture(within(t), "", &files[i], capture.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := send(t, n, 1<<20, nil); err != nil {
				t.Error(err)
			}
			for i, capture := range captures {
				s, err := capture.Stop(within(t))
				if err != nil || !s.Complete || s.Bytes < 1<<20 {
					t.Errorf("stop: %+v, %v", s, err)
				}
				if longest := longestFrame(t, &files[i]); longest > 1514 {
					t.Errorf("a frame of %d bytes at h%d", longest, i+1)
				}
			}
			var s harness.LinkStats
			waitFor(t, func() error { // the last acknowledgement is no part of the transfer
				s = stats(t, n.Link("h1", "s1"))
				if s.A.Wire.InFlight+s.B.Wire.InFlight > 0 {
					return fmt.Errorf("frames travel: %+v, %+v", s.A.Wire, s.B.Wire)
				}
				return nil
			})
			for _, e := range []harness.EndStats{s.A, s.B} {
				if e.Engine != c.want || !e.Exact || e.TxPackets == 0 || e.RxPackets == 0 {
					t.Errorf("counters: %+v", e)
				}
				if c.want == "user" && (e.Wire.In == 0 || e.Wire.Out != e.Wire.In || s.Class == "") {
					t.Errorf("wire: %+v, class %q", e.Wire, s.Class)
				}
				// What is sent while the network comes up waits for the engine, which then has it.
				if w := e.Wire; (w.Bypassed > 0) != bypass || bypass && w.In-w.Bypassed > 10 {
					t.Errorf("the kernel carried %d of %d", w.Bypassed, w.In)
				}
			}
			if is := kind(t, n); is != c.device {
				t.Errorf("h1-eth0 is a %s", is)
			}
		})
	}
}

// kind is what h1-eth0 is.
func kind(t testing.TB, n *harness.Network) string {
	t.Helper()
	out, err := n.Host("h1").Command(within(t), "ip", "-d", "-o", "link", "show", "dev", "h1-eth0").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"tun", "veth"} {
		if strings.Contains(string(out), " "+k+" ") {
			return k
		}
	}
	return string(out)
}

// A round trip never takes less than both delays, and, where the machine lets the engine run, not much more.
func TestDelay(t *testing.T) {
	delay := topo.LinkParams{Delay: 5 * time.Millisecond}
	n := harnesstest.Start(t, cable(delay, delay), nil)
	ping := pinger(t, n)
	least := time.Hour
	for range 20 {
		least = min(least, ping())
	}
	if least < 10*time.Millisecond {
		t.Errorf("a round trip of %v, less than 10 ms", least)
	}
	waitFor(t, func() error { // on a busy machine many are late, not all
		if least = min(least, ping()); least > 15*time.Millisecond {
			return fmt.Errorf("no round trip in less than %v", least)
		}
		return nil
	})
}

// What loses everything loses all but ARP.
func TestLoseAll(t *testing.T) {
	for _, e := range []harness.Engine{harness.EngineUser, harness.EngineBPF} {
		t.Run(string(e), func(t *testing.T) {
			if e == harness.EngineBPF {
				harnesstest.Require(t, "bpf")
			}
			n := harnesstest.Start(t, cable(topo.LinkParams{}, topo.LinkParams{LossPercent: 100}), &harness.Options{Engine: e})
			out, err := n.Host("h2").Command(within(t), "ping", "-n", "-q", "-c3", "-i0.01", "-W0.1", "h1").CombinedOutput()
			if err == nil || !strings.Contains(string(out), " 0 received") {
				t.Errorf("%s%v", out, err)
			}
			out, err = n.Host("h2").Command(within(t), "ip", "neigh", "show", "10.0.0.1").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "00:00:00:00:00:01") {
				t.Errorf("h1's address was not resolved: %s%v", out, err)
			}
			waitFor(t, func() error { // ping does not wait for the engine
				if w := stats(t, n.Link("h1", "h2")).B.Wire; w.Dropped.Loss != 3 || w.Indexed != 3 {
					return fmt.Errorf("wire: %+v", w)
				}
				return nil
			})
		})
	}
}

// One lost SYN costs one time-out of a second, whether the parameters name it or DropNext.
func TestDropSYN(t *testing.T) {
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprint("named ", named), func(t *testing.T) {
			var p topo.LinkParams
			if named {
				p.Drop = []string{"the SYN"}
			}
			n := harnesstest.Start(t, cable(topo.LinkParams{}, p), &harness.Options{Engine: harness.EngineUser})
			link := n.Link("h1", "h2")
			var told <-chan harness.Drop
			if !named {
				var err error
				if told, err = link.DropNext("the SYN from h2"); err != nil {
					t.Fatal(err)
				}
			}
			took, err := send(t, n, 1000, nil)
			if err != nil || took < 900*time.Millisecond {
				t.Errorf("took %v, %v", took, err)
			}
			drops, err := link.Drops()
			if err != nil || len(drops) != 1 || drops[0].From != "h2" || drops[0].Cause != "list" || !strings.Contains(drops[0].Summary, "[S") {
				t.Errorf("drops: %+v, %v", drops, err)
			}
			if told != nil {
				if d, ok := <-told; !ok || len(drops) != 1 || d.Index != drops[0].Index || d.From != "h2" {
					t.Errorf("told of %+v, %v", d, ok)
				}
			}
		})
	}
}

// The same seed loses the same packets, those that impair predicts, in every engine; another seed loses others.
func TestSeed(t *testing.T) {
	harnesstest.Require(t, "root", "bpf")
	const count = 500
	lost := func(e harness.Engine, seed uint64) (indices []uint64) {
		tt := cable(topo.LinkParams{}, topo.LinkParams{LossPercent: 5})
		tt.Seed = seed
		n := harnesstest.Start(t, tt, &harness.Options{Engine: e})
		datagrams(t, n, count)
		link := n.Link("h1", "h2")
		waitFor(t, func() error {
			if w := stats(t, link).B.Wire; w.Indexed != count || w.InFlight != 0 {
				return fmt.Errorf("%+v", w)
			}
			return nil
		})
		drops, err := link.Drops()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			if d.From != "h2" || d.Cause != "loss" {
				t.Errorf("lost %+v", d)
			}
			indices = append(indices, d.Index)
		}
		if e == harness.EngineUser { // what did not get lost arrived
			if s := stats(t, link); int(s.A.RxPackets) < count-len(drops) || s.B.Wire.Dropped.Loss != uint64(len(drops)) {
				t.Errorf("%d lost, %+v", len(drops), s)
			}
		}
		slices.Sort(indices)
		n.Close()
		config, err := impair.ForLink(tt, 0, false, tt.Links[0].BA)
		if err != nil {
			t.Fatal(err)
		}
		if want := impair.Predict(config, 0, count); !slices.Equal(indices, want) {
			t.Errorf("%s: lost %v, predicted %v", e, indices, want)
		}
		return indices
	}
	first := lost(harness.EngineUser, 7)
	if again := lost(harness.EngineUser, 7); !slices.Equal(first, again) {
		t.Errorf("lost %v, then %v", first, again)
	}
	if bpf := lost(harness.EngineBPF, 7); !slices.Equal(first, bpf) {
		t.Errorf("user lost %v, bpf %v", first, bpf)
	}
	if other := lost(harness.EngineUser, 8); slices.Equal(first, other) {
		t.Errorf("another seed lost %v too", other)
	}
}

// datagrams sends numbered datagrams from h2 to h1, and nothing comes back.
func datagrams(t testing.TB, n *harness.Network, count int) {
	t.Helper()
	sink, err := n.Host("h1").ListenPacket(within(t), "udp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	c, err := n.Host("h2").Dial(within(t), "udp", "h1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range count {
		if _, err := fmt.Fprintf(c, "%04d", i); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // the others do not wait for ARP with it, of which the kernel keeps few
			waitFor(t, func() error {
				if s := stats(t, n.Link("h1", "h2")); s.A.RxPackets+s.B.Wire.Indexed < 2 {
					return errors.New("the first datagram did not get through ARP")
				}
				return nil
			})
		}
	}
}

// waitFor waits until ready says nil.
func waitFor(t testing.TB, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// pinger returns what measures round trips from h2 to h1, by datagrams.
func pinger(t testing.TB, n *harness.Network) func() time.Duration {
	t.Helper()
	echo, err := n.Host("h1").ListenPacket(within(t), "udp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var b [64]byte
		for {
			n, from, err := echo.ReadFrom(b[:])
			if err != nil {
				return
			}
			echo.WriteTo(b[:n], from)
		}
	}()
	c, err := n.Host("h2").Dial(within(t), "udp", "h1:7")
	if err != nil {
		t.Fatal(err)
	}
	once := func() time.Duration {
		t.Helper()
		c.SetDeadline(time.Now().Add(time.Minute))
		began := time.Now()
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	once() // pays for ARP
	return once
}

// A spanning tree settles over links of any engine, and takes the blocked port when the cable of a user link is out.
func TestSpanningTreeOverUserLinks(t *testing.T) {
	triangle := topo.Topo{Name: "triangle", Loops: topo.LoopsSpanningTree, IPv6: true}
	triangle.AddHost("h1", "h2").AddSwitch("s1", "s2", "s3")
	triangle.AddLink("s1", "s2", topo.LinkParams{Delay: time.Millisecond}).AddLink("s2", "s3").AddLink("s3", "s1")
	triangle.AddLink("h1", "s1", topo.LinkParams{Delay: time.Millisecond}).AddLink("h2", "s2")
	n := harnesstest.Start(t, triangle, nil)
	echo(t, n.Host("h1"))
	ask(t, n.Host("h2"), "tcp", "h1")
	ask(t, n.Host("h2"), "tcp6", "h1")
	states, err := harness.PortStates(n)
	if err != nil || states["s3-eth1"] != "blocking" {
		t.Errorf("port states: %v, %v", states, err)
	}
	for _, e := range []harness.EndStats{stats(t, n.Link("s1", "s2")).A, stats(t, n.Link("h1", "s1")).B} {
		if e.Wire.In == 0 || e.Wire.Dropped.Total() != 0 {
			t.Errorf("%s: %+v", e.Interface, e.Wire)
		}
	}
}

// A network that is closed while frames travel, schedules run and filters wait ends all of them.
func TestCloseBusy(t *testing.T) {
	harnesstest.NoLeaks(t)
	p := topo.LinkParams{Rate: 10 * topo.Mbit, Delay: 50 * time.Millisecond, Schedule: []topo.Change{{From: time.Hour, Down: true}}}
	n := harnesstest.Start(t, cable(p, p), nil)
	link := n.Link("h1", "h2")
	never, err := link.DropNext("the RST from 10.9.9.9")
	if err != nil {
		t.Fatal(err)
	}
	n.Begin()
	done := make(chan error, 1)
	go func() {
		_, err := send(t, n, 64<<20, nil)
		done <- err
	}()
	waitFor(t, func() error {
		if stats(t, link).A.Wire.InFlight == 0 {
			return errors.New("nothing travels")
		}
		return nil
	})
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("the transfer ended well")
	}
	select {
	case d, ok := <-never:
		if ok {
			t.Errorf("lost %+v", d)
		}
	case <-time.After(time.Minute):
		t.Error("who waits for a packet is not told that none comes")
	}
	for what, err := range map[string]error{
		"down": link.Down(within(t)), "set": link.Set(&topo.LinkParams{}, nil),
	} {
		if !errors.Is(err, harness.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := link.DropNext("the SYN"); !errors.Is(err, harness.ErrClosed) {
		t.Errorf("drop next: %v", err)
	}
	if _, err := link.Stats(); !errors.Is(err, harness.ErrClosed) {
		t.Errorf("stats: %v", err)
	}
}
