package rtnl

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/topo"
)

// netems are emulators with each of their parts.
func netems() []Netem {
	const ms = time.Millisecond
	return []Netem{
		{},
		{Delay: 10 * ms},
		{Rate: 10e6, Delay: 10 * ms, Jitter: ms, LossPercent: 5, Limit: 100},
		{Rate: 40e9, OwnRate: 50e9, Delay: time.Hour},
		{Delay: 10 * ms, Jitter: 3 * ms, Distribution: topo.Normal, Seed: 42},
		{Delay: 10 * ms, Jitter: 3 * ms, Distribution: topo.Pareto, DuplicatePercent: 1.5, CorruptPercent: 0.1},
		{Delay: 10 * ms, Jitter: 3 * ms, Distribution: topo.ParetoNormal, ReorderPercent: 25, ReorderGap: 5},
		{Delay: ms, ReorderPercent: 50},
		{Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 10, HPercent: 70, KLossPercent: 0.1}},
		{Gilbert: topo.GilbertElliott{PPercent: 2}, OwnRate: 1e6},
	}
}

// netem runs f where the kernel has netem, with what n lays out on h1-eth0.
func netem(t *testing.T, n Netem, f func(c *Conn)) {
	t.Helper()
	missing := error(nil)
	scratch(t, func(c *Conn) {
		if err := n.Validate(); err != nil {
			t.Error(err)
			return
		}
		switch err := c.Do(AddNetem("h1-eth0", 10, n)...); {
		case errors.Is(err, ErrMissing):
			missing = err
		case err != nil:
			t.Errorf("%+v: %v", n, err)
		default:
			f(c)
		}
	})
	if missing != nil {
		if required := os.Getenv("WIREPROOF_REQUIRE"); slices.Contains(strings.Split(required, ","), "netem") {
			t.Fatal(missing)
		}
		t.Skipf("needs netem: %v", missing)
	}
}

// The kernel has what was asked, by itself and by tc(8), after each change from each other.
func TestNetemInKernel(t *testing.T) {
	check := func(c *Conn, n Netem) {
		t.Helper()
		want := readable(n)
		got, counts, err := c.Netem("h1-eth0", 10)
		if got.Seed == 0 {
			want.Seed = 0 // before Linux 6.6
		}
		if err != nil || got != want || counts.Kind != "netem" {
			t.Errorf("read %+v, %+v, %v; want %+v", got, counts, err, want)
		}
	}
	for _, n := range netems() {
		netem(t, n, func(c *Conn) {
			check(c, n)
			for _, to := range netems() {
				ops, laid := ChangeNetem("h1-eth0", 10, n, to)
				if err := c.Do(ops...); err != nil {
					t.Errorf("from %+v to %+v: %v", n, to, err)
				}
				check(c, laid)
				n = laid
			}
		})
	}
	full := Netem{Rate: 10e6, Delay: 30 * time.Second, Jitter: 1500 * time.Microsecond, LossPercent: 2.5, DuplicatePercent: 1,
		ReorderPercent: 25, ReorderGap: 5, CorruptPercent: 0.1, Limit: 77, OwnRate: 40e9}
	netem(t, full, func(*Conn) {
		shown(t, "qdisc htb 5: root", "qdisc netem 10: parent 5:1 limit 77 delay 30s  1.5ms loss 2.5% duplicate 1% reorder 25% corrupt 0.1%", "rate 40Gbit", "gap 5")
	})
	netem(t, Netem{Delay: time.Millisecond, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 10, HPercent: 70, KLossPercent: 0.1}}, func(*Conn) {
		shown(t, "qdisc netem 10: root", "delay 1ms", "loss gemodel p 1% r 10% 1-h 30% 1-k 0.1%")
	})
}

func shown(t *testing.T, want ...string) {
	t.Helper()
	out, err := exec.Command("tc", "qdisc", "show", "dev", "h1-eth0").CombinedOutput() // a child of this thread
	if err != nil {
		t.Errorf("tc: %v: %s", err, out)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("tc qdisc show: %s; want %s", out, w)
		}
	}
}

func TestNoNetem(t *testing.T) {
	scratch(t, func(c *Conn) {
		if _, _, err := c.Netem("h1-eth0", 10); !errors.Is(err, ErrNoNetem) {
			t.Error(err)
		}
		_ = c.Do(AddHTB("h1-eth0", 10, 1e6)...)
		if _, _, err := c.Netem("h1-eth0", 10); !errors.Is(err, ErrNoNetem) {
			t.Error(err)
		}
	})
}

