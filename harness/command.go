package harness

import (
	"context"
	"os/exec"
)

// A Cmd is a program to be run inside a host. The embedded exec.Cmd is set up as usual (Env, Dir, Stdin, Stdout, pipes,
// ExtraFiles, Cancel, WaitDelay); Start, Run, Wait, Output and CombinedOutput are this type's own.
//
// The program sees the host's network, the processes of the network alone, a /sys and /proc to match, and an /etc/hosts
// with the network's hosts. It leads a process group of its own unless SysProcAttr is set; when ctx is done, the
// group is killed. Network.Close kills what still runs, and everything that it started.
type Cmd struct {
	*exec.Cmd
}

// Command is the program name with args, to be run inside the host; see exec.CommandContext. Errors, also that of an
// unknown host, are reported by Start.
func (h *Host) Command(ctx context.Context, name string, args ...string) *Cmd { panic("stub") }

// Start starts the program, and does not wait for it. Wait must be called at some time; Close does it otherwise.
func (c *Cmd) Start() error { panic("stub") }

// Wait waits for the program and its output, as exec.Cmd.Wait does. Later calls return the first one's error.
func (c *Cmd) Wait() error { panic("stub") }

// Run is Start and Wait.
func (c *Cmd) Run() error { panic("stub") }

// Output runs the program and returns what it wrote to its standard output. An *exec.ExitError carries the standard
// error, when c.Stderr was nil.
func (c *Cmd) Output() ([]byte, error) { panic("stub") }

// CombinedOutput runs the program and returns what it wrote to its standard output and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) { panic("stub") }
