package mininet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
)

// Roles in which a test starts this binary again.
const (
	envRole   = "WIREPROOF_TEST_ROLE"
	roleHold  = "hold"  // has Mininet until its input ends
	roleStart = "start" // brings a network up, says so, and waits
)

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case roleHold:
		_, err := mininet.Acquire(context.Background(), false)
		fmt.Println("held", err)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case roleStart:
		_, err := mininet.Start(context.Background(), names(topo.Linear(2, topo.LinkParams{Rate: 100 * topo.Mbit})), nil)
		fmt.Println("up", err)
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	harnesstest.OwnNamespace()
	os.Exit(m.Run())
}

// again starts this binary in a role, and returns when it has said its line.
func again(t *testing.T, role string) (c *exec.Cmd, said string) {
	t.Helper()
	c = exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envRole+"="+role)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill()
		c.Wait()
	})
	line := make([]byte, 4096)
	n, _ := out.Read(line)
	return c, strings.TrimSpace(string(line[:n]))
}

// names gives switches names that nobody uses on the machine.
func names(t topo.Topo) topo.Topo {
	t = t.Clone()
	for i := range t.Switches {
		old := t.Switches[i].Name
		t.Switches[i].Name = "wm" + old
		for l := range t.Links {
			if t.Links[l].A == old {
				t.Links[l].A = "wm" + old
			}
			if t.Links[l].B == old {
				t.Links[l].B = "wm" + old
			}
		}
	}
	return t
}

