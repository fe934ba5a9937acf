package harness

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
)

// Sentinels. Code branches on them with errors.Is; the text around them says where it happened and what to do.
var (
	// ErrNotRoot: making namespaces needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN.
	ErrNotRoot = errors.New("not root")
	// ErrKernel: the kernel lacks a feature that was asked of it. The error's text names the feature.
	ErrKernel = rtnl.ErrMissing
	// ErrEngine: no engine can carry what a link asks for.
	ErrEngine = errors.New("no engine for this link")
	// ErrClosed: the network was closed, or is being closed.
	ErrClosed = errors.New("network is closed")
)

// An UnknownError says that a network has no node, link or interface of that name.
type UnknownError struct {
	Kind  string   // "host", "link", "interface"
	Name  string   // as asked for; "h1-s1" for links
	Known []string // those that exist
}

func (e *UnknownError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no %s %q: there are none", e.Kind, e.Name)
	}
	return fmt.Sprintf("no %s %q: there are %s", e.Kind, e.Name, strings.Join(e.Known, ", "))
}
