package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vishvananda/netns"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/internal/pidone"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Network is a topology brought up on this kernel. Close takes it down.
type Network struct {
	topo  topo.Topo
	ends  []topo.Interface // in the topology's order: those of link i are 2i and 2i+1
	index []int            // the kernel's numbers of the ends, in the same order
	nodes map[string]*node
	order []*node // hosts, then switches, as in the topology
	hosts map[string]*Host
	first *pidone.Process
	// processors carry the packets, and run the programs.
	processors processors
	// carried are the links, by number. relay and fabric are nil where no link needs them.
	carried []*carriage
	relay   *relay.Engine
	fabric  *node
	offload Offload
	// attached says that others made the nodes and the links.
	attached bool

	// life is held shared by what uses descriptors of the network or adds to it, for a moment only, and exclusively by
	// Close when it sets closed.
	life   sync.RWMutex
	closed bool
	// done ends when Close begins, and with it all that waits.
	done   context.Context
	cancel context.CancelCauseFunc
	down   sync.Once
	err    error // Close's

	mu      sync.Mutex // guards the maps below
	running map[*Cmd]struct{}
	senders map[string]*capture.Sender // by interface name
	sockets map[any]func()             // closes a socket that was handed out and is still in use
	begun   time.Time                  // when schedules began
	courses sync.WaitGroup             // those who run them
}

// A node is a host or a switch: a network namespace.
type node struct {
	name     string
	isSwitch bool
	ns       netns.NsHandle
	rt       *rtnl.Conn
	mounts   mountSpace
	bridge   int         // the kernel's number of a switch's bridge; zero for a host, and for a switch that is none
	own      map[int]int // the node's ends: their numbers in Network.ends, by those of the kernel
	// congestion is the congestion control that the node's routes name; empty where the namespace has it as default.
	congestion string
	lossy      bool // some link of the network loses frames
}

func (nd *node) String() string {
	if nd.isSwitch {
		return "switch " + nd.name
	}
	return "host " + nd.name
}

// Topo is the topology as it was brought up.
func (n *Network) Topo() topo.Topo { return n.topo }

// Host is the host of that name. For an unknown name it is a Host whose methods return an *UnknownError.
func (n *Network) Host(name string) *Host {
	if h, ok := n.hosts[name]; ok {
		return h
	}
	known := make([]string, len(n.topo.Hosts))
	for i, h := range n.topo.Hosts {
		known[i] = h.Name
	}
	return &Host{n: n, name: name, unknown: &UnknownError{Kind: "host", Name: name, Known: known}}
}

// Capture records what passes at an interface of any node, by its name ("h1-eth0", "s1-eth2"), to w.
// See Host.Capture.
func (n *Network) Capture(ctx context.Context, ifname string, w io.Writer, o capture.Options) (*capture.Capture, error) {
	var known []string
	for i := range n.ends {
		if n.ends[i].Name == ifname {
			return n.capture(ctx, &n.ends[i], w, o)
		}
		known = append(known, n.ends[i].Name)
	}
	return nil, fmt.Errorf("capture %s: %w", ifname, &UnknownError{Kind: "interface", Name: ifname, Known: known})
}

// use lets the caller use descriptors of the network until it calls release.
func (n *Network) use() (release func(), err error) {
	n.life.RLock()
	if n.closed {
		n.life.RUnlock()
		return nil, ErrClosed
	}
	return n.life.RUnlock, nil
}

// bind returns a context that also ends when the network is closed.
func (n *Network) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.done, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(context.Canceled) }
}

// Close ends every process that still runs in the network and waits for it, closes the sockets that hosts opened, and
// takes everything down. It goes on past errors and joins them. It is idempotent: later calls wait for the first
// and return its error.
func (n *Network) Close() error {
	n.down.Do(func() {
		n.life.Lock()
		n.closed = true
		n.life.Unlock()
		n.cancel(ErrClosed)
		defer n.processors.release()
		if err := n.teardown(); err != nil {
			n.err = fmt.Errorf("close %s: %w", n.topo.Name, err)
		}
	})
	return n.err
}

// teardown undoes what Start and the methods did, as far as that came. Interfaces go with their namespaces, which end
// with their last descriptor: the kernel takes them down in the background, all in one go.
func (n *Network) teardown() error {
	var errs []error
	if n.first != nil {
		errs = append(errs, n.first.Kill())
		errs = append(errs, n.endCommands())
		errs = append(errs, n.first.Wait())
	}
	n.courses.Wait() // n.done has ended
	n.mu.Lock()
	for _, s := range n.senders {
		s.Close()
	}
	for _, end := range n.sockets {
		end()
	}
	n.senders, n.sockets = nil, nil
	n.mu.Unlock()
	for _, c := range n.carried {
		errs = append(errs, c.close())
	}
	if n.relay != nil { // and with it all TAP devices
		errs = append(errs, n.relay.Close())
	}
	for _, nd := range n.order {
		errs = append(errs, nd.close())
	}
	if n.fabric != nil {
		errs = append(errs, n.fabric.close())
	}
	return errors.Join(errs...)
}

func (nd *node) close() error {
	var errs []error
	if nd.rt != nil {
		errs = append(errs, nd.rt.Close())
	}
	if nd.ns.IsOpen() {
		errs = append(errs, nd.ns.Close())
	}
	errs = append(errs, nd.mounts.close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", nd, err)
	}
	return nil
}