// has Mininet for the test, and checks at its end that the machine is as it was.
func has(t *testing.T) {
	t.Helper()
	harnesstest.Require(t, "root", "mininet")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	release, err := mininet.Acquire(ctx, true) // a program that was killed may still be taken down
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	harnesstest.NoLeaks(t)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, tt topo.Topo) *mininet.Network {
	t.Helper()
	n, err := mininet.Start(within(t), tt, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// reaches says whether a host can open a connection to another, which refuses it.
func reaches(t *testing.T, n *mininet.Network, from, to string) {
	t.Helper()
	c, err := n.Host(from).Dial(within(t), "tcp", to+":9")
	if err == nil {
		c.Close()
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s does not reach %s: %v", from, to, err)
	}
}

// Hosts, addresses, MACs and interfaces are as in our own namespaces, and everybody reaches everybody.
func TestStart(t *testing.T) {
	own := topo.Topo{Name: "own"}
	own.AddHost("b10", "b9", "S").AddSwitch("wmx").AddLink("b9", "wmx").AddLink("b10", "wmx", topo.LinkParams{Rate: 30 * topo.Mbit}, topo.LinkParams{Rate: 40 * topo.Mbit})
	own.AddLink("S", "wmx").AddLink("S", "b9")
	loop := names(topo.Linear(3, topo.LinkParams{Rate: 1000 * topo.Mbit}))
	loop.AddLink("wms1", "wms3")
	loop.Loops = topo.LoopsSpanningTree
	for name, tt := range map[string]topo.Topo{"single": names(topo.Single(3)), "odd names": own, "loop": loop} {
		t.Run(name, func(t *testing.T) {
			has(t)
			n := start(t, tt)
			for _, i := range tt.Interfaces() {
				if _, err := tt.HostAddr(i.Node); !err {
					continue
				}
				var addrs []net.Addr
				var is *net.Interface
				err := n.Host(i.Node).Do(func() (err error) {
					if is, err = net.InterfaceByName(i.Name); err == nil {
						addrs, err = is.Addrs()
					}
					return err
				})
				if err != nil {
					t.Error(err)
				} else if i.Addr.IsValid() && (is.HardwareAddr.String() != i.MAC.String() || len(addrs) != 1 || addrs[0].String() != i.Addr.String()) {
					t.Errorf("%s has %v, %v, want %v, %v", i.Name, is.HardwareAddr, addrs, i.MAC, i.Addr)
				}
			}
			for _, a := range tt.Hosts {
				for _, b := range tt.Hosts {
					reaches(t, n, a.Name, b.Name)
				}
			}
		})
	}
}

// A host's shell that dies is told while the network is up, and nothing hangs or stays.
func TestAHostDies(t *testing.T) {
	has(t)
	n := start(t, names(topo.Linear(1, topo.LinkParams{})))
	pid := shell(t, n, "h2")
	syscall.Kill(pid, syscall.SIGKILL)
	wantLost(t, n, fmt.Sprintf("h2 of Mininet (process %d) has died: signal: killed", pid))
}

// shell is the process of a host's shell in Mininet.
func shell(t *testing.T, n *mininet.Network, host string) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-f", "-P", fmt.Sprint(n.PID()), "mininet:"+host+"$").Output()
	var pid int
	if _, scan := fmt.Sscan(string(out), &pid); scan != nil {
		t.Fatalf("no shell of %s: %q, %v", host, out, err)
	}
	return pid
}

func wantLost(t *testing.T, n *mininet.Network, want string) {
	t.Helper()
	select {
	case <-n.Lost():
	case <-within(t).Done():
		t.Fatal("nobody tells")
	}
	if err := n.Err(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("lost: %v, want %q", err, want)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// What a driver that is killed has made, this program removes.
func TestTheDriverDies(t *testing.T) {
	has(t)
	n := start(t, names(topo.Linear(2, topo.LinkParams{Rate: 100 * topo.Mbit})))
	syscall.Kill(n.PID(), syscall.SIGKILL)
	wantLost(t, n, "has died: signal: killed")
}

// A program that is killed takes its network along.
func TestTheProgramIsKilled(t *testing.T) {
	c := startAgain(t)
	c.Process.Kill()
	goneAgain(t)
}

// startAgain has another process bring a network up, and has goneAgain to be called once that was killed.
func startAgain(t *testing.T) *exec.Cmd {
	t.Helper()
	harnesstest.Require(t, "root", "mininet")
	release, err := mininet.Acquire(within(t), true)
	if err != nil {
		t.Fatal(err)
	}
	harnesstest.NoLeaks(t)
	release()
	c, said := again(t, roleStart)
	if said != "up <nil>" {
		t.Fatalf("it says %q", said)
	}
	return c
}

// goneAgain waits until Mininet is free: a driver keeps others out until all is gone.
func goneAgain(t *testing.T) {
	t.Helper()
	release, err := mininet.Acquire(within(t), true)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// Of two programs the second is told, and has touched nothing.
func TestBusy(t *testing.T) {
	harnesstest.Require(t, "root", "mininet")
	release, err := mininet.Acquire(within(t), true)
	if err != nil {
		t.Fatal(err)
	}
	release()
	c, said := again(t, roleHold)
	if said != "held <nil>" {
		t.Fatalf("it says %q", said)
	}
	_, err = mininet.Start(within(t), names(topo.Single(2)), nil)
	if !errors.Is(err, mininet.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprintf("process %d mininet.test", c.Process.Pid)) {
		t.Errorf("the second says %v", err)
	}
}

// Bridges are in nobody's way: they have names that the machine uses, and none of them is seen there.
func TestTheMachinesNamesAreFree(t *testing.T) {
	has(t)
	if out, err := exec.Command("ip", "link", "add", "wms1-eth2", "type", "bridge").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("ip", "link", "del", "wms1-eth2").Run() })
	n, err := mininet.Start(within(t), names(topo.Single(2)), &mininet.Options{Switch: mininet.SwitchBridge})
	if err != nil {
		t.Fatal(err)
	}
	reaches(t, n, "h1", "h2")
	if _, err := net.InterfaceByName("wms1"); err == nil {
		t.Error("the switch is in the machine's own namespace")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.InterfaceByName("wms1-eth2"); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
}

// With program and driver killed at once nobody is left to remove anything, and nothing is left: the last process in the
// switches' network namespace ends.
func TestProgramAndDriverAreKilled(t *testing.T) {
	c := startAgain(t)
	var driver int
	out, err := exec.Command("pgrep", "-P", fmt.Sprint(c.Process.Pid), "-f", "wireproof-mininet").Output()
	if _, scan := fmt.Sscan(string(out), &driver); scan != nil {
		t.Fatalf("no driver: %q, %v", out, err)
	}
	namespace := namespaceOf(driver)
	if namespace == "" || namespace == namespaceOf(os.Getpid()) {
		t.Fatalf("the driver is in %q", namespace)
	}
	c.Process.Signal(syscall.SIGSTOP) // so that it cannot react to what comes first
	syscall.Kill(driver, syscall.SIGKILL)
	c.Process.Kill()
	for ctx := within(t); ; time.Sleep(10 * time.Millisecond) {
		left := processesIn(t, namespace)
		if len(left) == 0 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("still in the switches' namespace: %q", left)
		}
	}
	goneAgain(t)
}

func namespaceOf(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return name
}

// processesIn lists the processes in a network namespace.
func processesIn(t *testing.T, namespace string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && namespaceOf(pid) == namespace {
			line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
			all = append(all, fmt.Sprintf("%d %s", pid, line))
		}
	}
	return all
}

// Mininet that fails half-way is told in tc's words, and what was made by then is gone.
func TestMininetFailsHalfWay(t *testing.T) {
	has(t)
	err := mininet.StartHalf(within(t), names(topo.Linear(2, topo.LinkParams{Rate: 100 * topo.Mbit})))
	if err == nil || !strings.Contains(err.Error(), "tc qdisc add dev") || !strings.Contains(err.Error(), "netem delay bogus") {
		t.Error(err)
	}
}

// Start that is cancelled anywhere leaves nothing.
func TestStartCancelled(t *testing.T) {
	has(t)
	tt := names(topo.Linear(6, topo.LinkParams{Rate: 100 * topo.Mbit}))
	for _, after := range []time.Duration{0, 50, 150, 250, 350, 450, 600} {
		ctx, cancel := context.WithTimeout(context.Background(), after*time.Millisecond)
		n, err := mininet.Start(ctx, tt, nil)
		cancel()
		if err == nil {
			n.Close()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %d ms: %v", after, err)
		}
	}
}

func TestSwitchesThatDoNotRun(t *testing.T) {
	has(t)
	if exec.Command("ovs-vsctl", "--timeout=2", "show").Run() == nil {
		t.Skip("Open vSwitch runs")
	}
	_, err := mininet.Start(within(t), names(topo.Single(2)), &mininet.Options{Switch: mininet.SwitchOVS})
	if err == nil || !strings.Contains(err.Error(), "Open vSwitch does not run") || !strings.Contains(err.Error(), "or use Linux bridges") {
		t.Error(err)
	}
}

// What Mininet cannot do is refused before anything is made, with what can.
func TestCannot(t *testing.T) {
	p := topo.LinkParams{Rate: 2000 * topo.Mbit}
	v6 := topo.Single(2)
	v6.IPv6 = true
	for want, tt := range map[string]topo.Topo{
		"link h1-s1: rate 2Gbit: mininet cannot do this: its links have 1Gbit at most": topo.Linear(1, p),
		"IPv6: mininet cannot do this": v6,
		"link h1-s1: ecn=5: mininet cannot do this: its links take rate, delay, jitter, loss and queue": topo.Linear(1, topo.LinkParams{ECNThreshold: 5}),
	} {
		_, err := mininet.Start(t.Context(), tt, nil)
		if !errors.Is(err, mininet.ErrCannot) || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "use own namespaces (--backend netns)") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	harnesstest.Require(t, "root", "mininet")
	if harness.Probe(t.Context(), "netem")[0].OK {
		return
	}
	err := mininet.Ready(t.Context(), topo.Linear(1, topo.LinkParams{Delay: time.Millisecond}))
	if !errors.Is(err, harness.ErrKernel) || !strings.Contains(err.Error(), "sch_netem") || !strings.Contains(err.Error(), "wireproof vm") {
		t.Error(err)
	}
}
