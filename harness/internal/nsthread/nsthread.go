// Package nsthread is the only code that changes the namespaces of a thread.
//
// The Go runtime moves goroutines between threads, and starts new threads from existing ones; a thread in another
// namespace must take part in neither. So everything here runs on a goroutine of its own, locked to its thread. A thread
// that was not changed for good returns to where it was and is unlocked; any other dies with its goroutine, which the
// runtime does for a goroutine that ends while locked. The runtime never starts a thread from a locked one
// (runtime/proc.go, newm and startTemplateThread). The main thread cannot die, so it is never used. Own gives such a thread to
// those who change something else of theirs, a scheduling class.
package nsthread

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
)

// Make runs f on a thread of its own. f may call unshare any number of times: each call moves the thread to a new network
// namespace and returns a handle of it, which is the caller's to close.
func Make(f func(unshare func() (netns.NsHandle, error)) error) error {
	return dying(func() error { return f(unshare) })
}

func unshare() (netns.NsHandle, error) {
	err := fault.Check("make network namespace")
	ns := netns.None()
	if err == nil {
		ns, err = netns.New()
	}
	if err != nil {
		return netns.None(), fmt.Errorf("make network namespace: %w", err)
	}
	return ns, nil
}

// In runs f on a thread inside the network namespace ns. A panic in f is raised again in the caller.
func In(ns netns.NsHandle, f func() error) error {
	return locked(func() (error, bool) {
		home, err := netns.Get()
		if err != nil {
			return fmt.Errorf("open this thread's network namespace: %w", err), true
		}
		defer home.Close()
		if err := netns.Set(ns); err != nil {
			return fmt.Errorf("enter network namespace: %w", err), true
		}
		restored := false
		// Also when f panics: the thread is then not unlocked, and dies.
		func() {
			defer func() { restored = netns.Set(home) == nil }()
			err = f()
		}()
		return err, restored
	})
}

// Spaces are the namespaces that a program is started in, as open descriptors.
type Spaces struct {
	Net netns.NsHandle
	PID *os.File
	// Mount is the mount namespace. Joining one moves the thread's root and working directory to that namespace's root.
	Mount *os.File
}

// Spawn runs f on a thread of its own inside s: what f starts is in these namespaces. (The thread itself stays in its
// process-id namespace; only its children are in s.PID.)
func Spawn(s Spaces, f func() error) error {
	return dying(func() error {
		if err := enterMounts(s.Mount); err != nil {
			return err
		}
		if err := unix.Setns(int(s.PID.Fd()), unix.CLONE_NEWPID); err != nil {
			return fmt.Errorf("enter process-id namespace: %w", err)
		}
		if err := netns.Set(s.Net); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// CopyMounts makes a copy of the mount namespace, runs f on a thread inside the copy and the network namespace ns, and
// returns a descriptor of the copy.
func CopyMounts(mounts *os.File, ns netns.NsHandle, f func() error) (copied *os.File, err error) {
	err = dying(func() error {
		// The copy's own /proc is that of another process-id namespace, in which this thread is not to be found.
		self, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/ns", unix.Gettid()), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open /proc/self/task: %w", err)
		}
		defer unix.Close(self)
		if err := enterMounts(mounts); err != nil {
			return err
		}
		if err := fault.Check("copy mount namespace"); err != nil {
			return err
		}
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("copy mount namespace: %w", err)
		}
		if err := netns.Set(ns); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		if err := f(); err != nil {
			return err
		}
		fd, err := unix.Openat(self, "mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open mount namespace: %w", err)
		}
		copied = os.NewFile(uintptr(fd), "mount namespace")
		return nil
	})
	return copied, err
}

// enterMounts joins a mount namespace. The kernel allows it only to a thread that shares root and working directory
// with no other (setns(2)), and that cannot be undone: the thread must die.
func enterMounts(mounts *os.File) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("give the thread a root of its own: %w", err)
	}
	if err := unix.Setns(int(mounts.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter mount namespace: %w", err)
	}
	return nil
}

// Own runs f on a thread of its own, which ends with it, and returns when it has: what f changes of its thread for good, its
// scheduling class for one, nobody else meets. A panic in f is raised again in the caller.
func Own(f func()) {
	// The error says that f ended its goroutine, which is f's business.
	_ = dying(func() error { f(); return nil })
}

// dying runs f on a thread that ends afterwards.
func dying(f func() error) error {
	return locked(func() (error, bool) { return f(), false })
}

// ErrExit says that a function ended its goroutine instead of returning, as testing.T.FailNow does.
var ErrExit = errors.New("the function called runtime.Goexit: return an error instead")

// locked runs f on a goroutine locked to a thread other than the main one. f tells whether the thread is as it was.
func locked(f func() (err error, clean bool)) error {
	type result struct {
		err   error
		panic any
	}
	done := make(chan result, 1)
	var run func()
	run = func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Keep the main thread until another one has the work.
			got := make(chan struct{})
			go func() { defer close(got); run() }()
			<-got
			runtime.UnlockOSThread()
			return
		}
		r := result{err: ErrExit}
		defer func() {
			if p := recover(); p != nil {
				r.panic = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
			}
			done <- r
		}()
		err, clean := f()
		if clean {
			runtime.UnlockOSThread()
		}
		r.err = err
	}
	go run()
	r := <-done
	if r.panic != nil {
		panic(r.panic)
	}
	return r.err
}
