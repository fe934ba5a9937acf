package rtnl

import (
	"math"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

func TestHTBShape(t *testing.T) {
	for _, c := range []struct {
		rate            int64 // bit/s
		bytes           uint32
		ticks, quantum  uint32
		burstAtLeast    float64 // bytes
		burstNoMoreThan float64
	}{
		{8, 1, math.MaxUint32, 1514, 0, 15360},
		{10e6, 1250000, 192000, 125000, 15360, 15361},
		{1e9, 125000000, 15625, 200000, 125000, 125001},
		{40e9, math.MaxUint32, 15625, 200000, 5000000, 5000100},
	} {
		got := htbShape(c.rate)
		burst := float64(got.Buffer) * psched / 1e9 * float64(c.rate) / 8
		if got.Rate.Rate != c.bytes || got.Ceil.Rate != c.bytes || got.Buffer != c.ticks || got.Cbuffer != c.ticks ||
			got.Quantum != c.quantum || burst < c.burstAtLeast || burst > c.burstNoMoreThan+float64(c.rate)/8*psched/1e9 {
			t.Errorf("%d bit/s: %+v, burst %g bytes", c.rate, got, burst)
		}
	}
}

// scratch runs f inside a new network namespace, with a veth pair h1-eth0 and h2-eth0.
func scratch(t *testing.T, f func(c *Conn)) {
	t.Helper()
	made := make(chan error, 1) // nothing, once the namespace is there
	go func() {
		defer close(made)
		runtime.LockOSThread() // the thread dies with this goroutine
		ns, err := netns.New()
		if err != nil {
			made <- err
			return
		}
		defer ns.Close()
		c, err := Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		err = c.Do(AddVeth(End{Index: 10, Name: "h1-eth0", MAC: []byte{2, 0, 0, 0, 0, 1}}, 0,
			End{Index: 11, Name: "h2-eth0", MAC: []byte{2, 0, 0, 0, 0, 2}}, netns.None()), Up("h2-eth0", 11))
		if err != nil {
			t.Error(err)
			return
		}
		f(c)
	}()
	if err := <-made; err != nil {
		t.Skipf("needs root: make network namespace: %v", err)
	}
}

// What is asked of the kernel is what others read back: the netlink library and tc(8).
func TestHTBInKernel(t *testing.T) {
	for _, c := range []struct {
		rate int64
		tc   string
	}{
		{10e6, "rate 10Mbit ceil 10Mbit burst 15Kb cburst 15Kb"},
		{1e9, "rate 1Gbit ceil 1Gbit burst 125000b cburst 125000b"},
		{40e9, "rate 40Gbit ceil 40Gbit burst 5000000b cburst 5000000b"},
	} {
		scratch(t, func(conn *Conn) {
			if err := conn.Do(AddHTB("h1-eth0", 10, c.rate)...); err != nil {
				t.Error(err)
				return
			}
			h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			classes, err := h.ClassList(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 10}}, netlink.MakeHandle(5, 0))
			if err != nil || len(classes) != 1 {
				t.Errorf("classes: %v, %v", classes, err)
				return
			}
			class := classes[0].(*netlink.HtbClass)
			if class.Handle != netlink.MakeHandle(5, 1) || class.Rate != uint64(c.rate)/8 || class.Ceil != class.Rate || class.Cbuffer != class.Buffer {
				t.Errorf("class %v", class)
			}
			qdiscs, err := conn.Qdiscs()
			if err != nil || qdiscs[10].Kind != "htb" {
				t.Errorf("qdiscs: %v, %v", qdiscs, err)
			}
			out, err := exec.Command("tc", "class", "show", "dev", "h1-eth0").CombinedOutput() // a child of this thread
			if err != nil || !strings.Contains(string(out), c.tc) {
				t.Logf("tc: %v", err)
				t.Errorf("tc class show: %s; want %s", out, c.tc)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	scratch(t, func(c *Conn) {
		links, err := c.Links()
		if err != nil {
			t.Error(err)
			return
		}
		found := make(map[string]Link)
		for _, l := range links {
			found[l.Name] = l
		}
		if l := found["h1-eth0"]; l.Index != 10 || l.Kind != "veth" || l.MAC.String() != "02:00:00:00:00:01" || !l.Up {
			t.Errorf("h1-eth0: %+v", l)
		}
		if l := found["lo"]; l.Index != 1 || l.Up || l.Running {
			t.Errorf("lo: %+v", l)
		}
		// The first failure is told by its name, and the others are done all the same.
		err = c.Do(Up("none-such", 99), Up("lo", 1))
		if err == nil || !strings.HasPrefix(err.Error(), "take none-such up: no such device") {
			t.Errorf("got %v", err)
		}
		if links, _ := c.Links(); !links[0].Up {
			t.Error("the second change was not made")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 72))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Whatever comes, there is an answer.
		_, _ = parseLink(b)
		_, _ = parseSocket(b)
		_ = new(Qdisc).parseStats(b)
	})
}
