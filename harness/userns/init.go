package userns

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// env marks the second process.
const env = "WIREPROOF_USERNS_PROCESS"

// ready is what it reports when it is set up. Anything else is an error: its number, a space, and what was tried.
const ready = "ready"

// init sets the process up, if it is the second one, and has it run the program as process 1 of a machine would: it does not
// return then. Being process 1 it cannot be mistaken for one that inherited the mark.
func init() {
	then := os.Getenv(env)
	if then == "" || os.Getpid() != 1 {
		return
	}
	os.Unsetenv(env)
	unix.CloseOnExec(3)
	report := os.NewFile(3, "report")
	// Those of a terminal reach the program, too; the others it is handed.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passed...)
	what, err := setUp()
	var program *os.Process
	if err == nil && then == stay {
		what = "start the program"
		program, err = os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	}
	if err != nil {
		var errno unix.Errno
		errors.As(err, &errno)
		fmt.Fprintf(report, "%d %s", int(errno), what)
		os.Exit(1)
	}
	if _, err := report.WriteString(ready); err != nil || program == nil {
		os.Exit(0)
	}
	report.Close()
	go func() {
		for s := range signals {
			_ = program.Signal(s)
		}
	}()
	os.Exit(reap(program.Pid))
}

// reap waits for the program, and for every orphan before it, and returns the exit status: 128 and the signal where one ended it.
func reap(program int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 1
		case pid == program && status.Signaled():
			return 128 + int(status.Signal())
		case pid == program:
			return status.ExitStatus()
		}
	}
}

// setUp gives the namespaces what a program expects: mounts that stay inside, a /proc of its own processes, and a loopback interface.
func setUp() (what string, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return "keep mounts private", err
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return mountProc, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "open a socket", err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return "name lo", err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return "set lo up", err
	}
	return "", nil
}

const mountProc = "mount /proc"

// A setUpError is what the second process reported.
type setUpError struct {
	what  string
	errno unix.Errno
}

func (e *setUpError) Error() string {
	if e.errno == 0 {
		return e.what
	}
	return e.what + ": " + e.errno.Error()
}

func (e *setUpError) Unwrap() error { return e.errno }

// parse reads the report of a second process that is not ready.
func parse(said []byte) error {
	number, what, _ := strings.Cut(string(said), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return &setUpError{what: "the process in it ended without a word"}
	}
	return &setUpError{what: what, errno: unix.Errno(n)}
}
