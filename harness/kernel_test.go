package harness_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// within is a context for what takes a moment; on a busy machine, a long one.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// echo has a host answer on its port 7, with its own name, until the network is closed.
func echo(t testing.TB, h *harness.Host) {
	t.Helper()
	l, err := h.Listen(within(t), "tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, h.Name())
			c.Close()
		}
	}()
}

// ask dials a host by name and checks that it is the one that answers.
func ask(t testing.TB, from *harness.Host, network, to string) {
	t.Helper()
	c, err := from.Dial(within(t), network, net.JoinHostPort(to, "7"))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(c)
	if err != nil || string(got) != to {
		t.Errorf("%s asks %s: got %q, %v", from.Name(), to, got, err)
	}
}

// Every host reaches every other one by name, over TCP.
func TestAllPairs(t *testing.T) {
	rate := topo.LinkParams{Rate: 100 * topo.Mbit}
	v6 := topo.Single(3)
	v6.IPv6 = true
	for name, tt := range map[string]topo.Topo{
		"pair": topo.Pair(), "single": topo.Single(4), "linear": topo.Linear(3, rate), "tree": topo.Tree(2, 3, rate), "ipv6": v6,
	} {
		t.Run(name, func(t *testing.T) {
			harnesstest.NoLeaks(t)
			n := harnesstest.Start(t, tt, nil)
			for _, h := range tt.Hosts {
				echo(t, n.Host(h.Name))
			}
			for _, a := range tt.Hosts {
				for _, b := range tt.Hosts {
					ask(t, n.Host(a.Name), "tcp", b.Name)
					if tt.IPv6 {
						ask(t, n.Host(a.Name), "tcp6", b.Name)
					}
				}
			}
		})
	}
}

// A program sees the host's name service, network, processes and /sys, in the directory of the test.
func TestCommand(t *testing.T) {
	harnesstest.Require(t, "root", "ping")
	harnesstest.NoLeaks(t)
	n := harnesstest.Start(t, topo.Single(2), nil)
	dir, _ := os.Getwd()
	for _, c := range []struct{ run, want string }{
		{"getent hosts h2", "10.0.0.2        h2\n"},
		{"getent ahostsv4 h1 | head -1 | cut -d' ' -f1", "10.0.0.1\n"},
		{"getent hosts example.org; echo $?", "2\n"},
		{"ping -n -q -c1 -W5 h2 | grep -c '1 received'", "1\n"},
		{"ls /sys/class/net", "h1-eth0\nlo\n"},
		{"cat /proc/1/cmdline | tr '\\0' ' '", "wireproof-init "},
		{"ls /proc | grep -c '^[0-9]*$' | { read n; test $n -lt 12 && echo few; }", "few\n"},
		{"pwd", dir + "\n"},
		{"ip -4 -o addr show dev h1-eth0 | grep -o 'inet.*brd [0-9.]*'", "inet 10.0.0.1/8 brd 10.255.255.255\n"},
		{"ip -o link show dev h1-eth0 | grep -o 'ether [0-9a-f:]*'", "ether 00:00:00:00:00:01\n"},
		{"ip -6 addr; ip -6 route show table all", ""}, // nor has an interface that it makes itself:
		{"ip link add mine up type veth peer name yours && ip link set yours up && ip -o addr show dev mine; ip link del mine", ""},
	} {
		out, err := n.Host("h1").Command(within(t), "sh", "-c", c.run).CombinedOutput()
		if err != nil || string(out) != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.run, out, err, c.want)
		}
	}
}

