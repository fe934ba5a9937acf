package relay

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/relay/gso"
	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// A shard is one engine thread with its links.
type shard struct {
	opt  Options
	base time.Time // times are nanoseconds since
	wake int       // eventfd: there are commands

	mu       sync.Mutex
	commands []func()
	ended    bool
	done     chan struct{} // closed when the thread has ended

	// Of the thread.
	poll  poller
	ports []*port // nil: a free slot
	links []*Link
	pool  pool
	big   *buffer // the next frame is read here
	mm    *recvBatch
	stop  bool
	timer timer
	class string
	why   error

	dry     direction // of rehearsals
	touched byte
}

// now is the time on the thread's clock: the monotonic one, by the vDSO.
func (s *shard) now() int64 { return int64(time.Since(s.base)) }

// newShard starts a thread, and returns when it is in its class.
func newShard(o Options) (*shard, error) {
	s := &shard{opt: o, base: time.Now(), done: make(chan struct{}), wake: -1}
	s.poll.fd = -1
	var err error
	if s.poll.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		s.release()
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	if err = s.watch(s.wake, -1); err != nil {
		s.release()
		return nil, err
	}
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		<-s.done
		return nil, err
	}
	return s, nil
}

func (s *shard) watch(fd, slot int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)}
	if err := unix.EpollCtl(s.poll.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watch descriptor: %w", err)
	}
	return nil
}

func (s *shard) release() {
	for _, fd := range []int{s.poll.fd, s.wake} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// do runs f on the thread between two frames, and returns when it has run, or false: the thread has ended.
func (s *shard) do(f func()) bool {
	ran := make(chan struct{})
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		<-s.done
		return false
	}
	s.commands = append(s.commands, func() { f(); close(ran) })
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(s.wake, one[:]) // fails only when 2^64 are pending
	s.mu.Unlock()
	<-ran
	return true
}

