package harness

import (
	"context"
	"io"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Network is a topology brought up on this kernel. Close takes it down.
type Network struct{}

// Start brings t up. When it returns, every interface is up and every switch forwards (with topo.LoopsSpanningTree it
// waits for the tree, about four seconds). t is validated first. A failed Start leaves nothing behind.
// Errors: *topo.Mistake (joined), ErrNotRoot, ErrKernel, ErrEngine, ctx's. ctx bounds Start alone, not the network's life.
func Start(ctx context.Context, t topo.Topo, o *Options) (*Network, error) { panic("stub") }

// Topo is the topology as it was brought up.
func (n *Network) Topo() topo.Topo { panic("stub") }

// Host is the host of that name. For an unknown name it is a Host whose methods return an *UnknownError.
func (n *Network) Host(name string) *Host { panic("stub") }

// Link is the link between nodes a and b, in either order (the first one, if there are several). For an unknown one it is
// a Link whose methods return an *UnknownError.
func (n *Network) Link(a, b string) *Link { panic("stub") }

// WaitForwarding returns nil once the switches' ports are settled: each port forwards or blocks, all switches agree on
// the root, and the links whose both ends forward join all switches that links join. Without a spanning tree: once every
// port forwards. The deadline is ctx's; the error then says which ports are in what state.
func (n *Network) WaitForwarding(ctx context.Context) error { panic("stub") }

// Capture records what passes at an interface of any node, by its name ("h1-eth0", "s1-eth2"), to w.
// See Host.Capture.
func (n *Network) Capture(ctx context.Context, ifname string, w io.Writer, o capture.Options) (*capture.Capture, error) {
	panic("stub")
}

// Close ends every process that still runs in the network and waits for it, and takes everything down. It goes on past
// errors and joins them. It is idempotent: later calls wait for the first and return its error.
func (n *Network) Close() error { panic("stub") }
