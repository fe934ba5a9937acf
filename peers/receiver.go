package peers

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The lockstep dialect waits for a few bytes after every chunk, so its speed is
// the speed of a wait. Parking a goroutine costs a pass through epoll and, on
// a virtual machine, waking an idle processor: 20 to 70 µs. So a read first
// tries again for a moment, giving its processor away between tries
// (sched_yield: five clients on two processors gain by it too). Measured over
// loopback, 1,024 bytes each time: 16 to 54 MB/s parked, 140 MB/s so.
const (
	spinFor   = 20 * time.Microsecond
	spinFails = 8  // after so many tries in vain in a row the peer is far away …
	spinRetry = 64 // … and only every so many reads it is tried again
)

// errQuiet says that nothing came in the quiet period.
var errQuiet = errors.New("quiet")

// receiver reads from and writes to the link's socket without an allocation or
// a deadline for each exchange.
type receiver struct {
	l     *link
	buf   []byte
	n     int
	errno syscall.Errno
	fails int  // spins in vain in a row
	reads uint // for spinRetry
	recv  func(fd uintptr) bool
	send  func(fd uintptr) bool
}

func newReceiver(l *link) *receiver {
	r := &receiver{l: l}
	r.recv = r.tryRecv
	r.send = r.trySend
	return r
}

// read reads once. Where quiet is not zero and nothing comes for so long, it
// returns errQuiet.
func (r *receiver) read(buf []byte, quiet time.Duration) (int, error) {
	l := r.l
	if quiet > 0 {
		l.conn.SetReadDeadline(time.Now().Add(quiet))
		n, err := l.conn.Read(buf)
		l.conn.SetReadDeadline(time.Time{})
		l.got(n)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, errQuiet
		}
		return n, l.why(err)
	}
	if l.raw == nil {
		return l.Read(buf)
	}
	r.buf = buf
	if err := l.raw.Read(r.recv); err != nil {
		return 0, l.why(err)
	}
	switch {
	case r.errno != 0:
		return 0, l.why(os.NewSyscallError("recvfrom", r.errno))
	case r.n == 0:
		return 0, io.EOF
	}
	if l.onByte {
		l.startHeader(true)
	}
	l.moved.Add(int64(r.n))
	return r.n, nil
}

func (r *receiver) tryRecv(fd uintptr) bool {
	r.reads++
	spin := r.fails < spinFails || r.reads%spinRetry == 0
	var start time.Time
	for {
		// RawSyscall: it never waits, so the scheduler need not know of it.
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(r.buf))), uintptr(len(r.buf)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			if !start.IsZero() {
				r.fails = 0
			}
			if r.l.quick {
				quickAck(fd)
			}
			r.n, r.errno = int(n), 0
			return true
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			r.n, r.errno = 0, errno
			return true
		}
		if !spin {
			return false
		}
		if start.IsZero() {
			start = time.Now()
		} else if time.Since(start) > spinFor {
			r.fails++
			return false
		}
		syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// write writes all of b.
func (r *receiver) write(b []byte) error {
	l := r.l
	if l.raw != nil {
		r.buf = b
		if err := l.raw.Write(r.send); err != nil {
			return l.why(err)
		}
		if r.errno != 0 {
			return l.why(os.NewSyscallError("sendto", r.errno))
		}
		l.moved.Add(int64(r.n))
		b = b[r.n:]
	}
	if len(b) == 0 {
		return nil
	}
	_, err := l.Write(b)
	return err
}

func (r *receiver) trySend(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(r.buf))), uintptr(len(r.buf)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			r.n, r.errno = int(n), 0
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.n, r.errno = 0, 0 // the socket is full: link.Write waits for it
		default:
			r.n, r.errno = 0, errno
		}
		return true
	}
}
