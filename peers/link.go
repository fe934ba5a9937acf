package peers

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// link is one connection, watched. A limit that is reached, or the context's
// end, closes the connection, and every operation after it fails with that
// cause: there are no deadlines to move along with each read.
type link struct {
	conn   net.Conn
	raw    syscall.RawConn // nil where conn is no socket
	quick  bool            // set TCP_QUICKACK again after each read
	limits Limits          // resolved
	moved  atomic.Int64    // bytes read and written: what the idle limit watches
	worked atomic.Int64    // progress of other kinds
	onByte bool            // the header limit starts with the next byte read
	dead   atomic.Bool     // closed, or about to be: whoever keeps the socket busy lets go

	mu       sync.Mutex
	cause    error // why we closed it
	closed   bool
	timer    *time.Timer
	end      time.Time // of the total limit
	header   time.Time // of the header limit; zero outside a header
	last     int64     // moved, at the last progress
	lastAt   time.Time
	lastOutq int
	stop     func() bool
}

func newLink(ctx context.Context, conn net.Conn, opt SocketOptions, limits Limits) (*link, error) {
	l := &link{conn: conn, limits: limits}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			l.raw = raw
			l.quick = opt.QuickAck
			if err := opt.apply(raw); err != nil {
				conn.Close()
				return nil, err
			}
		}
	}
	now := time.Now()
	l.lastAt = now
	if limits.Total > 0 {
		l.end = now.Add(limits.Total)
	}
	l.mu.Lock()
	l.timer = time.AfterFunc(time.Hour, l.check)
	l.arm(now)
	l.mu.Unlock()
	l.stop = context.AfterFunc(ctx, func() { l.fail(context.Cause(ctx)) })
	return l, nil
}

// arm sets the timer to the next moment at which a limit may be reached.
func (l *link) arm(now time.Time) {
	next := time.Hour
	if l.limits.Idle > 0 {
		next = max(l.limits.Idle/4, time.Millisecond)
	}
	for _, t := range []time.Time{l.end, l.header} {
		if !t.IsZero() {
			next = min(next, t.Sub(now))
		}
	}
	l.timer.Reset(max(next, 0))
}

// check is the watchdog: it runs a few times in each idle limit.
func (l *link) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	if moved, outq := l.moved.Load()+l.worked.Load(), l.outq(); moved != l.last || outq != l.lastOutq {
		l.last, l.lastOutq, l.lastAt = moved, outq, now
	}
	switch {
	case !l.end.IsZero() && !now.Before(l.end):
		l.failLocked(&LimitError{Limit: "total", After: l.limits.Total})
	case !l.header.IsZero() && !now.Before(l.header):
		l.failLocked(&LimitError{Limit: "header", After: l.limits.Header})
	case l.limits.Idle > 0 && l.header.IsZero() && now.Sub(l.lastAt) >= l.limits.Idle:
		l.failLocked(&LimitError{Limit: "idle", After: l.limits.Idle})
	default:
		l.arm(now)
	}
}

// outq is how many bytes the other end has not acknowledged. While it shrinks
// there is progress, though we may wait: megabytes can lie in the send buffer
// before a slow link.
func (l *link) outq() (n int) {
	if l.raw != nil {
		l.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
	}
	return n
}

// startHeader starts the header limit now, or with the next byte that is read.
func (l *link) startHeader(now bool) {
	l.onByte = !now
	if !now || l.limits.Header == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		t := time.Now()
		l.header = t.Add(l.limits.Header)
		l.arm(t)
	}
}

// endHeader ends the header limit; from here on the idle limit counts.
func (l *link) endHeader() {
	l.onByte = false
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.header = time.Time{}
		l.lastAt = time.Now()
		l.arm(l.lastAt)
	}
}

// fail closes the connection for a reason of our own, the first one counts.
func (l *link) fail(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(cause)
}

func (l *link) failLocked(cause error) {
	if !l.closed {
		l.closed, l.cause = true, cause
		l.dead.Store(true)
		l.timer.Stop()
		l.conn.Close()
	}
}

// Close releases the connection and all that watches it.
func (l *link) Close() error {
	l.stop()
	l.fail(nil)
	return nil
}

// why returns the reason of our own for err, where there is one. A pipe that both ends close at once may tell of the other's
// closing, which was an answer to ours.
func (l *link) why(err error) error {
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil && (errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, unix.EBADF) || err == io.EOF) {
		return l.cause
	}
	return err
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.conn.Read(p)
	l.got(n)
	return n, l.why(err)
}

// got does what every read asks for.
func (l *link) got(n int) {
	if n <= 0 {
		return
	}
	l.moved.Add(int64(n))
	if l.onByte {
		l.startHeader(true)
	}
	if l.quick && l.raw != nil {
		l.raw.Control(quickAck)
	}
}

func quickAck(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }

func (l *link) Write(p []byte) (int, error) {
	n, err := l.conn.Write(p)
	l.moved.Add(int64(n))
	return n, l.why(err)
}

// linger ends our side and reads what the other end still sends, for a short
// time: closing with bytes unread resets the connection, and takes away
// from the other end the answer that it has not yet read (RFC 9293, 3.10.4).
func (l *link) linger() {
	cw, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || cw.CloseWrite() != nil {
		return
	}
	l.conn.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 64<<10)
	for left := 64 << 20; left > 0; {
		n, err := l.conn.Read(buf)
		if err != nil {
			return
		}
		left -= n
	}
}

// alive is nil until the connection is closed.
func (l *link) alive() error {
	if !l.dead.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return l.cause
	}
	return net.ErrClosed
}

// working is alive for work that moves no bytes, and says that it makes progress.
func (l *link) working() error {
	l.worked.Add(1)
	return l.alive()
}
