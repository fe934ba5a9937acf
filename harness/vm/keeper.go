package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A keeper is the process between Run and user-mode-linux, seen from Run. It starts linux.uml, whose processes are some
// that do not end with it, and ends all of them when linux.uml ends or when the pipe from Run closes.
type keeper struct {
	cmd  *exec.Cmd
	life *os.File // the writing end of its standard input
	work string

	namespace bool // it has one: the kernel ends what is in it

	gone chan struct{} // closed once the keeper has ended,
	err  error         // with what waiting for it came to
}

// Files that the keeper hands to linux.uml under the same numbers.
const (
	fdLineIn  = 3 // the serial line, towards the guest
	fdLineOut = 4
	fdLog     = 5 // the kernel's console, and linux.uml's own messages
	fdShim    = 6
)

// startKeeper starts a keeper in a session of its own, and of its own process-id namespace where that is permitted: with that
// the kernel itself ends what is in it, even where the keeper is killed.
func startKeeper(work string, args, env []string, files []*os.File, plain bool) (*keeper, error) {
	in, life, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	ids := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	}
	attempts := []*syscall.SysProcAttr{
		{Setsid: true, Cloneflags: unix.CLONE_NEWPID},
		{Setsid: true, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWUSER, UidMappings: ids(os.Geteuid()), GidMappings: ids(os.Getegid())},
		{Setsid: true},
	}
	if plain {
		attempts = attempts[2:]
	}
	for _, attr := range attempts {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = append([]string{keeperName, work}, args...)
		cmd.Env = append(env, keeperEnv+"=1")
		cmd.Dir = "/"
		cmd.Stdin, cmd.ExtraFiles, cmd.SysProcAttr = in, files, attr
		if err = cmd.Start(); err == nil {
			k := &keeper{cmd: cmd, life: life, work: work, namespace: attr.Cloneflags != 0, gone: make(chan struct{})}
			go k.wait()
			return k, nil
		}
	}
	life.Close()
	return nil, fmt.Errorf("start the keeper: %w", err)
}

// stop ends the guest, waits until nothing of it is there, and removes its folder.
func (k *keeper) stop() error {
	k.life.Close()
	<-k.gone
	return errors.Join(k.err, os.RemoveAll(k.work))
}

// wait waits for the keeper to end, and ends what a keeper that was killed has left.
func (k *keeper) wait() {
	err := k.cmd.Wait()
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		k.err = err // how it ended is of no interest, only that it has
	}
	if !k.namespace {
		sweep(k.work)
	}
	close(k.gone)
}

// sweep ends what linux.uml has started. Some of it is of no process group or session that a caller could know, and
// adopted by others once linux.uml has ended; but all of it has the folder, whose name is used once, in its command line.
func sweep(work string) {
	mark := []byte("uml_dir=" + work + "\x00")
	for found := true; found; {
		found = false
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == os.Getpid() {
				continue
			}
			line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
			if err == nil && bytes.Contains(line, mark) && !bytes.HasPrefix(line, []byte(keeperName)) {
				_ = unix.Kill(pid, unix.SIGKILL)
				found = true // and what it started meanwhile
			}
		}
	}
}

// keeperName is the keeper's, in lists of processes.
const keeperName = "wireproof-vm-keeper"

// keeperMain is the keeper: its arguments are the folder to remove, linux.uml and that program's arguments.
func keeperMain() int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	if len(os.Args) < 3 {
		return 1
	}
	work := os.Args[1]
	log := os.NewFile(fdLog, "log")
	uml := exec.Command(os.Args[2], os.Args[3:]...)
	uml.Stdout, uml.Stderr = log, log
	uml.ExtraFiles = []*os.File{os.NewFile(fdLineIn, "line"), os.NewFile(fdLineOut, "line"), log, os.NewFile(fdShim, "shim")}
	for _, pair := range os.Environ() {
		if len(pair) <= len(keeperEnv) || pair[:len(keeperEnv)+1] != keeperEnv+"=" {
			uml.Env = append(uml.Env, pair)
		}
	}
	// An init function runs on the program's first thread, which lives as long as the program, as PR_SET_PDEATHSIG wants.
	uml.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if taken := settle(); taken != nil {
		defer taken.Close()
	}
	if err := uml.Start(); err != nil {
		fmt.Fprintf(log, "start %s: %v\n", os.Args[2], err)
		_ = os.RemoveAll(work)
		return 1
	}
	// Only linux.uml keeps the lines open, so that their end is its end.
	closeAll(uml.ExtraFiles)
	ended := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended <- struct{}{}
	}()
	go func() {
		reapUntil(uml.Process.Pid)
		ended <- struct{}{}
	}()
	<-ended
	_ = unix.Kill(uml.Process.Pid, unix.SIGKILL)
	if os.Getpid() != 1 {
		sweep(work)
	}
	_ = os.RemoveAll(work)
	return 0
}
