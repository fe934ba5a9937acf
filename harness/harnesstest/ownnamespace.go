package harnesstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/userns"
)

// envOwn marks a test binary that runs in a network namespace of its own.
const envOwn = "WIREPROOF_OWN_NAMESPACE"

// OwnNamespace runs the test binary again in a network namespace of its own, with lo up, and ends with its exit status.
// There it returns at once, and also where there is no root. A TestMain calls it whose tests make interfaces in the machine's own
// namespace, as Mininet does: tests of other packages, which run at the same time, would find them, and they each other.
func OwnNamespace() {
	if os.Getenv(envOwn) != "" {
		os.Unsetenv(envOwn)
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "take lo up: %v: %s\n", err, out)
			os.Exit(1)
		}
		return
	}
	if os.Getuid() != 0 || userns.Inside() || !probe("root").OK { // a user namespace has its own
		return
	}
	runtime.LockOSThread() // the signal below comes when this thread ends
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Args[0] = os.Args[0]
	c.Env = append(os.Environ(), envOwn+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(os.Stderr, "run the tests in a network namespace of their own: %v\n", err)
		os.Exit(1)
	}
	os.Exit(c.ProcessState.ExitCode())
}
