package peers

import (
	"fmt"
	"strings"
)

// Model says how a server treats connections that come at the same time.
type Model string

const (
	// Sequential serves one connection at a time; the others wait in the
	// listener's backlog. It is the zero value's meaning too.
	Sequential Model = "sequential"
	// Thread serves each connection in a goroutine of its own.
	Thread Model = "thread"
	// Fork serves each connection in a process of its own, to which the accepted
	// socket is handed as a file descriptor.
	Fork Model = "fork"
)

// Models lists the server models.
func Models() []Model { return []Model{Sequential, Thread, Fork} }

// ParseModel returns the model of that name. The error lists those that exist.
func ParseModel(name string) (Model, error) {
	for _, m := range Models() {
		if string(m) == name {
			return m, nil
		}
	}
	return "", fmt.Errorf("server model %q does not exist: use %s", name, choice(Models()))
}

// Mode says how a client spreads its files over connections.
type Mode string

const (
	// Persistent fetches all files over one connection. It is the zero value's
	// meaning too.
	Persistent Mode = "persistent"
	// NonPersistent opens a connection for each file, one after the other.
	NonPersistent Mode = "nonpersistent"
	// Concurrent opens a connection for each file, all at once.
	Concurrent Mode = "concurrent"
)

// Modes lists the client modes.
func Modes() []Mode { return []Mode{Persistent, NonPersistent, Concurrent} }

// ParseMode returns the mode of that name. The error lists those that exist.
func ParseMode(name string) (Mode, error) {
	for _, m := range Modes() {
		if string(m) == name {
			return m, nil
		}
	}
	return "", fmt.Errorf("client mode %q does not exist: use %s", name, choice(Modes()))
}

// choice lists what there is to choose from: "a, b or c".
func choice[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, name := range all {
		names[i] = string(name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
