package harness_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// A stream's segments do not overtake each other, though the sender's thread and the acknowledgements that let it go on are
// on different processors.
func TestPacketsKeepTheirOrder(t *testing.T) {
	harnesstest.Require(t, "root")
	if _, err := os.Stat("/proc/sys/net/core/rps_default_mask"); err != nil {
		t.Skip("the kernel is older than 6.3 and cannot steer packets: ", err)
	}
	for _, one := range []bool{false, true} {
		t.Run(fmt.Sprintf("one=%v", one), func(t *testing.T) {
			const size = 256 << 20
			// A busy machine loses packets where a processor's queue is full (net.core.netdev_max_backlog), and a lost one makes a
			// hole as well: such a run says nothing about order.
			for range 10 {
				before := harnesstest.SoftnetDrops(t)
				n := harnesstest.Start(t, topo.Single(2), &harness.Options{OneProcessor: one})
				streamZeros(t, n, size)
				behind := outOfOrder(t, n.Host("h2"))
				if behind == 0 {
					return
				}
				if lost := harnesstest.SoftnetDrops(t) - before; lost == 0 {
					t.Fatalf("%d segments of %d arrived behind a hole, and none was lost", behind, size/1448)
				}
			}
			t.Skip("this machine is so busy that it loses packets in each of 10 runs")
		})
	}
}

// streamZeros sends size bytes from h1 to h2 over one connection, with a window that mostly has room in a processor's queue.
func streamZeros(t *testing.T, n *harness.Network, size int64) {
	t.Helper()
	h1, h2 := n.Host("h1"), n.Host("h2")
	l, err := h2.Listen(within(t), "tcp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2<<20) })
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		c, err := h1.Dial(within(t), "tcp", "h2:9")
		if err == nil {
			_, err = io.CopyN(c, zeros{}, size)
			err = errors.Join(err, c.Close())
		}
		sent <- err
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.Copy(io.Discard, c); err != nil || got != size {
		t.Errorf("%d of %d bytes arrived: %v", got, size, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// outOfOrder is how many segments a host received before those that were sent before them.
func outOfOrder(t *testing.T, h *harness.Host) uint64 {
	out, err := h.Command(within(t), "cat", "/proc/net/netstat").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	i := slices.Index(strings.Fields(lines[0]), "TCPOFOQueue")
	if i < 0 {
		t.Fatalf("no TCPOFOQueue in %s", lines[0])
	}
	count, err := strconv.ParseUint(strings.Fields(lines[1])[i], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// Programs of a network of one processor keep to it, and networks take turns.
func TestOneProcessor(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("there is one processor")
	}
	used := make(map[string]bool)
	for range 2 {
		n := harnesstest.Start(t, topo.Single(2), &harness.Options{OneProcessor: true})
		out, err := n.Host("h1").Command(within(t), "sh", "-c", "grep Cpus_allowed_list /proc/self/status; cat /proc/sys/net/core/rps_default_mask").Output()
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(string(out), ":")
		fields := strings.Fields(list)
		cpu, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatalf("programs may run on %q, want one processor", fields[0])
		}
		mask, err := strconv.ParseUint(fields[1][strings.LastIndex(fields[1], ",")+1:], 16, 64)
		if err != nil || cpu < 32 && mask != 1<<cpu {
			t.Errorf("packets go to %q, programs run on %d: %v", fields[1], cpu, err)
		}
		used[fields[0]] = true
	}
	if len(used) != 2 {
		t.Errorf("both networks use %v", used)
	}
}
