package nsthread_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/nsthread"
)

// The goroutine that begins a program is on its main thread, and keeps it until TestMain.
func init() { runtime.LockOSThread() }

// ownFromMain is the thread that Own used when it was called on the main one.
var ownFromMain int

// The runtime decides where a goroutine runs. With one processor a goroutine that another one starts and waits for runs where
// that one did, and so on the main thread.
func TestMain(m *testing.M) {
	if unix.Gettid() != unix.Getpid() {
		panic("the tests do not begin on the main thread")
	}
	processors := runtime.GOMAXPROCS(1)
	runtime.UnlockOSThread()
	nsthread.Own(func() { ownFromMain = unix.Gettid() })
	runtime.GOMAXPROCS(processors)
	os.Exit(m.Run())
}

// A thread that cannot end is never used: what Own changed of it would stay.
func TestOwnIsNeverTheMainThread(t *testing.T) {
	if ownFromMain == 0 {
		t.Fatal("Own returned before its function ran")
	}
	if ownFromMain == unix.Getpid() {
		t.Fatal("Own used the main thread")
	}
}

// The thread ends with the function.
func TestOwnEndsItsThread(t *testing.T) {
	var tid int
	nsthread.Own(func() { tid = unix.Gettid() })
	for deadline := time.Now().Add(10 * time.Second); ; {
		if unix.Tgkill(unix.Getpid(), tid, 0) == unix.ESRCH {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("thread %d is still there", tid)
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 1_000_000}, nil)
	}
}

// A panic reaches whoever called, and one that ends its goroutine does not hold the caller up.
func TestOwnPassesPanicsOn(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic is lost")
		}
	}()
	nsthread.Own(runtime.Goexit)
	nsthread.Own(func() { panic("in f") })
}
