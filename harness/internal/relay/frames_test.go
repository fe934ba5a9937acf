package relay

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

// udp returns a UDP frame, virtio header first, of size bytes from the Ethernet header on, with number n in its payload
// and complete checksums but UDP's, which is left out.
func udp(n uint32, size int) []byte {
	b := make([]byte, gso.HeaderLen+size)
	f := b[gso.HeaderLen:]
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip := f[14:]
	copy(ip, []byte{0x45, 2, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[2:], uint16(size-14))
	binary.BigEndian.PutUint16(ip[10:], ^gso.Fold(gso.Sum(0, ip[:20])))
	copy(ip[20:], []byte{0x13, 0x88, 0x17, 0x70})
	binary.BigEndian.PutUint16(ip[24:], uint16(size-34))
	binary.BigEndian.PutUint32(ip[28:], n)
	return b
}

func number(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[gso.HeaderLen+42:]) }

// tcp returns a super-frame of the payload in segments of size bytes, with a partial checksum.
func tcp(seq uint32, flags byte, payload []byte, size int) []byte {
	b := make([]byte, gso.HeaderLen+54+len(payload))
	f := b[gso.HeaderLen:]
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip := f[14:]
	copy(ip, []byte{0x45, 2, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(f)-14))
	binary.BigEndian.PutUint16(ip[10:], ^gso.Fold(gso.Sum(0, ip[:20])))
	t := ip[20:]
	copy(t, []byte{0x9c, 0x40, 0x30, 0x39})
	binary.BigEndian.PutUint32(t[4:], seq)
	t[12], t[13] = 0x50, flags
	copy(t[20:], payload)
	binary.BigEndian.PutUint16(t[16:], gso.Fold(gso.Sum(6+uint64(len(t)), ip[12:20])))
	h := gso.Header{Flags: gso.NeedsCsum, HdrLen: 54, CsumStart: 34, CsumOffset: 16}
	if len(payload) > size {
		h.Type, h.Size = gso.TCPv4, uint16(size)
	}
	h.Encode(b)
	return b
}

func arp() []byte {
	b := make([]byte, gso.HeaderLen+42)
	copy(b[gso.HeaderLen:], []byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6})
	return b
}

// A bench is a link between two socket pairs; the test holds the far ends.
type bench struct {
	t    testing.TB
	link *Link
	eng  *Engine
	a, b int // what is written to a is sent by end a
}

func newBench(t testing.TB, o Options, ab, ba Config) *bench {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	x := &bench{t: t, eng: e}
	var ends [2]End
	for i, far := range []*int{&x.a, &x.b} {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range p {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20); err != nil {
				t.Skipf("needs CAP_NET_ADMIN for a socket pair that holds a burst: %v: run it as root", err)
			}
		}
		*far = p[0]
		fd := p[0]
		t.Cleanup(func() { unix.Close(fd) })
		ends[i] = fdEnd(p[1], "pair")
	}
	if x.link, err = e.Join(ends[0], ends[1], ab, ba); err != nil {
		t.Fatal(err)
	}
	return x
}

// send writes a frame, and waits for room.
func (x *bench) send(fd int, b []byte) {
	x.t.Helper()
	for {
		_, err := unix.Write(fd, b)
		if err == unix.EAGAIN {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			unix.Poll(p, 1000)
			continue
		}
		if err != nil && err != unix.EINTR {
			x.t.Fatal(err)
		}
		if err == nil {
			return
		}
	}
}

// receive reads a frame; nil if none comes within the time.
func (x *bench) receive(fd int, wait time.Duration) []byte {
	x.t.Helper()
	buf := make([]byte, 70000)
	deadline := time.Now().Add(wait)
	for {
		n, err := unix.Read(fd, buf)
		if err == nil {
			return buf[:n]
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		unix.Poll(p, int(left.Milliseconds())+1)
	}
}

// want reads a frame, which must come.
func (x *bench) want(fd int) []byte {
	x.t.Helper()
	b := x.receive(fd, patience)
	if b == nil {
		s, _ := x.link.Stats()
		x.t.Fatalf("nothing came within %v; stats %+v", patience, s)
	}
	return b
}

func (x *bench) stats() Stats {
	x.t.Helper()
	s, err := x.link.Stats()
	if err != nil {
		x.t.Fatal(err)
	}
	for _, d := range []*DirectionStats{&s.AB, &s.BA} {
		if in, out := d.PacketsIn+d.Duplicated, d.PacketsOut+d.InFlight+d.Dropped.Total()-d.Dropped.Missed; in != out {
			x.t.Fatalf("%d packets in (duplicates included) and %d accounted for: %+v", in, out, *d)
		}
	}
	return s
}

// patience is how long a test waits for a fact. It is long, since only a failure waits that long.
const patience = time.Minute

// until waits for a fact about the statistics.
func (x *bench) until(what string, f func(s *Stats) bool) Stats {
	x.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		s := x.stats()
		if f(&s) {
			return s
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("not within %v: %s: %+v", patience, what, s)
		}
	}
}

// deciderFunc is a decider.
type deciderFunc func(*Packet) Decision

func (f deciderFunc) Decide(p *Packet) Decision { return f(p) }
