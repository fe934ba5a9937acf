package harnesstest_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
)

// fake is a test that is watched: how it ends, what it says, and what it leaves to its clean-up.
type fake struct {
	testing.TB // nil: what is not overridden is not to be called
	cleanups   []func()
	said       []string
	end        string // "skip", "fatal", or empty
	failed     bool
	name       string
}

func (f *fake) Helper()          {}
func (f *fake) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fake) Name() string     { return f.name }
func (f *fake) Failed() bool     { return f.failed }
func (f *fake) Log(args ...any)  { f.said = append(f.said, fmt.Sprint(args...)) }
func (f *fake) Logf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
func (f *fake) Errorf(format string, args ...any) {
	f.failed = true
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
func (f *fake) Error(args ...any) { f.failed = true; f.said = append(f.said, fmt.Sprint(args...)) }
func (f *fake) Fatal(args ...any) { f.stop("fatal", fmt.Sprint(args...)) }
func (f *fake) Fatalf(format string, args ...any) {
	f.stop("fatal", fmt.Sprintf(format, args...))
}
func (f *fake) Skipf(format string, args ...any) {
	f.stop("skip", fmt.Sprintf(format, args...))
}

func (f *fake) stop(end, text string) {
	f.end = end
	f.said = append(f.said, text)
	runtime.Goexit()
}

// run runs f to its end, as the testing package does: in a goroutine that may exit.
func (f *fake) run(test func()) *fake {
	done := make(chan struct{})
	go func() { defer close(done); test() }()
	<-done
	return f
}

// finish runs the clean-ups, the last one first.
func (f *fake) finish() {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}

func (f *fake) text() string { return strings.Join(f.said, "\n") }

// A capability that is missing skips, and fails where the environment says that it must be there. Programs are looked for
// on PATH, so with an empty one tshark is missing on any machine. Each capability is probed once for each process, here first.
func TestRequire(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		require string // the environment's
		end     string
	}{
		{"", "skip"}, {"iperf3", "skip"}, {"tshark", "fatal"}, {"root,tshark", "fatal"}, {"all", "fatal"},
	} {
		t.Setenv(harnesstest.EnvRequire, c.require)
		f := new(fake)
		reached := false
		f.run(func() { harnesstest.Require(f, "tshark"); reached = true })
		if f.end != c.end || reached {
			t.Errorf("with %q it ends by %q, want %q: %s", c.require, f.end, c.end, f.text())
		}
		for _, want := range []string{"tshark", "apt-get install tshark"} {
			if !strings.Contains(f.text(), want) {
				t.Errorf("with %q: %q is not in %s", c.require, want, f.text())
			}
		}
	}
}

// A capability that is there lets the test go on, whatever the environment says, and one that does not exist is fatal.
func TestRequireKnown(t *testing.T) {
	f := new(fake)
	f.run(func() { harnesstest.Require(f) })
	if f.end != "" || f.text() != "" {
		t.Errorf("nothing is required and it ends by %q: %s", f.end, f.text())
	}
	f.run(func() { harnesstest.Require(f, "tshrak") })
	if f.end != "fatal" || !strings.Contains(f.text(), "tshrak") {
		t.Errorf("an unknown name ends by %q: %s", f.end, f.text())
	}
}

// A leak is something left behind: what NoLeaks says of it, and how it comes to be.
type leak struct {
	said  string
	leave func(t *testing.T) (clear func())
}

// check wants NoLeaks to tell the leak, and to say nothing where it is taken away in time.
func (l leak) check(t *testing.T) {
	f := new(fake)
	harnesstest.NoLeaks(f)
	l.leave(t)()
	f.finish()
	if f.text() != "" {
		t.Errorf("taken away in time, and yet: %s", f.text())
	}

	f = new(fake)
	harnesstest.NoLeaks(f)
	clear := l.leave(t)
	f.finish()
	clear()
	if !strings.Contains(f.text(), "left behind: ") || !strings.Contains(f.text(), l.said) {
		t.Errorf("no %q in: %s", l.said, f.text())
	}
}

func TestNoLeaks(t *testing.T) {
	harnesstest.SetLeakLimit(t, 50*time.Millisecond)
	for name, l := range map[string]leak{
		"goroutine": {"harnesstest_test.", func(*testing.T) func() {
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() { defer close(ended); <-stop }()
			return func() { close(stop); <-ended }
		}},
		"descriptor": {"descriptor", func(t *testing.T) func() {
			f, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			return func() { f.Close() }
		}},
		"process": {"process", func(t *testing.T) func() {
			c := exec.Command("cat")
			w, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			return func() { w.Close(); c.Wait() }
		}},
	} {
		t.Run(name, l.check)
	}
}

const envInside = "HARNESSTEST_INSIDE"

// What would be seen by all of the machine is left behind in namespaces of its own: those of this test, run again.
func TestNoLeaksOfTheMachine(t *testing.T) {
	harnesstest.Require(t, "root", "veth")
	if os.Getenv(envInside) == "" {
		c := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), envInside+"=yes")
		c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+"/mount") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	harnesstest.SetLeakLimit(t, 50*time.Millisecond)
	for name, l := range map[string]leak{
		"mount": {"mount", func(t *testing.T) func() {
			dir := t.TempDir()
			if err := unix.Mount("wireproof", dir, "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := unix.Unmount(dir, 0); err != nil {
					t.Error(err)
				}
			}
		}},
		"interface": {"interface h1-eth0", func(t *testing.T) func() {
			link := func(args ...string) {
				t.Helper()
				if out, err := exec.Command("ip", append([]string{"link"}, args...)...).CombinedOutput(); err != nil {
					t.Errorf("ip link %v: %v: %s", args, err, out)
				}
			}
			link("add", "h1-eth0", "type", "veth", "peer", "name", "h2-eth0")
			return func() { link("del", "h1-eth0") }
		}},
	} {
		t.Run(name, l.check)
	}
}
