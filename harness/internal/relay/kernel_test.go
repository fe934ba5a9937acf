package relay_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/relay"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func forKinds(t *testing.T, f func(t *testing.T, k kind)) {
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			requireKernel(t, k)
			f(t, k)
		})
	}
}

// transfer sends size random bytes over TCP from a to b, and compares. Of what is to happen in the middle the first does
// before the second half of the bytes is sent, and the others while it is.
func (n *network) transfer(size int, from string, middle ...func()) {
	n.t.Helper()
	var l net.Listener
	n.b.do(func() (err error) { l, err = net.Listen("tcp", net.JoinHostPort(from, "0")); return err })
	defer l.Close()
	sum := make(chan []byte, 1)
	go func() {
		defer close(sum)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		h := sha256.New()
		io.Copy(h, c)
		sum <- h.Sum(nil)
	}()
	var c net.Conn
	n.a.do(func() (err error) {
		c, err = net.DialTimeout("tcp", l.Addr().String(), patience)
		return err
	})
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	body := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(body)
	if _, err := c.Write(body[:size/2]); err != nil {
		n.t.Fatal(err)
	}
	if len(middle) > 0 {
		middle[0]()
		middle = middle[1:]
	}
	rest := make(chan error, 1)
	go func() {
		_, err := c.Write(body[size/2:])
		rest <- err
	}()
	for _, f := range middle {
		f()
	}
	if err := <-rest; err != nil {
		n.t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	select {
	case got := <-sum:
		if want := sha256.Sum256(body); !bytes.Equal(got, want[:]) {
			n.t.Fatal("other bytes came than were sent")
		}
	case <-time.After(60 * time.Second):
		n.t.Fatal("transfer did not end")
	}
}

func TestTCPAcross(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		drop := func(percent uint64) relay.Decider {
			return deciderFunc(func(p *relay.Packet) relay.Decision {
				d := relay.Pass
				d.Drop = p.Index*2654435761>>8%100 < percent
				return d
			})
		}
		for name, c := range map[string]relay.Config{
			"plain":    {},
			"delay":    {Delay: 500 * time.Microsecond},
			"rate":     {Rate: 500_000_000, Delay: time.Millisecond},
			"perframe": {PerFrame: true},
			"loss":     {Decider: drop(1)},
			"ecn":      {Rate: 200_000_000, MarkPackets: 10},
			"corrupt": {Decider: deciderFunc(func(p *relay.Packet) relay.Decision {
				d := relay.Pass
				if p.Index%97 == 50 {
					d.Corrupt = int(p.Index * 7919 % 12000)
				}
				return d
			})},
		} {
			t.Run(name, func(t *testing.T) {
				n := join(t, k, relay.Options{}, c, c)
				n.transfer(4<<20, addrB)
				n.transfer(1<<20, addr6B)
				s := n.stats()
				if name == "plain" && (s.AB.Super == 0 || s.AB.PacketsIn < 4<<20/1448) {
					t.Errorf("no super-frames: %+v", s.AB)
				}
				if name == "loss" && s.AB.Dropped.Loss == 0 || name == "perframe" && s.AB.Cut == 0 || name == "corrupt" && s.AB.Corrupted == 0 {
					t.Errorf("nothing happened: %+v", s.AB)
				}
			})
		}
	})
}

type deciderFunc func(*relay.Packet) relay.Decision

func (f deciderFunc) Decide(p *relay.Packet) relay.Decision { return f(p) }

func TestPing(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		n := join(t, k, relay.Options{}, relay.Config{Delay: 2 * time.Millisecond}, relay.Config{Delay: 3 * time.Millisecond})
		for _, to := range []string{addrB, addr6B} {
			if out, err := n.a.output("ping", "-c3", "-i0.01", "-W5", to); err != nil || !strings.Contains(out, " 0% packet loss") {
				t.Errorf("ping: %v\n%s", err, out)
			}
		}
	})
}

// flow sends count numbered datagrams from a to b, and returns the numbers that arrived, in order, when the link has
// nothing in flight.
func (n *network) flow(count, size int) []uint32 {
	n.t.Helper()
	rx := n.b.udpSocket(addrB + ":6000")
	tx := n.a.udpSocket(addrA + ":5000")
	defer tx.Close()
	defer rx.Close()
	got := make(chan []uint32)
	var received atomic.Int64
	go func() {
		var all []uint32
		b := make([]byte, 2048)
		for {
			k, _, err := rx.ReadFromUDP(b)
			if err != nil || k < 5 {
				got <- all
				return
			}
			all = append(all, binary.BigEndian.Uint32(b))
			received.Add(1)
		}
	}()
	before := n.stats()
	b := make([]byte, size)
	to := mustAddrPort(addrB + ":6000")
	for i := range count {
		binary.BigEndian.PutUint32(b, uint32(i))
		if _, err := tx.WriteToUDPAddrPort(b, to); err != nil {
			n.t.Fatal(err)
		}
		if i%200 == 199 { // no more than the queues of the interface and of the receiving host hold
			n.until("read", func(s relay.Stats) bool {
				return s.AB.IPIn-before.AB.IPIn > uint64(i) && s.AB.PacketsOut-before.AB.PacketsOut < uint64(received.Load())+300
			})
		}
	}
	n.until("delivered", func(s relay.Stats) bool { return s.AB.IPIn-before.AB.IPIn >= uint64(count) && s.AB.InFlight == 0 })
	// What was handed to b may still be on its way to the socket.
	s := n.stats()
	lost := int(s.AB.Dropped.Total() - before.AB.Dropped.Total())
	for deadline := time.Now().Add(patience); int(received.Load()) < count-lost && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	// The last word, past all impairments, comes from b itself.
	end := n.b.udpSocket(addrB + ":0")
	if _, err := end.WriteToUDPAddrPort([]byte("end"), to); err != nil {
		n.t.Fatal(err)
	}
	select {
	case all := <-got:
		return all
	case <-time.After(patience):
		n.t.Fatal("receiver did not end")
		return nil
	}
}

