// Package importer reads the topology of a Mininet script by running it.
//
//	script.py ── python3 ── a recording stand-in for the module mininet ── JSON ── topo.Topo, and what has no place in it
//
// A script is a program, and only running it says what network it makes. It runs as the calling user, in a process of its own
// with a deadline, and meets a module mininet that writes down what it is asked to do: no root, no Mininet, no namespaces. What
// the script would run on the machine (os.system, subprocess) or in its hosts (cmd, popen) is not run. It is no sandbox: a script
// that opens a file opens it.
package importer

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Options say how a script is run. The zero value is good for most.
type Options struct {
	// Name is the topology to take of a script that has several: a key of its topos, or one of its classes, with arguments
	// as mn --topo has them ("fattree,4,speed=10"). Empty: the network that the script starts, or else its only topology.
	Name string
	// Args are the script's own arguments.
	Args []string
	// Timeout of the script. A network that it has started by then counts. Zero: 10 s.
	Timeout time.Duration
	// Python 3.6 or later. Empty: python3 on PATH, else /usr/bin/python3.
	Python string
	// User that the script runs as. Nil: the caller's.
	User *syscall.Credential
}

// A Result is what a script came to.
type Result struct {
	Topo  topo.Topo // sound
	Notes []Note    // what the script asks for and the Topo does not have
	// Output is the end of what the script printed.
	Output string
}

// A Note is something that has no place in the Topo.
type Note struct {
	Where string // FILE:LINE, or empty where it is about all of the script
	What  string
}

// String returns "file:line: what".
func (n Note) String() string {
	if n.Where == "" {
		return n.What
	}
	return n.Where + ": " + n.What
}

// ErrPython says that there is no Python 3 to run the script.
var ErrPython = errors.New("no python3")

// A ScriptError is an error that the script ended with before it had a network, at its own line.
type ScriptError struct {
	Where string // FILE:LINE, empty where it is not known
	What  string // Python's type and text
	// Output is the end of what the script printed.
	Output string

	kind string // Python's type
}

// Error says what to do where that is known.
func (e *ScriptError) Error() string {
	text := Note{e.Where, e.What}.String()
	switch e.kind {
	case "SyntaxError":
		return text + ": scripts are for Python 3: convert one for Python 2 with 2to3"
	case "ModuleNotFoundError":
		return text + ": install the module for python3"
	}
	return text
}

// Import runs the script and returns the topology that it makes. Errors: *ScriptError, *topo.Mistake (joined) where the network
// is none that can be brought up, ErrPython, and ctx's.
func Import(ctx context.Context, script string, o Options) (Result, error) {
	python := o.Python
	if python == "" {
		python = "python3"
	}
	recorded, output, err := run(ctx, script, python, o)
	if errors.Is(err, errStart) && o.Python == "" {
		// The first on PATH may be one that User has no way to, as one in root's home is.
		recorded, output, err = run(ctx, script, "/usr/bin/python3", o)
	}
	if err != nil {
		return Result{}, fmt.Errorf("import %s: %w", script, err)
	}
	if e := recorded.Error; e != nil {
		return Result{}, fmt.Errorf("import %s: %w", script, &ScriptError{Where: e.Where, What: e.What, Output: output, kind: e.Kind})
	}
	if len(recorded.Hosts) == 0 && len(recorded.Switches) == 0 {
		return Result{}, fmt.Errorf("import %s: the script makes no network and has no topology: "+
			"it needs a Mininet() with hosts, a dictionary topos, or a class of mininet.topo.Topo", script)
	}
	t, notes := recorded.topo(script)
	r := Result{Topo: t, Notes: notes, Output: output}
	if err := t.Validate(); err != nil {
		return r, fmt.Errorf("import %s: %w", script, err)
	}
	return r, nil
}
