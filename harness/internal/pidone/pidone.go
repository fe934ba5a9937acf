// Package pidone runs the first process of a network: process 1 of a process-id namespace and owner of a mount namespace.
//
// It is this program, run again, and it does three things: it gives the namespace a /proc and a name service of its
// own, waits for orphans to end, and ends when its standard input does. The other end of that pipe is held by the process that
// started it and by no other, so it ends with that process, however that ends; and with it, the kernel ends all that
// lives in the namespace (pid_namespaces(7)).
package pidone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
)

// env marks the process. Together with being process 1 it cannot be mistaken.
const env = "WIREPROOF_PID_ONE"

// A Process is the first process, seen from the one that started it.
type Process struct {
	// PID and Mount are its namespaces.
	PID, Mount *os.File

	cmd  *exec.Cmd
	life *os.File // the writing end of its standard input
}

// Start starts a first process whose /etc/hosts has the text hosts, and returns when it is ready.
func Start(hosts string) (_ *Process, err error) {
	const op = "start process 1"
	if err := fault.Check(op); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	in, life, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	defer in.Close()
	out, report, err := os.Pipe()
	if err != nil {
		life.Close()
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	defer out.Close()
	p := &Process{life: life}
	p.cmd = exec.Command("/proc/self/exe")
	p.cmd.Args = []string{"wireproof-init"}
	p.cmd.Env = append(os.Environ(), env+"="+strconv.Itoa(len(hosts)))
	p.cmd.Stdin, p.cmd.Stdout = in, report
	p.cmd.Dir = "/" // it keeps no directory of the machine busy
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		Setsid:     true, // signals of the terminal are for the program that was started there
	}
	if err := p.cmd.Start(); err != nil {
		report.Close()
		life.Close()
		if errors.Is(err, unix.EINVAL) {
			return nil, fmt.Errorf("%s: %w: kernel lacks CONFIG_PID_NS: use one that has it", op, err)
		}
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	report.Close()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", op, err), p.Kill(), p.Wait())
		}
	}()
	if err := fault.Check("write hosts to process 1"); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(life, hosts); err != nil {
		return nil, fmt.Errorf("write hosts: %w", err)
	}
	said, err := io.ReadAll(io.LimitReader(out, 4096))
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	if !bytes.Equal(said, []byte(ready)) {
		if len(said) == 0 {
			said = []byte("it ended without a word: does an init function of this program end it?")
		}
		return nil, errors.New(string(said))
	}
	for name, f := range map[string]**os.File{"pid": &p.PID, "mnt": &p.Mount} {
		if *f, err = os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.cmd.Process.Pid, name)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Kill ends the process, and with it all that live in its namespace, without waiting.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process 1: %w", err)
	}
	return nil
}

// Wait waits for the process to end, after Kill, and closes the namespaces. The kernel holds the end of process 1 back until
// all other processes of the namespace were waited for by their parents (kernel/pid_namespace.c,
// zap_pid_ns_processes): those started from outside must be waited for first.
func (p *Process) Wait() error {
	_, err := p.cmd.Process.Wait()
	p.life.Close()
	if p.PID != nil {
		p.PID.Close()
	}
	if p.Mount != nil {
		p.Mount.Close()
	}
	if err != nil {
		return fmt.Errorf("wait for process 1: %w", err)
	}
	return nil
}
