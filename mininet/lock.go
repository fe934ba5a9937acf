package mininet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrBusy: another run is on Mininet. With Open vSwitch its names collide in the machine's own namespace, so there is one at a time.
var ErrBusy = errors.New("mininet is in use")

// lockName is an abstract socket (unix(7)): of one network namespace, as the names are that it guards, on no file system,
// and gone with the last process that holds it open.
const lockName = "@wireproof-mininet"

// EnvWait names the environment variable that says how long to wait for another run on Mininet to end: "5m". Empty: such a
// run is an error at once.
const EnvWait = "WIREPROOF_MININET_WAIT"

// held is this process's hold of Mininet.
var held struct {
	sync.Mutex
	holders  int
	listener *net.UnixListener
}

// Acquire keeps other processes from Mininet until release is called. Within a process it may be called many times over;
// the last release counts. Where another process has it, the error is ErrBusy and says which, and nothing was touched;
// with wait it is waited for instead, until ctx ends, and without for as long as EnvWait says.
func Acquire(ctx context.Context, wait bool) (release func(), err error) {
	if d, err := time.ParseDuration(os.Getenv(EnvWait)); err == nil && !wait {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
		wait = true
	}
	for {
		err := hold()
		if err == nil {
			return sync.OnceFunc(letGo), nil
		}
		if !wait || !errors.Is(err, ErrBusy) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond): // nothing tells when an abstract socket goes
		}
	}
}

func hold() error {
	held.Lock()
	defer held.Unlock()
	if held.listener == nil {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: lockName, Net: "unix"})
		if errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("%w by %s, and there is one run at a time, as names of Open vSwitch would collide: wait until that has ended", ErrBusy, holder())
		}
		if err != nil {
			return fmt.Errorf("mininet: %w", err)
		}
		held.listener = l
	}
	held.holders++
	return nil
}

func letGo() {
	held.Lock()
	defer held.Unlock()
	if held.holders--; held.holders == 0 {
		held.listener.Close()
		held.listener = nil
	}
}

// lockFile is the hold as a file, for the driver to have it too: it may have something to remove still when this process
// is gone.
func lockFile() (*os.File, error) {
	held.Lock()
	defer held.Unlock()
	if held.listener == nil {
		return nil, errors.New("mininet: not acquired")
	}
	return held.listener.File()
}

// holder names the process that has Mininet.
func holder() string {
	const unknown = "another run"
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return unknown
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: lockName}); err != nil {
		return unknown
	}
	who, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return unknown
	}
	if syscall.Kill(int(who.Pid), 0) != nil {
		return fmt.Sprintf("what process %d, which has ended, left to be taken down", who.Pid)
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", who.Pid))
	return strings.TrimSpace(fmt.Sprintf("process %d %s", who.Pid, name))
}
