package mininet_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
)

// openVSwitch starts an Open vSwitch of the test's own, in this network namespace. Its datapath in user space runs on
// any kernel that has TUN.
func openVSwitch(t *testing.T) {
	t.Helper()
	harnesstest.Require(t, "root", "mininet", "tun")
	for _, program := range []string{"ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: apt-get install openvswitch-switch", err)
		}
	}
	dir := t.TempDir()
	t.Setenv("OVS_RUNDIR", dir)
	t.Setenv("OVS_LOGDIR", dir)
	run := func(program string, args ...string) {
		t.Helper()
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", program, err, out)
		}
	}
	daemon := func(program, ready string, args ...string) {
		t.Helper()
		c := exec.Command(program, append(args, "--pidfile="+filepath.Join(dir, program+".pid"))...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			c.Process.Signal(syscall.SIGTERM)
			c.Wait()
		})
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, ready)); err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not ready", program)
			}
		}
	}
	database := filepath.Join(dir, "conf.db")
	run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
	daemon("ovsdb-server", "db.sock", database, "--remote=punix:"+filepath.Join(dir, "db.sock"))
	run("ovs-vsctl", "--no-wait", "init")
	daemon("ovs-vswitchd", "ovs-vswitchd.pid", "unix:"+filepath.Join(dir, "db.sock"))
	run("ovs-vsctl", "--timeout=10", "show")
}

func wantNoBridges(t *testing.T) {
	t.Helper()
	out, err := exec.Command("ovs-vsctl", "--timeout=10", "list-br").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("bridges that are left: %q, %v", out, err)
	}
}

// Open vSwitch is chosen where it runs; TCP gets through, a loop has its tree, a driver that is killed leaves no bridge,
// and one of the same name is not touched.
func TestOpenVSwitch(t *testing.T) {
	openVSwitch(t)
	t.Run("loop", func(t *testing.T) {
		has(t)
		loop := names(topo.Linear(3, topo.LinkParams{Rate: 100 * topo.Mbit}))
		loop.AddLink("wms1", "wms3")
		loop.Loops = topo.LoopsSpanningTree
		n := start(t, loop)
		if got := n.Switches(); got != mininet.SwitchOVSUser && got != mininet.SwitchOVS {
			t.Fatalf("switches are %s", got)
		}
		reaches(t, n, "h1", "h2")
		reaches(t, n, "h2", "h1")
	})
	wantNoBridges(t)
	t.Run("killed", func(t *testing.T) {
		has(t)
		n := start(t, names(topo.Linear(2, topo.LinkParams{})))
		syscall.Kill(n.PID(), syscall.SIGKILL)
		wantLost(t, n, "has died: signal: killed")
	})
	wantNoBridges(t)
	t.Run("program killed", func(t *testing.T) {
		c := startAgain(t)
		if _, err := net.InterfaceByName("wms1"); err != nil {
			t.Error(err)
		}
		c.Process.Kill()
		goneAgain(t)
	})
	wantNoBridges(t)
	t.Run("interface taken", func(t *testing.T) {
		has(t)
		if out, err := exec.Command("ip", "link", "add", "wms1-eth2", "type", "bridge").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Cleanup(func() { exec.Command("ip", "link", "del", "wms1-eth2").Run() })
		_, err := mininet.Start(within(t), names(topo.Single(2)), nil)
		if err == nil || !strings.Contains(err.Error(), "interface wms1-eth2 exists already: if no other Mininet runs it was left behind: ip link del dev wms1-eth2") {
			t.Error(err)
		}
		if _, err := net.InterfaceByName("wms1-eth2"); err != nil {
			t.Errorf("what was there is gone: %v", err)
		}
	})
	t.Run("taken", func(t *testing.T) {
		has(t)
		if out, err := exec.Command("ovs-vsctl", "--timeout=10", "--no-wait", "add-br", "wms1").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, err := mininet.Start(within(t), names(topo.Single(2)), nil)
		if err == nil || !strings.Contains(err.Error(), "wms1") || !strings.Contains(err.Error(), "already") {
			t.Error(err)
		}
		if out, err := exec.Command("ovs-vsctl", "--timeout=10", "br-exists", "wms1").CombinedOutput(); err != nil {
			t.Errorf("the bridge is gone: %v: %s", err, out)
		}
		if out, err := exec.Command("ovs-vsctl", "--timeout=10", "del-br", "wms1").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}
