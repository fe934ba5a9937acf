package capture_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// Captures of 24 interfaces at once, on a machine kept busy by processes that never wait, are all whole, in rings of 16
// MiB; and what runs beside their readers, which come before ordinary threads, goes on.
func TestBusyMachine(t *testing.T) {
	harnesstest.Require(t, "root", "packet ring")
	for range 4 {
		c := exec.CommandContext(within(t, time.Minute), "sh", "-c", "while :; do :; done")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	}
	const links, n = 12, 1000
	h1, s1 := newSpace(t), newSpace(t)
	for _, s := range []*space{h1, s1} {
		s.run(t, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
	}
	var bufs [2 * links]bytes.Buffer
	var list [2 * links]*capture.Capture
	var outs [links]*raw
	for i := range links {
		near, far := fmt.Sprintf("h1-eth%d", i), fmt.Sprintf("s1-eth%d", i+1)
		veth(t, h1, near, s1, far)
		o := func(s *space, name string) capture.Options {
			return capture.Options{RingBytes: 16 << 20, Far: []*capture.Sender{sender(t, s, name)}}
		}
		list[2*i] = start(t, h1, near, &bufs[2*i], o(s1, far))
		list[2*i+1] = start(t, s1, far, &bufs[2*i+1], o(h1, near))
		outs[i] = h1.raw(t, near)
	}
	var all sync.WaitGroup
	for _, out := range outs {
		all.Go(func() {
			for i := range uint32(n) {
				out.send(t, i, 1400)
			}
		})
	}
	all.Wait()
	for i, c := range list {
		if s := stop(t, c); !s.Complete || s.Dropped != 0 || s.Packets != n {
			t.Errorf("capture %d: %+v", i, s)
		}
		frames(t, parse(t, bufs[i].Bytes()), 0, []uint32{outbound, inbound}[i%2], n)
	}
}

// A reader's thread comes before all ordinary ones: what it leaves undone is lost. TestBusyMachine does not show it, since
// there the rings hold everything.
func TestReadersComeFirst(t *testing.T) {
	harnesstest.Require(t, "root", "packet ring")
	h1, s1 := newSpace(t), newSpace(t)
	veth(t, h1, "h1-eth0", s1, "s1-eth1")
	want := func(n int, when string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); realTimeThreads(t) != n; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%d threads of the real-time class %s, want %d", realTimeThreads(t), when, n)
			}
		}
	}
	want(0, "before the capture")
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{RingBytes: 1 << 20})
	want(1, "in the course of it")
	stop(t, c)
	want(0, "after it")
}

// realTimeThreads is how many threads of this process are in the class of readers.
func realTimeThreads(t *testing.T) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if a, err := unix.SchedGetAttr(tid, 0); err == nil && a.Policy == unix.SCHED_RR { // else the thread has ended
			n++
		}
	}
	return n
}
