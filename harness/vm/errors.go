package vm

import "errors"

// What can be wrong with the machine. Errors of Run wrap them, with what was found and what to do.
var (
	// ErrNotInstalled: there is no linux.uml, or its modules are missing.
	ErrNotInstalled = errors.New("user-mode-linux is not installed")

	// ErrPtrace: the kernel or a container forbids ptrace(2), by which user-mode-linux runs its processes.
	ErrPtrace = errors.New("ptrace is forbidden")

	// ErrMemory: the machine has not the memory that the guest should have.
	ErrMemory = errors.New("not enough memory")

	// ErrBoot: the guest's kernel ended before the command did.
	ErrBoot = errors.New("the guest's kernel ended")

	// ErrCommand: the command could not be started in the guest.
	ErrCommand = errors.New("cannot start the command")
)
