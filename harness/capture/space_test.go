package capture_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
)

// space is a network namespace that lives as long as its thread.
type space struct {
	tid  int
	work chan func()
}

// newSpace makes an empty network namespace.
func newSpace(tb testing.TB) *space {
	tb.Helper()
	s := &space{work: make(chan func())}
	ready := make(chan error)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the thread, and the namespace with it, ends with the goroutine
		s.tid = unix.Gettid()
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		tb.Fatalf("unshare: %v", err)
	}
	tb.Cleanup(func() { close(s.work); <-ended })
	s.ip(tb, "link set lo up")
	return s
}

// do runs f in the namespace.
func (s *space) do(f func()) {
	done := make(chan struct{})
	s.work <- func() { defer close(done); f() }
	<-done
}

// run runs a command in the namespace.
func (s *space) run(tb testing.TB, line string) {
	tb.Helper()
	s.output(tb, line)
}

// output runs a command in the namespace and returns what it prints.
func (s *space) output(tb testing.TB, line string) string {
	tb.Helper()
	args := strings.Fields(line)
	var out []byte
	var err error
	s.do(func() { out, err = exec.Command(args[0], args[1:]...).CombinedOutput() })
	if err != nil {
		tb.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

func (s *space) ip(tb testing.TB, line string) {
	tb.Helper()
	s.run(tb, "ip "+line)
}

func (s *space) path() string { return fmt.Sprintf("/proc/self/task/%d/ns/net", s.tid) }

// pair makes two namespaces, joined by h1-eth0 and s1-eth1.
func pair(tb testing.TB) (h1, s1 *space) {
	tb.Helper()
	harnesstest.Require(tb, "root", "packet ring")
	h1, s1 = newSpace(tb), newSpace(tb)
	// No IPv6: its router solicitations would be frames that no test sent.
	for _, s := range []*space{h1, s1} {
		s.run(tb, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
	}
	veth(tb, h1, "h1-eth0", s1, "s1-eth1")
	return h1, s1
}

// veth joins two namespaces by a pair of interfaces that are up.
func veth(tb testing.TB, a *space, an string, b *space, bn string) {
	tb.Helper()
	// `ip` opens the path itself, so it has to name this process and not /proc/self.
	path := strings.Replace(b.path(), "self", fmt.Sprint(unix.Getpid()), 1)
	a.ip(tb, fmt.Sprintf("link add %s type veth peer name %s netns %s", an, bn, path))
	a.ip(tb, "link set "+an+" up")
	b.ip(tb, "link set "+bn+" up")
}

// raw sends Ethernet frames of the tests' own type.
type raw struct{ fd, index int }

const testType = 0x88b6

func (s *space) raw(tb testing.TB, ifname string) *raw {
	tb.Helper()
	r := &raw{}
	var err error
	s.do(func() {
		var i *net.Interface
		if i, err = net.InterfaceByName(ifname); err == nil {
			r.index = i.Index
			r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send sends frame number n, of size bytes, to a unicast address.
func (r *raw) send(tb testing.TB, n uint32, size int) {
	tb.Helper()
	if err := r.try(n, size); err != nil {
		tb.Errorf("send frame %d: %v", n, err)
	}
}

// try is send for a queue that may be full.
func (r *raw) try(n uint32, size int) error { return r.write(testFrame(n, size)) }

func (r *raw) write(f []byte) error {
	for {
		err := unix.Sendto(r.fd, f, 0, &unix.SockaddrLinklayer{Ifindex: r.index})
		if err != unix.EINTR {
			return err
		}
	}
}

// testFrame is frame number n, of size bytes; its content follows from both.
func testFrame(n uint32, size int) []byte {
	f := make([]byte, size)
	copy(f, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01")
	binary.BigEndian.PutUint16(f[12:], testType)
	binary.BigEndian.PutUint32(f[14:], n)
	for i := 18; i < size; i++ {
		f[i] = byte(int(n) + i)
	}
	return f
}

// number returns the number of a test frame, whose content it checks.
func number(tb testing.TB, f []byte) (uint32, bool) {
	tb.Helper()
	if len(f) < 18 || binary.BigEndian.Uint16(f[12:]) != testType {
		return 0, false
	}
	n := binary.BigEndian.Uint32(f[14:])
	for i := 18; i < len(f); i++ {
		if f[i] != byte(int(n)+i) {
			tb.Errorf("frame %d: byte %d is %#x", n, i, f[i])
			return n, true
		}
	}
	return n, true
}