// TCP is cubic, whatever the machine has, or what was asked for.
func TestCongestion(t *testing.T) {
	for _, want := range []string{"cubic", "reno"} {
		t.Run(want, func(t *testing.T) {
			o := &harness.Options{Congestion: want}
			if want == "cubic" {
				o = nil
			}
			n := harnesstest.Start(t, topo.Single(2), o)
			check := func() {
				t.Helper()
				l, err := n.Host("h1").Listen(within(t), "tcp", ":0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				_, port, _ := net.SplitHostPort(l.Addr().String())
				c, err := n.Host("h2").Dial(within(t), "tcp", "h1:"+port)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				s, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for _, c := range []net.Conn{c, s} {
					if got := harness.Congestion(t, c.(*net.TCPConn)); got != want {
						t.Errorf("congestion control %s, want %s", got, want)
					}
				}
			}
			check()
			l := n.Link("h1", "s1")
			if err := l.Down(within(t)); err != nil {
				t.Fatal(err)
			}
			if err := l.Up(within(t)); err != nil {
				t.Fatal(err)
			}
			check()
		})
	}
	harnesstest.Require(t, "root")
	_, err := harness.Start(within(t), topo.Single(1), &harness.Options{Congestion: "none-such"})
	if err == nil || !strings.Contains(err.Error(), "use one of: ") {
		t.Errorf("unknown congestion control: %v", err)
	}
}

// A link that is down carries nothing, and carries again when it is up.
func TestLinkDownUp(t *testing.T) {
	n := harnesstest.Start(t, topo.Single(2), nil)
	echo(t, n.Host("h1"))
	ask(t, n.Host("h2"), "tcp", "h1")
	l := n.Link("s1", "h2")
	if err := l.Down(within(t)); err != nil {
		t.Fatal(err)
	}
	if c, err := n.Host("h2").Dial(within(t), "tcp", "h1:7"); err == nil {
		c.Close()
		t.Error("dialled over a link that is down")
	}
	// Another link that is down is not waited for.
	other := n.Link("h1", "s1")
	if err := other.Down(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*harness.Link{l, other} {
		if err := l.Up(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.WaitForwarding(within(t)); err != nil {
		t.Fatal(err)
	}
	ask(t, n.Host("h2"), "tcp", "h1")
	waitFor(t, func() error { // both ends are not read at one moment
		s, err := l.Stats()
		if err != nil || s.A.Interface != "h2-eth0" || s.A.TxPackets == 0 || s.A.TxBytes != s.B.RxBytes {
			return fmt.Errorf("counters: %+v, %w", s, err)
		}
		return nil
	})
}

// Two networks at once, with the same names and addresses, do not see each other.
func TestTwoNetworks(t *testing.T) {
	one := harnesstest.Start(t, topo.Single(2), nil)
	two := harnesstest.Start(t, topo.Single(3), nil)
	echo(t, one.Host("h1"))
	ask(t, one.Host("h2"), "tcp", "h1")
	if c, err := two.Host("h2").Dial(within(t), "tcp", "h1:7"); err == nil {
		c.Close()
		t.Error("reached the other network")
	}
}

// The machine's own interfaces are the same before, during and after.
func TestMachineUnchanged(t *testing.T) {
	harnesstest.Require(t, "root")
	list := func() string {
		all, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all)
	}
	before := list()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			if now := list(); now != before {
				t.Errorf("interfaces were %s, are %s", before, now)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	n := harnesstest.Start(t, topo.Tree(2, 2, topo.LinkParams{Rate: topo.Gbit}), nil)
	n.Host("h1").Command(within(t), "true").Run()
	n.Close()
	close(done)
	watch.Wait()
	if now := list(); now != before {
		t.Errorf("interfaces were %s, are %s", before, now)
	}
}

// A triangle of switches blocks one port, whose link the tree does not need, and works; when a link of the tree goes down, the
// blocked one takes over.
func TestSpanningTree(t *testing.T) {
	triangle := topo.Topo{Name: "triangle", Loops: topo.LoopsSpanningTree}
	triangle.AddHost("h1", "h2", "h3").AddSwitch("s1", "s2", "s3")
	triangle.AddLink("s1", "s2").AddLink("s2", "s3").AddLink("s3", "s1")
	triangle.AddLink("h1", "s1").AddLink("h2", "s2").AddLink("h3", "s3")
	n := harnesstest.Start(t, triangle, nil)
	all := func() {
		t.Helper()
		for _, h := range triangle.Hosts {
			for _, to := range triangle.Hosts {
				ask(t, n.Host(h.Name), "tcp", to.Name)
			}
		}
	}
	for _, h := range triangle.Hosts {
		echo(t, n.Host(h.Name))
	}
	all()
	states, err := harness.PortStates(n)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, s := range states {
		count[s]++
	}
	// s1 has the lowest address and is the root; of s2 and s3, the link between them is not needed.
	if count["blocking"] != 1 || count["forwarding"] != 8 || states["s3-eth1"] != "blocking" {
		t.Errorf("port states: %v", states)
	}
	if err := n.Link("s1", "s3").Down(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := n.WaitForwarding(within(t)); err != nil {
		t.Fatal(err)
	}
	all()
}

// Who waits in vain for the spanning tree is told of every port, and of the deadline.
func TestWaitForwardingInVain(t *testing.T) {
	pair := topo.Topo{Name: "pair", Loops: topo.LoopsSpanningTree}
	pair.AddHost("h1").AddSwitch("s1", "s2").AddLink("h1", "s1").AddLink("s1", "s2")
	n := harnesstest.Start(t, pair, nil)
	link := n.Link("s1", "s2")
	if err := errors.Join(link.Down(within(t)), link.Up(within(t))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // of four seconds
	defer cancel()
	err := n.WaitForwarding(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "s1-eth2 is l") || !strings.Contains(err.Error(), "s2-eth1 is l") {
		t.Errorf("%v", err)
	}
}

// Mistakes are told with what exists.
func TestUnknown(t *testing.T) {
	n := harnesstest.Start(t, topo.Single(2), nil)
	for what, err := range map[string]error{
		`host h9: no host "h9": there are h1, h2`:                                    n.Host("h9").Do(func() error { return nil }),
		`host h9: start true: no host "h9": there are h1, h2`:                        n.Host("h9").Command(within(t), "true").Run(),
		`link h1-h2 down: no link "h1-h2": there are h1-s1, h2-s1`:                   n.Link("h1", "h2").Down(within(t)),
		`host h1: dial tcp h9:7: no host "h9": there are h1, h2`:                     dialError(n.Host("h1"), "h9:7"),
		`host h1: dial tcp h2: address h2: missing port in address: write host:port`: dialError(n.Host("h1"), "h2"),
	} {
		if err == nil || err.Error() != what {
			t.Errorf("got  %v\nwant %s", err, what)
		}
	}
	if n.Host("h9").Addr() != (netip.Addr{}) || n.Host("h2").Addr() != netip.MustParseAddr("10.0.0.2") || n.Host("h1").Interface() != "h1-eth0" {
		t.Error("addresses or interface are wrong")
	}
}

func dialError(h *harness.Host, address string) error {
	c, err := h.Dial(context.Background(), "tcp", address)
	if err == nil {
		c.Close()
	}
	return err
}
