package harness_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// others makes h1 - s1 - h2 with the system's own tools, as a stranger would: each node a process in a namespace of its
// own. Commands, each a line "node: program args", follow.
func others(t *testing.T, commands ...string) map[string]harness.Attached {
	t.Helper()
	harnesstest.Require(t, "root")
	nodes := make(map[string]harness.Attached)
	for _, name := range []string{"h1", "h2", "s1"} {
		c := exec.Command("cat") // it ends when its standard input does
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		in, err := c.StdinPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.Close()
			c.Wait()
		})
		nodes[name] = harness.Attached{PID: c.Process.Pid}
	}
	nodes["s1"] = harness.Attached{PID: nodes["s1"].PID, Bridge: "s1"}
	for _, line := range append([]string{
		"s1: ip link add s1 type bridge", "s1: ip link set s1 up",
		fmt.Sprintf("s1: ip link add s1-eth1 type veth peer name h1-eth0 netns %d", nodes["h1"].PID),
		fmt.Sprintf("s1: ip link add s1-eth2 type veth peer name h2-eth0 netns %d", nodes["h2"].PID),
		"s1: ip link set s1-eth1 up master s1", "s1: ip link set s1-eth2 up master s1",
		"h1: ip addr add 10.0.0.1/8 dev h1-eth0", "h1: ip link set h1-eth0 up",
		"h2: ip addr add 10.0.0.2/8 dev h2-eth0", "h2: ip link set h2-eth0 up",
	}, commands...) {
		node, command, _ := strings.Cut(line, ": ")
		args := append([]string{"-n", "-t", fmt.Sprint(nodes[node].PID)}, strings.Fields(command)...)
		if out, err := exec.Command("nsenter", args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	return nodes
}

// htb shapes an end as Mininet does.
func htb(node, end string) []string {
	return []string{node + ": tc qdisc add dev " + end + " root handle 5:0 htb default 1",
		node + ": tc class add dev " + end + " parent 5:0 classid 5:1 htb rate 50Mbit burst 15k"}
}

// A network that others made is used like one of our own, and is still there when it was closed.
func TestAttach(t *testing.T) {
	shaped := append(append(htb("h1", "h1-eth0"), htb("s1", "s1-eth1")...), append(htb("h2", "h2-eth0"), htb("s1", "s1-eth2")...)...)
	nodes := others(t, shaped...)
	t.Run("attached", func(t *testing.T) {
		harnesstest.NoLeaks(t)
		n, err := harness.Attach(within(t), topo.Linear(1, topo.LinkParams{Rate: 50 * topo.Mbit}), nodes, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}()
		c, err := n.Host("h1").Capture(within(t), "", io.Discard, capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		echo(t, n.Host("h1"))
		if err := n.Host("h1").WaitListen(within(t), 7); err != nil {
			t.Error(err)
		}
		ask(t, n.Host("h2"), "tcp", "h1")
		out, err := n.Host("h2").Command(within(t), "cat", "/etc/hosts").Output()
		if err != nil || !strings.Contains(string(out), "10.0.0.1\th1") {
			t.Errorf("a program sees %q, %v", out, err)
		}
		stats, err := c.Stop(within(t))
		if err != nil || !stats.Complete || stats.Packets == 0 {
			t.Errorf("capture: %+v, %v", stats, err)
		}
		link, err := n.Link("h1", "s1").Stats()
		if err != nil || link.A.Interface != "h1-eth0" || link.A.TxPackets == 0 || link.A.Qdisc.Kind != "htb" || link.A.Engine != "htb" || link.B.RxPackets == 0 {
			t.Errorf("counters: %+v, %v", link, err)
		}
		settings, err := n.Host("h2").TCP()
		if err != nil || settings["congestion"] != "cubic" || settings["tcp_no_metrics_save"] != "1" {
			t.Errorf("TCP: %v, %v", settings, err)
		}
		if err := n.Link("h1", "s1").Down(within(t)); err != nil {
			t.Error(err)
		}
		if err := n.Link("h1", "s1").Up(within(t)); err != nil {
			t.Error(err)
		}
		if err := n.WaitForwarding(within(t)); err != nil {
			t.Error(err)
		}
		ask(t, n.Host("h2"), "tcp", "h1")
	})
	for name, a := range nodes {
		out, err := exec.Command("nsenter", "-n", "-t", fmt.Sprint(a.PID), "ip", "-o", "link").CombinedOutput()
		if err != nil || !strings.Contains(string(out), name+"-eth") {
			t.Errorf("%s after Close: %v: %s", name, err, out)
		}
	}
}

// What is not as the topology has it is told, and nothing is left of the attempt.
func TestAttachRefuses(t *testing.T) {
	rate := topo.LinkParams{Rate: 50 * topo.Mbit}
	linear := topo.Linear(1, topo.LinkParams{})
	renamed := topo.Linear(2, topo.LinkParams{})
	moved := linear.Clone()
	moved.Hosts = append(moved.Hosts[:0:0], moved.Hosts...)
	moved.AddHost("h0").AddLink("h0", "s1") // and so h1 is 10.0.0.2
	lossy := topo.Linear(1, topo.LinkParams{ECNThreshold: 5})
	for name, c := range map[string]struct {
		t    topo.Topo
		node string
		a    harness.Attached
		want string
	}{
		"unshaped":         {t: topo.Linear(1, rate), want: `host h1 (process `},
		"no such node":     {t: renamed, want: `no node "s2": there are h1, h2, s1`},
		"other address":    {t: moved, want: "it does not have its address 10.0.0.2/8"},
		"process is gone":  {t: linear, node: "h2", a: harness.Attached{PID: 1 << 22}, want: "has it ended?"},
		"our own":          {t: linear, node: "h2", a: harness.Attached{PID: os.Getpid()}, want: "a host has one of its own"},
		"no such bridge":   {t: linear, node: "s1", a: harness.Attached{Bridge: "br9"}, want: `no bridge "br9"`},
		"not for tc":       {t: lossy, want: "engine netem cannot do ecn=5 of h1-eth0: use engine user"},
		"nodes mixed up":   {t: linear, node: "h1", a: harness.Attached{PID: -2}, want: `no interface "h1-eth0": there are `},
		"invalid topology": {t: topo.Topo{}, want: "host"},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := others(t)
			harnesstest.NoLeaks(t)
			if c.node != "" {
				switch c.a.PID {
				case 0:
					c.a.PID = nodes[c.node].PID
				case -2:
					c.a.PID = nodes["h2"].PID
				}
				nodes[c.node] = c.a
			}
			n, err := harness.Attach(within(t), c.t, nodes, nil)
			if err == nil {
				n.Close()
				t.Fatal("attached")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
			if name == "unshaped" && !errors.Is(err, harness.ErrEngine) {
				t.Errorf("%v is not ErrEngine", err)
			}
		})
	}
}
