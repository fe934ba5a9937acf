package relay

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

// A port is an end in use. It belongs to its shard's thread, but for the counter.
type port struct {
	fd      int // what is read
	out     int // what is written: fd, unless the end has a tap
	name    string
	device  bool // it refuses what is shorter than a virtio header; a test's descriptor does not
	packet  bool // a packet socket, not a TAP device
	counter *counter
	bypass  *bypass // of what is sent here; nil: the engine carries all

	in        *direction // what is read here
	slot      int        // in shard.ports
	last      int64      // arrival of the last frame
	stamps    *stamps    // of a TAP device; nil: it has none
	unstamped error      // why
	gone      error      // no more reading

	ring []outgoing // one for a TAP device, a batch for a packet socket
	used int
	send *vector

	missed       uint64 // by the packet socket, read so far
	counted      uint64 // last reading of the counter, for when the device is gone
	bypassMissed uint64 // last reading of bypass.missed
	closed       bool
}

// outgoing is a frame about to be written.
type outgoing struct {
	dir        *direction
	flight     flight
	at         int64
	head, rest []byte
	room       [gso.MaxHeaders]byte
}

const sendBatch = 32

// vector is what the kernel reads of a batch of frames: memory that must stay in place during the call, thus on the heap.
type vector struct {
	iov [sendBatch][2]unix.Iovec
	msg [sendBatch]mmsghdr
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

func (p *port) start(in *direction, slot int) {
	p.in, p.slot = in, slot
	p.send = new(vector)
	p.ring = make([]outgoing, 1)
	if p.packet {
		p.ring = make([]outgoing, sendBatch)
	}
}

// next is room for a frame, handed over by commit.
func (p *port) next() *outgoing { return &p.ring[p.used] }

func (p *port) commit() {
	if p.used++; p.used == len(p.ring) {
		p.flush()
	}
}

// flush writes what was handed over.
func (p *port) flush() {
	if p.used == 0 {
		return
	}
	n := p.used
	p.used = 0
	v := p.send
	for i := range n {
		o := &p.ring[i]
		v.iov[i][0].Base = unsafe.SliceData(o.head)
		v.iov[i][0].SetLen(len(o.head))
		v.iov[i][1].Base = unsafe.SliceData(o.rest)
		v.iov[i][1].SetLen(len(o.rest))
		v.msg[i].hdr.Iov = &v.iov[i][0]
		v.msg[i].hdr.SetIovlen(parts(o))
	}
	if !p.packet {
		p.ring[0].dir.sent(&p.ring[0], p.write(v, parts(&p.ring[0])))
		return
	}
	for done := 0; done < n; {
		r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(p.out), uintptr(unsafe.Pointer(&v.msg[done])), uintptr(n-done), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 { // of the first of them
			p.ring[done].dir.sent(&p.ring[done], errno)
			done++
			continue
		}
		for range int(r) {
			p.ring[done].dir.sent(&p.ring[done], nil)
			done++
		}
	}
	runtime.KeepAlive(v)
}

func parts(o *outgoing) int {
	if len(o.rest) == 0 {
		return 1
	}
	return 2
}

func (p *port) write(v *vector, n int) error {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(p.out), uintptr(unsafe.Pointer(&v.iov[0][0])), uintptr(n))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return errno
		}
		return nil
	}
}

// read reads one frame, virtio header first, into b.
func (p *port) read(b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(p.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// missedFrames reads the kernel's counters, for readings. The caller holds Link.read.
func (p *port) missedFrames() {
	if p.counter == nil {
		return
	}
	if n, err := p.counter.dropped(); err == nil {
		p.counted = n
	}
	if !p.packet {
		return
	}
	if s, err := unix.GetsockoptTpacketStats(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		p.missed += uint64(s.Drops) // reading resets it
	}
	if p.bypass != nil {
		p.bypassMissed = p.bypass.missed()
	}
}

// readings returns what missedFrames read: frames dropped on the way to the engine, and, for a packet socket, dropped on
// the way from it by the receiving interface.
func (p *port) readings() (in, out uint64) {
	if p.packet {
		return p.missed + p.bypassMissed, p.counted
	}
	return p.counted, 0
}

func (p *port) close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	err := unix.Close(p.fd)
	if p.out != p.fd {
		err = errors.Join(err, unix.Close(p.out))
	}
	if p.counter != nil {
		err = errors.Join(err, p.counter.close())
	}
	if p.stamps != nil {
		err = errors.Join(err, p.stamps.close())
	}
	if p.bypass != nil {
		err = errors.Join(err, p.bypass.close())
	}
	return err
}