// obey runs the commands.
func (s *shard) obey() {
	var n [8]byte
	unix.Read(s.wake, n[:])
	s.mu.Lock()
	todo := s.commands
	s.commands = nil
	s.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

// close ends the thread.
func (s *shard) close() {
	s.do(func() { s.stop = true })
	<-s.done
}

// run is the thread.
func (s *shard) run(started chan<- error) {
	defer close(s.done)
	nsthread.Own(func() { s.thread(started) })
}

func (s *shard) thread(started chan<- error) {
	defer s.release()
	var err error
	if s.class, s.why, err = enterClass(s.opt.Class); err != nil {
		s.mu.Lock()
		s.ended = true
		s.mu.Unlock()
		started <- err
		return
	}
	s.big = s.pool.get(classSizes[bigClass])
	s.timer.start = s.now()
	close(started)
	for !s.stop {
		s.turn()
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.obey() // what came in the meantime
	for _, l := range slices.Clone(s.links) {
		l.end()
	}
}

// turn delivers what is due, sleeps until something happens, and takes in what came.
func (s *shard) turn() {
	now := s.now()
	next := int64(pace.Never)
	for _, l := range s.links {
		next = min(next, l.keepPlans(now))
		for i := range l.dirs {
			d := &l.dirs[i]
			due := d.line.Next()
			if due <= now {
				d.release(now)
				due = d.line.Next()
			}
			next = min(next, due)
			d.settle(now)
		}
	}
	events, slept := s.sleep(next)
	for i := range events {
		slot := int(events[i].Fd)
		if slot < 0 {
			s.obey()
			continue
		}
		// A command may have closed the port.
		if p := s.ports[slot]; p != nil && p.gone == nil {
			s.receive(p, slept)
		}
	}
}

// receive takes in a batch of the frames that wait at an end, and says whether there may be more.
func (s *shard) receive(p *port, slept sleeping) (more bool) {
	if p.packet {
		return s.receivePackets(p)
	}
	return s.receiveTAP(p, slept)
}

// readBatch bounds how many frames are read at one end before the other end has its turn.
const readBatch = 32

// receiveTAP reads frames from a TAP device. Where their times of arrival are not noted, the one that woke the thread came as
// long ago as waking up takes, by a careful estimate: it may be delivered a few microseconds before its time.
func (s *shard) receiveTAP(p *port, slept sleeping) (more bool) {
	d := p.in
	var looked int64 // before the read
	if p.stamps != nil {
		looked = s.now()
	}
	for k := range readBatch {
		b := s.big
		var seen uint64
		if p.stamps != nil {
			seen = p.stamps.before()
		}
		n, errno := p.read(b.data)
		at := s.now()
		switch {
		case errno == unix.EAGAIN:
			if p.stamps != nil {
				p.stamps.none(looked, seen)
			}
			return false
		case errno != 0:
			s.gone(p, errno)
			return false
		case n == 0:
			s.gone(p, unix.EBADFD)
			return false
		}
		if p.stamps != nil {
			looked = at
			if came, ok := p.stamps.frame(at); ok {
				at = came
			}
		} else if k == 0 && slept.woken {
			at = max(at-s.timer.woke(at-slept.since), slept.since)
		}
		if n <= gso.HeaderLen {
			continue
		}
		at = max(at, p.last)
		p.last = at
		s.big = s.take(d, b, n, at)
		if now := s.now(); d.line.Next() <= now {
			d.release(now)
		}
	}
	return true
}

// take gives d the frame of n bytes in b, and returns the buffer to read the next one into.
func (s *shard) take(d *direction, b *buffer, n int, at int64) *buffer {
	b.n = n
	s.timer.took(n)
	if d.waits() && n <= classSizes[bigClass-1] {
		small := s.pool.get(n)
		small.n = copy(small.data, b.data[:n])
		small.parse()
		d.ingest(small, at)
		s.pool.put(small)
		return b
	}
	b.parse()
	d.ingest(b, at)
	if b.refs == 1 {
		return b
	}
	s.pool.put(b)
	return s.pool.get(classSizes[bigClass])
}

// gone stops reading from a port whose device is no more.
func (s *shard) gone(p *port, why unix.Errno) {
	if why == unix.ENETDOWN { // a packet socket says so once when its interface goes down
		return
	}
	p.gone = fmt.Errorf("read from %s: %w: %w", p.name, why, ErrGone)
	unix.EpollCtl(s.poll.fd, unix.EPOLL_CTL_DEL, p.fd, nil)
}

// recvBatch is the memory of a recvmmsg call.
type recvBatch struct {
	msg  [readBatch]mmsghdr
	iov  [readBatch]unix.Iovec
	ctl  [readBatch][64]byte
	buf  [readBatch]*buffer
	want int // frames to ask for: few when they are large, so that they stay in the cache
}

// receivePackets reads frames from a packet socket, with the kernel's time of arrival.
func (s *shard) receivePackets(p *port) (more bool) {
	m := s.mm
	if m == nil {
		m = &recvBatch{want: readBatch}
		for i := range m.buf {
			m.buf[i] = s.pool.get(classSizes[bigClass])
		}
		s.mm = m
	}
	for range 4 {
		for i := range m.want {
			m.iov[i].Base = unsafe.SliceData(m.buf[i].data)
			m.iov[i].SetLen(len(m.buf[i].data))
			h := &m.msg[i].hdr
			*h = unix.Msghdr{Iov: &m.iov[i], Control: &m.ctl[i][0]}
			h.SetIovlen(1)
			h.SetControllen(len(m.ctl[i]))
		}
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&m.msg[0])), uintptr(m.want), unix.MSG_DONTWAIT, 0, 0)
		runtime.KeepAlive(m)
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return false
		case errno != 0:
			s.gone(p, errno)
			return false
		}
		d := p.in
		wall := time.Now()
		now := int64(wall.Sub(s.base))
		offset := wall.UnixNano() - now
		n, bytes := int(r), 0
		if b := p.bypass; b != nil {
			first := b.taken == 0
			b.taken += uint64(n)
			if first {
				d.link.divert()
			}
		}
		for i := range n {
			size := int(m.msg[i].len)
			if size <= gso.HeaderLen || m.msg[i].hdr.Flags&unix.MSG_TRUNC != 0 {
				continue
			}
			bytes += size
			at := now
			if ts, ok := stamp(m.ctl[i][:m.msg[i].hdr.Controllen]); ok {
				// A step of the machine's clock in between is not the frame's.
				if t := ts - offset; t <= now && t > now-int64(time.Second) {
					at = t
				}
			}
			at = max(at, p.last)
			p.last = at
			m.buf[i] = s.take(d, m.buf[i], size, at)
		}
		if now = s.now(); d.line.Next() <= now {
			d.release(now)
		}
		if asked := m.want; n > 0 {
			m.want = readBatch
			if bytes/n > 16<<10 {
				m.want = readBatch / 4
			}
			if n < asked {
				return false
			}
		}
	}
	return true
}

// stamp finds SCM_TIMESTAMPNS among control messages.
func stamp(b []byte) (int64, bool) {
	e := binary.NativeEndian
	for len(b) >= unix.SizeofCmsghdr {
		size := int(e.Uint64(b))
		if size < unix.SizeofCmsghdr || size > len(b) {
			break
		}
		if e.Uint32(b[8:]) == unix.SOL_SOCKET && e.Uint32(b[12:]) == unix.SCM_TIMESTAMPNS && size >= unix.SizeofCmsghdr+16 {
			return int64(e.Uint64(b[16:]))*1e9 + int64(e.Uint64(b[24:])), true
		}
		b = b[min(len(b), (size+7)&^7):]
	}
	return 0, false
}
