package vm

import (
	"io"
	"time"
)

// DefaultMemory is a guest's memory where nothing else is said.
const DefaultMemory = 2 << 30

// leastMemory is what the guest's kernel and its process 1 need.
const leastMemory = 128 << 20

// Options say what runs, and on what.
type Options struct {
	// Command is the program and its arguments. The program is looked up in Env's PATH.
	Command []string

	// Dir is the folder that it starts in. Empty: the caller's.
	Dir string

	// Env is its environment, as os.Environ has one; TMPDIR is left out of it, for it would name a folder of the host.
	// Nil: the caller's.
	Env []string

	// Stdin, Stdout and Stderr are its standard input, output and error, byte for byte. Nil: nothing, and nowhere. What is
	// a terminal here is one there, of the same size. A read of Stdin can still be waiting when Run returns.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Memory is the guest's, in bytes. The host gives what the guest comes to use. 0: DefaultMemory.
	Memory int64

	// Share are folders and files of the host that the guest sees also where it has folders of its own (/tmp, /run, …).
	// Those in which the command starts or lies and that its arguments name are shared anyway.
	Share []string

	// OpenVSwitch has Open vSwitch run in the guest before the command starts. It has to be installed on the host, where it
	// need not run.
	OpenVSwitch bool

	// Grace is how long the command has, from when the context ends and it gets SIGTERM, until the guest is stopped.
	// 0: 5 s.
	Grace time.Duration

	// Log gets what the guest's kernel prints. Nil: nowhere; an error of Run has its last lines.
	Log io.Writer

	// Kernel is the user-mode-linux program, and Modules the folder of its modules, which has a folder for each release.
	// Empty: linux.uml on the caller's PATH; /usr/lib/uml/modules.
	Kernel, Modules string

	// plain has the keeper live without a process-id namespace, as where the machine allows none.
	plain bool
}

// A Result is how the command ended.
type Result struct {
	// Status is its exit status; 128 and the signal's number where a signal ended it.
	Status int

	// OutOfMemory is what the guest's kernel printed when it ended a process for want of memory, else "".
	OutOfMemory string
}