func TestLostSetInTheKernel(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		const count = 20_000
		lost := func(i uint64) bool { return (i+1)*0x9e3779b97f4a7c15>>40%100 == 0 }
		n := join(t, k, relay.Options{}, relay.Config{Delay: 100 * time.Microsecond, Decider: deciderFunc(func(p *relay.Packet) relay.Decision {
			d := relay.Pass
			d.Drop = p.IP && lost(p.Index)
			return d
		})}, relay.Config{})
		var want []uint32
		for i := range uint32(count) {
			if !lost(uint64(i)) {
				want = append(want, i)
			}
		}
		if got := n.flow(count, 200); !slices.Equal(got, want) {
			t.Fatalf("%d packets came, want %d; the sets differ", len(got), len(want))
		}
		drops, err := n.link.Drops(relay.AB)
		if err != nil {
			t.Fatal(err)
		}
		if len(drops) != count-len(want) {
			t.Fatalf("log has %d drops, want %d", len(drops), count-len(want))
		}
		for _, d := range drops {
			if !lost(d.Index) || d.Cause != relay.Loss {
				t.Fatalf("log: %+v", d)
			}
		}
	})
}

func TestSetDuringTraffic(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		n := join(t, k, relay.Options{}, relay.Config{}, relay.Config{})
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				c := relay.Config{Delay: time.Duration(i%5) * time.Millisecond, QueuePackets: 1 << 20}
				if i%3 == 0 {
					c.Rate = int64(100_000_000 * (1 + i%10))
				}
				if err := n.link.Set(&c, nil); err != nil {
					t.Error(err)
				}
			}
		}()
		const count = 5000
		got := n.flow(count, 500)
		close(stop)
		<-done
		if len(got) != count || !slices.IsSorted(got) {
			t.Fatalf("%d of %d packets came, in order %v", len(got), count, slices.IsSorted(got))
		}
	})
}

func TestDownUpAcrossTCP(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		n := join(t, k, relay.Options{}, relay.Config{Rate: 200_000_000}, relay.Config{})
		n.transfer(8<<20, addrB, func() { n.link.Down() }, func() {
			n.until("lost", func(s relay.Stats) bool { return s.AB.Dropped.Down+s.BA.Dropped.Down > 0 })
			n.link.Up()
		})
		if s := n.stats(); s.AB.Dropped.Down+s.BA.Dropped.Down == 0 {
			t.Errorf("nothing was lost: %+v", s)
		}
	})
}

func TestDropTheSYN(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		n := join(t, k, relay.Options{}, relay.Config{}, relay.Config{})
		drop, err := n.link.DropNext(func(p *relay.Packet) bool {
			return p.IP && p.Frame[23] == 6 && p.Frame[47]&0x12 == 2
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		n.transfer(1000, addrB)
		if d := <-drop; !strings.Contains(d.Summary, "[S") {
			t.Errorf("dropped %+v", d)
		}
		if took := time.Since(began); took < 900*time.Millisecond {
			t.Errorf("the transfer took %v, and no SYN was sent again after 1 s", took)
		}
	})
}

// The delay of every packet, by the kernel's time stamps at both hosts.
func TestDelayInTheKernel(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		const delay, count = 2 * time.Millisecond, 200
		n := join(t, k, relay.Options{}, relay.Config{Delay: delay}, relay.Config{})
		took := n.oneWay(count)
		if s := n.stats(); s.Unstamped != nil {
			t.Errorf("as root, and yet: %v", s.Unstamped)
		}
		if took[0] < delay {
			t.Errorf("a packet took %v, less than %v", took[0], delay)
		}
		s := n.stats()
		t.Logf("p50 %v, p99 %v; late %+v; %+v", took[count/2]-delay, took[count*99/100]-delay, s.AB.Late, s.Thread)
	})
}

