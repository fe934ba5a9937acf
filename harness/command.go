package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/pidone"
)

// A Cmd is a program to be run inside a host. The embedded exec.Cmd is set up as usual (Env, Dir, Stdin, Stdout, pipes,
// ExtraFiles, Cancel, WaitDelay); Start, Run, Wait, Output and CombinedOutput are this type's own.
//
// The program sees the host's network, the processes of the network alone, a /sys and /proc to match, and an /etc/hosts
// with the network's hosts. It leads a process group of its own unless SysProcAttr is set; when ctx is done, the
// group is killed. Network.Close kills what still runs, and everything that it started.
type Cmd struct {
	*exec.Cmd
	h      *Host
	once   sync.Once
	err    error // of Wait
	waited chan struct{}
}

// Command is the program name with args, to be run inside the host; see exec.CommandContext. Errors, also that of an
// unknown host, are reported by Start.
func (h *Host) Command(ctx context.Context, name string, args ...string) *Cmd {
	c := &Cmd{Cmd: exec.CommandContext(ctx, name, args...), h: h, waited: make(chan struct{})}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = c.killGroup
	return c
}

// killGroup kills the program and what is still in its process group.
func (c *Cmd) killGroup() error {
	// A program that was not waited for yet keeps its number, and its group's, from being given to another.
	if err := c.Process.Signal(syscall.Signal(0)); err != nil {
		return err
	}
	if a := c.SysProcAttr; a != nil && (a.Setpgid && a.Pgid == 0 || a.Setsid) {
		_ = unix.Kill(-c.Process.Pid, unix.SIGKILL)
	}
	return c.Process.Kill()
}

// Start starts the program, and does not wait for it. Wait must be called at some time; Close does it otherwise.
func (c *Cmd) Start() error {
	err := c.start()
	if err != nil {
		return fmt.Errorf("host %s: start %s: %w", c.h.name, c.Args[0], err)
	}
	return nil
}

func (c *Cmd) start() error {
	if c.h.unknown != nil {
		return c.h.unknown
	}
	n := c.h.n
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	mounts, err := c.h.node.mounts.get(n.first, c.h.node)
	if err != nil {
		return err
	}
	if c.Dir == "" {
		// The thread that starts it is in another mount namespace, at its root.
		if c.Dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	if err := fault.Check("start a program"); err != nil {
		return err
	}
	// Before the program runs, so that there is no moment in which it runs unknown to Close.
	n.mu.Lock()
	n.running[c] = struct{}{}
	n.mu.Unlock()
	err = nsthread.Spawn(nsthread.Spaces{Net: c.h.node.ns, PID: n.first.PID, Mount: mounts}, func() error {
		if err := n.processors.keep(); err != nil {
			return err
		}
		return c.Cmd.Start()
	})
	if err != nil {
		n.mu.Lock()
		delete(n.running, c)
		n.mu.Unlock()
		if errors.Is(err, unix.ENOMEM) {
			// What the kernel says of a process-id namespace without process 1 (kernel/pid.c, alloc_pid).
			return fmt.Errorf("%w: process 1 of the network is gone, or memory is short", err)
		}
	}
	return err
}

// Wait waits for the program and its output, as exec.Cmd.Wait does. Later calls return the first one's error.
func (c *Cmd) Wait() error {
	c.once.Do(func() {
		c.err = c.Cmd.Wait()
		c.h.n.forget(c)
		close(c.waited)
	})
	return c.err
}

func (n *Network) forget(c *Cmd) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, c)
}

// Run is Start and Wait.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns what it wrote to its standard output. An *exec.ExitError carries the standard
// error, when c.Stderr was nil.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, fmt.Errorf("host %s: %s: Stdout is set already", c.h.name, c.Args[0])
	}
	var out, errs bytes.Buffer
	c.Stdout = &out
	captured := c.Stderr == nil
	if captured {
		c.Stderr = &errs
	}
	err := c.Run()
	var exit *exec.ExitError
	if captured && errors.As(err, &exit) {
		exit.Stderr = errs.Bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the program and returns what it wrote to its standard output and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, fmt.Errorf("host %s: %s: Stdout or Stderr is set already", c.h.name, c.Args[0])
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// endLimit is how long Close waits for the output of a killed program to be read.
const endLimit = 5 * time.Second

// endCommands waits for all programs that still run. They were killed already, with process 1 of their namespace.
func (n *Network) endCommands() error {
	n.mu.Lock()
	var all []*Cmd
	for c := range n.running {
		all = append(all, c)
	}
	n.mu.Unlock()
	limit := time.NewTimer(endLimit)
	defer limit.Stop()
	var errs []error
	for _, c := range all {
		go c.Wait()
	}
	for _, c := range all {
		select {
		case <-c.waited:
		case <-limit.C:
			limit.Reset(0)
			errs = append(errs, fmt.Errorf("host %s: %s (process %d) was killed, and its output is not being read: read it, or set WaitDelay",
				c.h.name, c.Args[0], c.Process.Pid))
		}
	}
	return errors.Join(errs...)
}

// A mountSpace is a host's mount namespace: the network's, with a /sys of the host's own network. It is made for the first
// program.
type mountSpace struct {
	mu sync.Mutex
	ns *os.File
}

func (m *mountSpace) get(first *pidone.Process, nd *node) (*os.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ns != nil {
		return m.ns, nil
	}
	ns, err := nsthread.CopyMounts(first.Mount, nd.ns, pidone.MountSys)
	if err != nil {
		return nil, err
	}
	m.ns = ns
	return ns, nil
}

func (m *mountSpace) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ns == nil {
		return nil
	}
	err := m.ns.Close()
	m.ns = nil
	return err
}
