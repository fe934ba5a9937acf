package relay_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/relay"
)

// A space is a network namespace with one host in it.
type space struct {
	t  testing.TB
	ns netns.NsHandle
}

func newSpaces(t testing.TB, n int) []space {
	t.Helper()
	var all []space
	if err := nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
		for range n {
			ns, err := unshare()
			if err != nil {
				return err
			}
			// So that a veth pair keeps the order of a flow's frames. Linux before 6.3 has not the setting.
			if err := os.WriteFile("/proc/sys/net/core/rps_default_mask", []byte("3"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			all = append(all, space{t, ns})
			t.Cleanup(func() { ns.Close() })
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func (s space) do(f func() error) {
	s.t.Helper()
	if err := nsthread.In(s.ns, f); err != nil {
		s.t.Fatal(err)
	}
}

// ip runs the ip command in the namespace.
func (s space) ip(args string) {
	s.t.Helper()
	s.do(func() error {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
		return nil
	})
}

// command makes a command that is to be started inside the namespace, by start.
func (s space) start(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	c := exec.Command(name, args...)
	out := new(strings.Builder)
	c.Stdout, c.Stderr = out, out
	s.do(c.Start)
	return c
}

func (s space) output(name string, args ...string) (string, error) {
	s.t.Helper()
	c := s.start(name, args...)
	err := c.Wait()
	return c.Stdout.(*strings.Builder).String(), err
}

// An end kind of a link.
type kind string

const (
	tap    kind = "tap"
	packet kind = "packet"
	bypass kind = "bypass" // packet, where the kernel carries what nothing is asked of
)

var kinds = []kind{tap, packet, bypass}

// network is two hosts, 10.0.0.1 and 10.0.0.2, joined by a link.
type network struct {
	t    testing.TB
	a, b space
	// middle has the far ends of the hosts' veth pairs, m0 and m1.
	middle space
	drops  uint64 // harnesstest.SoftnetDrops when it was made
	link   *relay.Link
	eng    *relay.Engine
}

const (
	addrA, addrB   = "10.0.0.1", "10.0.0.2"
	addr6A, addr6B = "fd00::1", "fd00::2"
)

func join(t testing.TB, k kind, o relay.Options, ab, ba relay.Config) *network {
	t.Helper()
	e, err := relay.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return joinOn(t, e, k, ab, ba)
}

func joinOn(t testing.TB, e *relay.Engine, k kind, ab, ba relay.Config) *network {
	t.Helper()
	s := newSpaces(t, 3)
	n := &network{t: t, a: s[0], b: s[1], middle: s[2], eng: e, drops: harnesstest.SoftnetDrops(t)}
	var ends [2]relay.End
	for i, h := range s[:2] {
		mac := net.HardwareAddr{2, 0, 0, 0, 0, byte(i + 1)}
		ends[i] = openEnd(k, h, s[2], mac, i)
		h.ip(fmt.Sprintf("addr add 10.0.0.%d/24 dev eth0", i+1))
		h.ip(fmt.Sprintf("-6 addr add fd00::%d/64 dev eth0 nodad", i+1))
		h.ip("link set dev eth0 up")
		h.ip("link set dev lo up")
	}
	for i, h := range s[:2] { // no questions in between
		h.ip(fmt.Sprintf("neigh replace 10.0.0.%d lladdr 02:00:00:00:00:0%d dev eth0", 2-i, 2-i))
		h.ip(fmt.Sprintf("neigh replace fd00::%d lladdr 02:00:00:00:00:0%d dev eth0", 2-i, 2-i))
	}
	var err error
	if n.link, err = e.Join(ends[0], ends[1], ab, ba); err != nil {
		t.Fatal(err)
	}
	return n
}

func openEnd(k kind, h, middle space, mac net.HardwareAddr, i int) (end relay.End) {
	h.t.Helper()
	if k == tap {
		h.do(func() (err error) {
			end, err = relay.OpenTAP("eth0", mac, 0)
			return err
		})
		return end
	}
	name := fmt.Sprintf("m%d", i)
	middle.do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0) })
	const farIndex = 100
	middle.ip(fmt.Sprintf("link add name %s index %d type veth peer name h%d address %v", name, farIndex+i, i, mac))
	middle.do(func() error {
		out, err := exec.Command("ip", "link", "set", "dev", fmt.Sprintf("h%d", i), "name", "eth0", "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(h.ns))).CombinedOutput()
		if err != nil {
			return fmt.Errorf("move: %w: %s", err, out)
		}
		return nil
	})
	middle.do(func() (err error) {
		if end, err = relay.OpenPacket(name); err == nil && k == bypass {
			err = end.Bypass(farIndex+1-i, false)
		}
		return err
	})
	h.do(func() error { return end.Tap("eth0") })
	middle.ip("link set dev " + name + " up")
	return end
}

func (n *network) stats() relay.Stats {
	n.t.Helper()
	s, err := n.link.Stats()
	if err != nil {
		n.t.Fatal(err)
	}
	switch {
	case s.EngineDrops() == 0:
	case harnesstest.SoftnetDrops(n.t) > n.drops:
		n.t.Skipf("this machine is so busy that its processors lose packets: %+v", s)
	default:
		n.t.Errorf("the engine dropped %d: %+v", s.EngineDrops(), s)
	}
	return s
}

// patience is how long a test waits for a fact. It is long, since only a failure waits that long.
const patience = time.Minute

func (n *network) until(what string, f func(s relay.Stats) bool) relay.Stats {
	n.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		s := n.stats()
		if f(s) {
			return s
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("not within %v: %s: %+v", patience, what, s)
		}
	}
}

// udpSocket opens a UDP socket in the namespace, with time stamps of arrival and large buffers.
func (s space) udpSocket(addr string) *net.UDPConn {
	s.t.Helper()
	var c *net.UDPConn
	s.do(func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(mustAddrPort(addr)))
		return err
	})
	s.t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20)
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func requireKernel(t testing.TB, k kind) {
	t.Helper()
	harnesstest.Require(t, "root")
	switch k {
	case tap:
		harnesstest.Require(t, "tun")
	case bypass:
		harnesstest.Require(t, "tcx")
	}
}