// Links that delay hold the processors awake, as long as there is one, by one descriptor.
func TestProcessorsStayAwake(t *testing.T) {
	harnesstest.Require(t, "awake")
	requireKernel(t, tap)
	open := func() (n int) {
		t.Helper()
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range all {
			if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); to == "/dev/cpu_dma_latency" {
				n++
			}
		}
		return n
	}
	want := func(n int, when string) {
		t.Helper()
		if got := open(); got != n {
			t.Errorf("%s: open %d times, want %d", when, got, n)
		}
	}
	delay := relay.Config{Delay: time.Millisecond}
	want(0, "before")
	one := join(t, tap, relay.Options{}, relay.Config{}, delay)
	want(1, "one link delays")
	two := joinOn(t, one.eng, tap, relay.Config{}, relay.Config{})
	if err := two.link.Set(&delay, nil); err != nil {
		t.Fatal(err)
	}
	want(1, "two do")
	if err := one.link.Set(nil, &relay.Config{}); err != nil {
		t.Fatal(err)
	}
	want(1, "the other one does")
	if s := two.stats(); s.Asleep != nil {
		t.Error(s.Asleep)
	}
	if err := errors.Join(two.link.Close(), two.link.Close()); err != nil {
		t.Error(err)
	}
	want(0, "none is left")
}

// A frame that waits for a thread that sleeps, or does something else, is delivered in time all the same.
func TestDelayCountsFromArrival(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		const delay, held = 500 * time.Millisecond, 200 * time.Millisecond
		n := join(t, k, relay.Options{}, relay.Config{Delay: delay}, relay.Config{})
		reached, hold := make(chan bool, 1), make(chan bool)
		first := true
		if err := n.link.Set(nil, &relay.Config{Decider: deciderFunc(func(*relay.Packet) relay.Decision {
			if first {
				first = false
				reached <- true
				<-hold
			}
			return relay.Pass
		})}); err != nil {
			t.Fatal(err)
		}
		back := n.b.udpSocket(addrB + ":7000")
		if _, err := back.WriteToUDPAddrPort([]byte("hold"), mustAddrPort(addrA+":7000")); err != nil {
			t.Fatal(err)
		}
		<-reached
		time.AfterFunc(held, func() { close(hold) }) // the time that passes is what is tested
		if took := n.oneWay(1)[0]; took < delay || took > delay+held*3/4 {
			t.Errorf("took %v in place of %v: the thread was held for %v", took, delay, held)
		}
	})
}

// oneWay sends datagrams one after the other from a to b and returns their sorted times from send to the receiving
// kernel's time stamp.
func (n *network) oneWay(count int) []time.Duration {
	n.t.Helper()
	rx, tx := n.b.udpSocket(addrB+":6000"), n.a.udpSocket(addrA+":5000")
	to := mustAddrPort(addrB + ":6000")
	var took []time.Duration
	b, oob := make([]byte, 64), make([]byte, 64)
	for range count {
		sent := time.Now()
		if _, err := tx.WriteToUDPAddrPort(b, to); err != nil {
			n.t.Fatal(err)
		}
		rx.SetReadDeadline(sent.Add(patience))
		_, on, _, _, err := rx.ReadMsgUDP(b, oob)
		if err != nil {
			shown, _ := n.b.output("ip", "-s", "neigh", "show")
			n.t.Fatalf("datagram %d: %v: %+v; neighbours of b: %s", len(took), err, n.stats(), shown)
		}
		at, ok := timestamp(oob[:on])
		if !ok {
			n.t.Fatal("no time stamp")
		}
		took = append(took, at.Sub(sent.Round(0)))
	}
	slices.Sort(took)
	return took
}

func timestamp(oob []byte) (time.Time, bool) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}, false
	}
	for _, m := range msgs {
		if m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), true
		}
	}
	return time.Time{}, false
}

// A device deleted by someone else ends the link, and says so.
func TestDeletedDevice(t *testing.T) {
	requireKernel(t, tap)
	n := join(t, tap, relay.Options{}, relay.Config{}, relay.Config{})
	n.a.ip("link del dev eth0")
	s := n.until("gone", func(s relay.Stats) bool { return s.Err != nil })
	if !errors.Is(s.Err, relay.ErrGone) {
		t.Errorf("error %v", s.Err)
	}
}

// What the TAP's ring drops because the engine does not read is the engine's fault, and is said.
func TestOverrunIsReported(t *testing.T) {
	requireKernel(t, tap)
	block := make(chan struct{})
	n := join(t, tap, relay.Options{Class: relay.ClassPlain}, relay.Config{Decider: deciderFunc(func(p *relay.Packet) relay.Decision {
		if p.IP && p.Index == 0 {
			<-block
		}
		return relay.Pass
	})}, relay.Config{})
	tx := n.a.udpSocket(addrA + ":5000")
	for range relay.TXQueueLen + 500 {
		if _, err := tx.WriteToUDPAddrPort([]byte("x"), mustAddrPort(addrB+":6000")); err != nil && !errors.Is(err, unix.ENOBUFS) {
			t.Fatal(err)
		}
	}
	close(block)
	s, err := n.link.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.AB.Dropped.Missed < 400 || s.EngineDrops() < s.AB.Dropped.Missed {
		t.Errorf("dropped %+v", s.AB.Dropped)
	}
	if n.link.Close() != nil {
		t.Error(err)
	}
	if after, _ := n.link.Stats(); after.AB.Dropped.Missed < s.AB.Dropped.Missed {
		t.Errorf("after Close: %+v", after.AB.Dropped)
	}
}
