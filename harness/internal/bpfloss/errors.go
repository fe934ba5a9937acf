package bpfloss

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/bpfcount"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
)

// ErrClosed: the program was closed.
var ErrClosed = errors.New("closed")

// A LoadError says what of BPF could not be made, and why. It wraps rtnl.ErrMissing where the kernel lacks what it takes, and
// os.ErrPermission where the process may not.
type LoadError struct {
	Op  string // "load BPF program"
	Err error

	lacks bool // what is asked of the kernel is not in it, though Err does not say so
}

func (e *LoadError) Error() string {
	switch {
	case e.missing():
		return fmt.Sprintf("%s: kernel lacks BPF as needed (Linux 5.12, CONFIG_BPF_SYSCALL): use engine user, or another kernel: %v", e.Op, e.Err)
	case errors.Is(e.Err, os.ErrPermission):
		return fmt.Sprintf("%s: %v: run as root, or with CAP_BPF and CAP_NET_ADMIN, outside of user namespaces", e.Op, e.Err)
	case errors.Is(e.Err, unix.ENOMEM):
		return fmt.Sprintf("%s: %v: free memory, or ask for a shorter record or drop list", e.Op, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

func (e *LoadError) Unwrap() []error {
	if e.missing() {
		return []error{rtnl.ErrMissing, e.Err}
	}
	return []error{e.Err}
}

func (e *LoadError) missing() bool {
	return e.lacks || errors.Is(e.Err, unix.ENOSYS) || errors.Is(e.Err, ebpf.ErrNotSupported)
}

// loadError is the error of a program that the kernel refused. A kernel without atomic fetch-and-add answers as to any
// mistake; so the smallest program with one is put to it.
func loadError(err error) error {
	e := &LoadError{Op: "load BPF program", Err: err}
	if !errors.Is(err, unix.EINVAL) {
		return e
	}
	if try := tryFetchAdd(); errors.Is(try, unix.EINVAL) {
		e.lacks = true
	}
	return e
}

func tryFetchAdd() error {
	if err := fault.Check("try atomic fetch-and-add"); err != nil {
		return err
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "MIT", Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.R10, -8, asm.R0, asm.DWord),
		bpfcount.FetchAdd(asm.R10, asm.R0, -8),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	}})
	if err != nil {
		return err
	}
	return prog.Close()
}
