// Package userns lets an ordinary user do what needs root, on networks of their own.
//
//	wireproof run …  ──▶  wireproof run …  ──▶  wireproof run …
//	user 1000             user 0, process 1     the same program and arguments,
//	waits, passes         waits, passes         as root of a user, mount, process-id
//	signals on            signals on            and network namespace
//
// Root of a user namespace (user_namespaces(7)) may make namespaces, interfaces, queueing disciplines and packet sockets in what
// belongs to it, and nothing outside of it. The kernel allows making one to anybody; distributions and containers restrict
// it by rules of their own, which [Refusal] tells apart.
//
// A program calls [Enter] where it is about to need privilege, or [Main] in its TestMain. The process in the middle, which
// takes in orphans as process 1 of a machine does, is this package's init.
package userns

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// EnvOff names the environment variable that, set to "no", has Enter and Main do nothing.
const EnvOff = "WIREPROOF_USERNS"

// namespaces are all that the second process has of its own.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// passed are the signals that are handed on to the program.
var passed = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// refused is why Enter could not, for what comes later.
var refused struct {
	sync.Mutex
	err error
}

// Refused returns why an earlier Enter could not make the namespaces, a *Refusal, or nil.
func Refused() error {
	refused.Lock()
	defer refused.Unlock()
	return refused.err
}

// Privileged reports whether the calling process may do all of it already: CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW are
// effective.
func Privileged() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return os.Geteuid() == 0
	}
	for line := range strings.Lines(string(status)) {
		text, ok := strings.CutPrefix(line, "CapEff:")
		if !ok {
			continue
		}
		have, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
		return err == nil && have&need == need
	}
	return false
}

// Inside reports whether the process is in a user namespace that does not have all of the machine's users, as one made by
// Enter has not (user_namespaces(7), uid_map).
func Inside() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(text)), " ") != "0 0 4294967295"
}

// Enter returns nil at once where the process is privileged, or Main is switched off. Else it runs the program again, with the
// same arguments, environment, folder and descriptors 0 to 2, in namespaces where it is, waits for it, and ends with its
// status: it does not return then. When the first process ends, however it ends, the second does, and all that it started.
//
// The error, a *Refusal, says why the machine does not allow that; the program goes on as it was.
// Call it from the main goroutine, before the program has done anything that must not be done twice.
func Enter() error {
	if Privileged() || os.Getenv(EnvOff) == "no" {
		return nil
	}
	// PR_SET_PDEATHSIG follows the thread that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Before there is a second process, so that no signal comes between and ends the first alone. Those of a terminal reach both.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passed...)
	cmd, err := start(stay)
	if err != nil {
		signal.Stop(signals)
		refused.Lock()
		defer refused.Unlock()
		refused.err = err
		return err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	os.Exit(wait(cmd))
	return nil
}

// Main is Enter for a TestMain, which goes on without where the machine refuses: tests that need it then skip, and say why.
func Main() { _ = Enter() }

// Try finds out whether Enter could, by doing it: a *Refusal where not.
func Try() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := start(leave)
	if err != nil {
		return err
	}
	if status := wait(cmd); status != 0 {
		return fmt.Errorf("a process in a user namespace ended with status %d", status)
	}
	return nil
}

// What the second process does when it is set up.
const (
	stay  = "stay"
	leave = "leave"
)

// start starts the second process and returns when it is set up.
func start(then string) (*exec.Cmd, error) {
	answer, report, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), env+"="+then)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{report} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  namespaces,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err = cmd.Start()
	report.Close()
	if err != nil {
		return nil, refuse(err, readRule)
	}
	said, err := io.ReadAll(io.LimitReader(answer, 4096))
	if err == nil && string(said) == ready {
		return cmd, nil
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err == nil {
		err = parse(said)
	}
	return nil, refuse(err, readRule)
}

// wait returns the exit status of the second process, 128 and the signal where one ended it.
func wait(cmd *exec.Cmd) int {
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "wait for the process in the user namespace:", err)
		return 1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
