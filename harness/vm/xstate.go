package vm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	ntX86XState = 0x202   // NT_X86_XSTATE of linux/elf.h: what XSAVE saves
	xstateMost  = 1 << 16 // more than any processor's
)

// hostXState returns how many bytes the kernel's XSAVE register set has, 0 where there is none. It finds out by tracing a
// child, and so finds out too whether tracing is permitted: the error wraps ErrPtrace.
func hostXState() (int, error) {
	// The thread that started the child is its tracer.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	child := exec.Command("/proc/self/exe")
	child.Env = []string{} // the child never gets so far as to read it
	child.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := child.Start(); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) {
			return 0, ptraceForbidden(err)
		}
		return 0, fmt.Errorf("trace a child: %w", err)
	}
	defer func() {
		_ = child.Process.Kill()
		_, _ = child.Process.Wait()
	}()
	var status unix.WaitStatus
	if _, err := unix.Wait4(child.Process.Pid, &status, unix.WALL, nil); err != nil {
		return 0, fmt.Errorf("trace a child: wait: %w", err)
	}
	if !status.Stopped() {
		return 0, ptraceForbidden(fmt.Errorf("a traced child did not stop but ended with %#x", uint32(status)))
	}
	buf := make([]byte, xstateMost)
	v := unix.Iovec{Base: &buf[0]}
	v.SetLen(len(buf))
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(child.Process.Pid), ntX86XState, uintptr(unsafe.Pointer(&v)), 0, 0)
	runtime.KeepAlive(buf)
	switch errno {
	case 0:
		return int(v.Len), nil
	case unix.ENODEV, unix.EINVAL, unix.EIO:
		return 0, nil // a processor without XSAVE
	}
	return 0, ptraceForbidden(errno)
}

// ptraceForbidden says who forbids it, as far as that can be seen, and what to do.
func ptraceForbidden(err error) error {
	remedy := "allow it; in a container, run that with --cap-add SYS_PTRACE or --security-opt seccomp=unconfined"
	if scope, readErr := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); readErr == nil {
		switch s := strings.TrimSpace(string(scope)); s {
		case "2":
			remedy = "kernel.yama.ptrace_scope is 2: run as root: sysctl -w kernel.yama.ptrace_scope=1"
		case "3":
			remedy = "kernel.yama.ptrace_scope is 3, which lasts until the next boot: set it to 1 in /etc/sysctl.d and restart the machine"
		}
	}
	return fmt.Errorf("%w: %w: %s", ErrPtrace, err, remedy)
}
