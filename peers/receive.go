package peers

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// pipeSize is how much one splice moves, in bytes; the kernel allows as much to
// users (fs.pipe-max-size).
const pipeSize = 1 << 20

// sink receives a file's bytes into its part. Its digest is taken from the file,
// as it stands on disk, while the socket of a slow network is empty, where that
// costs no time, and after the last byte of a fast one.
//
// From a socket the bytes are spliced: over veth and loopback they are copied
// once, from the sender's page cache into ours.
type sink struct {
	l      *link
	part   *part
	buffer int // unit of reading; zero splices
	whole  *digest
	sent   *digest      // from the offset on, where the transfer was resumed
	have   atomic.Int64 // bytes in the file, for the digests
	wake   chan struct{}
	seen   func(done int64)
	next   time.Time // of the next call of seen
}

// manyProcessors says whether a digest has a processor to itself while a
// transfer keeps two busy. With two it would only take time from the network.
var manyProcessors = runtime.NumCPU() > 2

const progressEvery = 100 * time.Millisecond

func newSink(l *link, p *part, buffer int, seen func(done int64)) *sink {
	s := &sink{l: l, part: p, buffer: buffer, seen: seen, whole: newDigest(0), wake: make(chan struct{}, 1)}
	s.have.Store(p.size)
	if p.size > 0 {
		s.sent = newDigest(p.size)
	}
	return s
}

// digest does one step of what is still to digest.
func (s *sink) digest() (bool, error) {
	if s.sent != nil {
		if more, err := s.sent.step(s.part.f, s.have.Load()); more || err != nil {
			return more, err
		}
	}
	return s.whole.step(s.part.f, s.have.Load())
}

// beside digests in a goroutine of its own until stop is called, where there are
// processors to spare.
func (s *sink) beside() (stop func()) {
	if !manyProcessors {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for more := true; more; {
				select {
				case <-quit:
					return
				default:
					more, _ = s.digest() // finish meets the error again
				}
			}
			select {
			case <-quit:
				return
			case <-s.wake:
			}
		}
	}()
	return func() { close(quit); <-done }
}

// finish digests the rest, up to the end of the file.
func (s *sink) finish() (sent, whole [sha256.Size]byte, err error) {
	if whole, err = s.whole.finish(s.part.f, s.part.size, s.l.working); err != nil || s.sent == nil {
		return whole, whole, err
	}
	sent, err = s.sent.finish(s.part.f, s.part.size, s.l.working)
	return sent, whole, err
}

// added notes that n bytes more are in the file.
func (s *sink) added(n int) {
	s.part.size += int64(n)
	s.have.Store(s.part.size)
	if manyProcessors {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	if s.seen != nil {
		if now := time.Now(); now.After(s.next) {
			s.next = now.Add(progressEvery)
			s.seen(s.part.size)
		}
	}
}

// Write appends p to the file.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.part.f.WriteAt(p, s.part.size)
	s.added(n)
	return n, diskError(s.part.path, err)
}

// ReadFrom appends what r gives. Where r is the rest of a body on our link, the
// bytes do not pass through this process.
func (s *sink) ReadFrom(r io.Reader) (int64, error) {
	before := s.part.size
	lim, ok := r.(*io.LimitedReader)
	if !ok {
		lim = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	if ok && lim.R == io.Reader(s.l) && s.l.raw != nil && s.buffer == 0 {
		if err := s.splice(lim); err != errNoSplice {
			return s.part.size - before, err
		}
	}
	buffer := s.buffer
	if buffer == 0 {
		buffer = 256 << 10
	}
	buf := make([]byte, buffer)
	for lim.N > 0 {
		n, err := lim.Read(buf)
		if n > 0 {
			if _, err := s.Write(buf[:n]); err != nil {
				return s.part.size - before, err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return s.part.size - before, err
		}
	}
	return s.part.size - before, nil
}

// errNoSplice says that this pair of descriptors cannot be spliced; nothing was
// moved.
var errNoSplice = errors.New("no splice")

// splice moves lim.N bytes from the socket to the file and counts lim.N down.
// Where the stream ends before them it returns nil.
func (s *sink) splice(lim *io.LimitedReader) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return errNoSplice
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	unix.FcntlInt(uintptr(pipe[0]), unix.F_SETPIPE_SZ, pipeSize) // smaller is slower, and no error
	file, err := s.part.f.SyscallConn()
	if err != nil {
		return errNoSplice
	}
	var n int
	var failed error
	var haste haste
	take := func(fd uintptr) bool {
		for {
			k, err := unix.Splice(int(fd), nil, pipe[1], nil, int(min(lim.N, pipeSize)), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			n, failed = int(k), nil
			switch err {
			case nil:
				if s.l.quick {
					quickAck(fd)
				}
				return true
			case unix.EINTR:
			case unix.EAGAIN:
				if s.l.dead.Load() || haste.fast {
					return false
				}
				if more, err := s.digest(); err != nil {
					failed = err
					return true
				} else if !more {
					return false
				}
			case unix.EINVAL, unix.ENOSYS:
				failed = errNoSplice
				return true
			default:
				failed = os.NewSyscallError("splice", err)
				return true
			}
		}
	}
	for lim.N > 0 {
		if err := s.l.raw.Read(take); err != nil {
			return s.l.why(err)
		}
		if failed != nil {
			return s.l.why(failed)
		}
		if n == 0 {
			return nil
		}
		s.l.moved.Add(int64(n))
		haste.moved(int64(n), time.Now())
		lim.N -= int64(n)
		for n > 0 {
			k, err := s.drain(file.Control, pipe[0], n)
			n -= k
			s.added(k)
			if err != nil {
				return diskError(s.part.path, err)
			}
		}
		if err := s.whole.catchUp(s.part.f, s.part.size); err != nil {
			return err
		}
	}
	return nil
}

// drain moves up to n bytes from the pipe to the file's end; where the file
// system cannot splice, by way of a buffer.
func (s *sink) drain(control func(func(fd uintptr)) error, pipe, n int) (int, error) {
	var k int
	var err error
	cerr := control(func(fd uintptr) {
		at := s.part.size
		for {
			var moved int64
			moved, err = unix.Splice(pipe, nil, int(fd), &at, n, unix.SPLICE_F_MOVE)
			k = int(max(moved, 0))
			if err != unix.EINTR {
				break
			}
		}
	})
	if cerr != nil {
		return 0, cerr
	}
	switch {
	case err == unix.EINVAL:
		buf := make([]byte, min(n, digestUnit))
		if k, err = unix.Read(pipe, buf); err != nil {
			return 0, err
		}
		k, err = s.part.f.WriteAt(buf[:k], s.part.size)
	case err == nil && k == 0:
		err = io.ErrShortWrite
	}
	return k, err
}
