package harness

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Host is a host of a network: a network namespace, with an address, in which sockets are opened and programs run.
type Host struct {
	n       *Network
	name    string
	node    *node
	first   *topo.Interface // nil: unknown host
	unknown error
}

// Name is the host's name, "h1".
func (h *Host) Name() string { return h.name }

// Addr is the host's IPv4 address; the zero Addr for an unknown host.
func (h *Host) Addr() netip.Addr {
	if h.first == nil {
		return netip.Addr{}
	}
	return h.first.Addr.Addr()
}

// Addr6 is the host's IPv6 address; the zero Addr where the topology has none.
func (h *Host) Addr6() netip.Addr {
	if h.first == nil {
		return netip.Addr{}
	}
	return h.first.Addr6.Addr()
}

// Interface is the name of the host's first interface, "h1-eth0"; empty for an unknown host.
func (h *Host) Interface() string {
	if h.first == nil {
		return ""
	}
	return h.first.Name
}

// Do runs f on a thread inside the host's network namespace. The thread is f's own: goroutines that f starts do not run
// in the namespace, sockets that f opens stay in it.
func (h *Host) Do(f func() error) error {
	if err := h.do(f); err != nil {
		return fmt.Errorf("host %s: %w", h.name, err)
	}
	return nil
}

// do is Do without the place in the error.
func (h *Host) do(f func() error) error {
	if h.unknown != nil {
		return h.unknown
	}
	return h.n.in(h.node, f)
}

// in runs f inside a node. It works on a descriptor of its own, so that Close need not wait for f.
func (n *Network) in(nd *node, f func() error) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	fd, err := unix.FcntlInt(uintptr(nd.ns), unix.F_DUPFD_CLOEXEC, 0)
	release()
	if err != nil {
		return fmt.Errorf("duplicate namespace descriptor: %w", err)
	}
	ns := netns.NsHandle(fd)
	defer ns.Close()
	return nsthread.In(ns, f)
}

// Capture records what passes at the host's interface ifname (empty: the first one) to w, until it is stopped.
// When it returns, the capture sees every packet from here on. A sender at the interface's far end is made and added to
// o.Far, so that Stop is a barrier for both directions; its lifetime is the network's. Its marker takes the link's delay,
// and the time of the queue before it, which a deadline of Stop's context has to allow for; without one Stop waits for a
// minute more than the delay. A link that is down lets no marker pass. Where o.Names is empty, it is
// filled with the network's hosts.
func (h *Host) Capture(ctx context.Context, ifname string, w io.Writer, o capture.Options) (*capture.Capture, error) {
	if h.unknown != nil {
		return nil, fmt.Errorf("host %s: capture: %w", h.name, h.unknown)
	}
	if ifname == "" {
		return h.n.capture(ctx, h.first, w, o)
	}
	var known []string
	for i := range h.n.ends {
		end := &h.n.ends[i]
		if end.Node != h.name {
			continue
		}
		if end.Name == ifname {
			return h.n.capture(ctx, end, w, o)
		}
		known = append(known, end.Name)
	}
	return nil, fmt.Errorf("host %s: capture: %w", h.name, &UnknownError{Kind: "interface", Name: ifname, Known: known})
}

func (n *Network) capture(ctx context.Context, end *topo.Interface, w io.Writer, o capture.Options) (c *capture.Capture, err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("capture %s: %w", end.Name, err)
	}
	far, err := n.sender(end.Peer, end.PeerName)
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", end.Name, err)
	}
	if o.StopLimit == 0 {
		o.StopLimit = time.Minute + n.carried[end.Link].longestDelay()
	}
	o.Far = append([]*capture.Sender{far}, o.Far...)
	if o.Names == nil {
		o.Names = n.names()
	}
	err = n.in(n.nodes[end.Node], func() error {
		c, err = capture.Start(end.Name, w, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// sender is the network's marker sender on an interface, made when it is first asked for.
func (n *Network) sender(nodeName, ifname string) (*capture.Sender, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.senders[ifname]; s != nil {
		return s, nil
	}
	if n.senders == nil {
		return nil, ErrClosed
	}
	var s *capture.Sender
	err := n.in(n.nodes[nodeName], func() (err error) {
		s, err = capture.OpenSender(ifname)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.senders[ifname] = s
	return s, nil
}

func (n *Network) names() []pcapng.Name {
	var names []pcapng.Name
	for _, h := range n.topo.Hosts {
		host := n.hosts[h.Name]
		names = append(names, pcapng.Name{Addr: host.Addr(), Names: []string{h.Name}})
		if host.Addr6().IsValid() {
			names = append(names, pcapng.Name{Addr: host.Addr6(), Names: []string{h.Name}})
		}
	}
	return names
}