// An arrival is a numbered frame of h1-eth0 that came to h2-eth0.
type arrival struct {
	number uint64        // math.MaxUint64: spoilt
	after  time.Duration // since it was handed over
	at     time.Duration // since the first of all was
	wrong  int           // bits unlike those sent
}

const (
	frameType = 0x88b5 // IEEE 802.1: for experiments
	frameSize = 600
)

func frameOf(number uint64) []byte {
	b := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, frameType>>8, frameType&0xff)
	b = binary.BigEndian.AppendUint64(b, number)
	for len(b) < frameSize {
		b = append(b, byte(len(b)))
	}
	return b
}

func frameSocket(t *testing.T, protocol uint16, index int) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: index})
	}
	if err != nil {
		t.Errorf("packet socket: %v", err)
	}
	return fd
}

// traffic sends n frames from h1-eth0, so many at a time, and returns what came to h2-eth0, in order. during is called
// before each is sent.
func traffic(t *testing.T, c *Conn, n, batch int, during ...func(i int)) (came []arrival) {
	t.Helper()
	// The frames of IPv6 are nobody's here.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0)
	emulator := func() Qdisc {
		_, counts, err := c.Netem("h1-eth0", 10)
		if err != nil {
			t.Error(err)
		}
		return counts
	}
	in, out := frameSocket(t, unix.ETH_P_ALL, 11), frameSocket(t, 0, 10)
	defer unix.Close(in)
	defer unix.Close(out)
	_ = unix.SetsockoptInt(in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	sent := make([]time.Time, n)
	before, read := emulator().Packets, uint64(0)
	b := make([]byte, 4096)
	receive := func() {
		for {
			size, from, err := unix.Recvfrom(in, b, 0)
			if err != nil {
				return
			}
			now := time.Now()
			if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			read++
			if size != frameSize {
				continue
			}
			a := arrival{number: binary.BigEndian.Uint64(b[14:]), at: now.Sub(sent[0])}
			if a.number < uint64(n) {
				a.after = now.Sub(sent[a.number])
			} else {
				a.number = math.MaxUint64
			}
			for i, v := range frameOf(a.number) {
				a.wrong += bits.OnesCount8(v ^ b[i])
			}
			came = append(came, a)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for i := 0; i < n; {
		for end := min(i+batch, n); i < end; i++ {
			for _, f := range during {
				f(i)
			}
			sent[i] = time.Now()
			if _, err := unix.Write(out, frameOf(uint64(i))); err != nil && !errors.Is(err, unix.ENOBUFS) {
				t.Error(err)
			}
		}
		// Until the emulator is empty, and all that left it is here.
		for receive(); ; receive() {
			if e := emulator(); e.Len == 0 && read >= e.Packets-before {
				break
			} else if time.Now().After(deadline) {
				t.Errorf("%d frames read; emulator: %+v, %d before", read, e, before)
				return came
			}
		}
	}
	return came
}

// The emulator at work does what was asked.
func TestNetemActs(t *testing.T) {
	const ms = time.Millisecond
	within := func(what string, n, k int, p float64) {
		t.Helper()
		if low, high := impair.Bounds(uint64(n), p, impair.DefaultError); uint64(k) < low || uint64(k) > high {
			t.Errorf("%s: %d of %d, want %d to %d", what, k, n, low, high)
		}
	}
	count := func(came []arrival, f func(arrival) bool) (k int) {
		for _, a := range came {
			if f(a) {
				k++
			}
		}
		return k
	}
	const n = 2000
	netem(t, Netem{Delay: 20 * ms}, func(c *Conn) {
		came := traffic(t, c, n, 100)
		if len(came) != n {
			t.Errorf("%d of %d came", len(came), n)
		}
		for i, a := range came {
			if a.number != uint64(i) || a.after < 20*ms {
				t.Errorf("frame %d came as number %d after %v", a.number, i, a.after)
			}
		}
	})
	netem(t, Netem{LossPercent: 20}, func(c *Conn) {
		within("loss", n, n-len(traffic(t, c, n, 100)), 0.2)
		if _, counts, err := c.Netem("h1-eth0", 10); err != nil || counts.Drops == 0 {
			t.Errorf("%+v, %v", counts, err)
		}
		ops, _ := ChangeNetem("h1-eth0", 10, Netem{}, Netem{LossPercent: 100})
		if err := c.Do(ops...); err != nil {
			t.Error(err)
		}
		if came := traffic(t, c, n, 100); len(came) != 0 {
			t.Errorf("%d came through loss of 100 %%", len(came))
		}
		ops, _ = ChangeNetem("h1-eth0", 10, Netem{}, Netem{})
		if err := c.Do(ops...); err != nil {
			t.Error(err)
		}
		if came := traffic(t, c, n, 100); len(came) != n {
			t.Errorf("%d of %d came after the loss was taken back", len(came), n)
		}
	})
	netem(t, Netem{Gilbert: topo.GilbertElliott{PPercent: 100, RPercent: 1e-7, HPercent: 25}}, func(c *Conn) {
		within("passed in the bad state", n-1, len(traffic(t, c, n, 100)), 0.25) // the first meets the good one
	})
	netem(t, Netem{DuplicatePercent: 100}, func(c *Conn) {
		if came := traffic(t, c, n, 100); len(came) != 2*n {
			t.Errorf("%d came of %d doubled", len(came), n)
		}
	})
	netem(t, Netem{CorruptPercent: 100}, func(c *Conn) {
		came := traffic(t, c, n, 100)
		// One bit; in the number it spoils more.
		if k := count(came, func(a arrival) bool { return a.wrong == 1 || a.number == math.MaxUint64 }); k < n*9/10 {
			t.Errorf("%d of %d have one bit wrong", k, len(came))
		}
	})
	netem(t, Netem{Delay: 200 * ms, ReorderPercent: 100, ReorderGap: 4}, func(c *Conn) {
		const n, batch = 400, 40
		early := 0
		have := make(map[uint64]bool)
		for _, a := range traffic(t, c, n, batch) {
			have[a.number] = true
			if a.number%4 == 3 && !have[a.number-1] {
				early++
			} else if a.after < 200*ms {
				t.Errorf("frame %d came after %v", a.number, a.after)
			}
		}
		if early != n/4 || len(have) != n {
			t.Errorf("%d of %d overtook others, want %d", early, len(have), n/4)
		}
	})
	// Changed with frames under way, none of which is lost or doubled, and each keeps its time.
	long := Netem{Rate: 100e6, Delay: 300 * ms}
	netem(t, long, func(c *Conn) {
		short := Netem{Rate: 200e6, Delay: 30 * ms}
		times := make(map[uint64]int)
		came := traffic(t, c, 200, 200, func(i int) {
			if i != 100 {
				return
			}
			ops, _ := ChangeNetem("h1-eth0", 10, long, short)
			if err := c.Do(ops...); err != nil {
				t.Error(err)
			}
		})
		for _, a := range came {
			times[a.number]++
			if least := map[bool]time.Duration{true: long.Delay, false: short.Delay}[a.number < 100]; a.after < least || times[a.number] > 1 {
				t.Errorf("frame %d came after %v, %d times", a.number, a.after, times[a.number])
			}
		}
		if len(times) != 200 || came[0].number != 100 {
			t.Errorf("%d of 200 came, the first was %d", len(times), came[0].number)
		}
	})
	netem(t, Netem{OwnRate: 4.8e6}, func(c *Conn) { // 1 ms for each frame
		for i, a := range traffic(t, c, 100, 100) {
			if least := time.Duration(i+1) * ms; a.at < least {
				t.Errorf("frame %d came after %v, want %v", i, a.at, least)
			}
		}
	})
}

// A jitter's distribution is the one asked for, also where another was there before. A second of delay, so that a slow
// machine's own is nothing beside it.
func TestNetemJitter(t *testing.T) {
	const n, jitter = 1000, 500 * time.Millisecond
	old := Netem{Delay: 2 * jitter, Jitter: jitter, Distribution: topo.Normal}
	netem(t, old, func(c *Conn) {
		for _, d := range []topo.Distribution{topo.Normal, topo.Uniform, topo.Pareto} {
			changed := old
			changed.Distribution = d
			ops, _ := ChangeNetem("h1-eth0", 10, old, changed)
			if err := c.Do(ops...); err != nil {
				t.Error(err)
			}
			// More than one jitter early: 16 % in the normal distribution, none in the others. More than 1.2 late: 12 %, none in
			// the uniform one, 7 % in Pareto's.
			var early, late int
			came := traffic(t, c, n, n)
			for _, a := range came {
				if a.after < old.Delay-jitter {
					early++
				}
				if a.after > old.Delay+jitter*12/10 {
					late++
				}
			}
			if len(came) != n || (early > 80) != (d == topo.Normal) || (late > 30) != (d != topo.Uniform) {
				t.Errorf("%s: %d early, %d late of %d", d, early, late, len(came))
			}
		}
	})
}
