package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Link is a veth pair between two nodes of a network.
type Link struct {
	n       *Network
	name    string
	number  int // in Topo.Links
	unknown error
}

// Link is the link between nodes a and b, in either order (the first one, if there are several). For an unknown one it is
// a Link whose methods return an *UnknownError.
func (n *Network) Link(a, b string) *Link {
	var known []string
	for i, l := range n.topo.Links {
		if l.A == a && l.B == b || l.A == b && l.B == a {
			return &Link{n: n, name: l.A + "-" + l.B, number: i}
		}
		known = append(known, l.A+"-"+l.B)
	}
	name := a + "-" + b
	return &Link{n: n, name: name, unknown: &UnknownError{Kind: "link", Name: name, Known: known}}
}

// Name is the link's name, "h1-s1".
func (l *Link) Name() string { return l.name }

// Down takes the link down, at both ends. Addresses stay; routes through it are gone until Up.
func (l *Link) Down(ctx context.Context) error {
	return l.set(ctx, "down", func(_ *node, end *topo.Interface, index int) []rtnl.Op {
		return []rtnl.Op{rtnl.Down(end.Name, index)}
	})
}

// Up takes the link up again, at both ends, and returns once both have carrier. Switch ports may take the spanning
// tree's time to forward again: Network.WaitForwarding waits for that.
func (l *Link) Up(ctx context.Context) error {
	if err := l.set(ctx, "up", func(nd *node, end *topo.Interface, index int) []rtnl.Op {
		return append([]rtnl.Op{rtnl.Up(end.Name, index)}, nd.routeOps(end, index)...)
	}); err != nil {
		return err
	}
	if err := l.n.waitRunning(ctx); err != nil {
		return fmt.Errorf("link %s up: %w", l.name, err)
	}
	return nil
}

func (l *Link) set(ctx context.Context, what string, ops func(*node, *topo.Interface, int) []rtnl.Op) error {
	err := l.unknown
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		var errs []error
		for i := 2 * l.number; i <= 2*l.number+1; i++ {
			end := &l.n.ends[i]
			nd := l.n.nodes[end.Node]
			errs = append(errs, nd.do(l.n, ops(nd, end, firstIndex+i)...))
		}
		err = errors.Join(errs...)
	}
	if err != nil {
		return fmt.Errorf("link %s %s: %w", l.name, what, err)
	}
	return nil
}

func (nd *node) do(n *Network, ops ...rtnl.Op) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	return nd.rt.Do(ops...)
}

// Stats are the kernel's counters at both ends.
func (l *Link) Stats() (LinkStats, error) {
	var s LinkStats
	err := l.unknown
	if err == nil {
		s.A, err = l.n.endStats(2 * l.number)
	}
	if err == nil {
		s.B, err = l.n.endStats(2*l.number + 1)
	}
	if err != nil {
		return LinkStats{}, fmt.Errorf("link %s counters: %w", l.name, err)
	}
	return s, nil
}

func (n *Network) endStats(i int) (EndStats, error) {
	release, err := n.use()
	if err != nil {
		return EndStats{}, err
	}
	defer release()
	end := &n.ends[i]
	rt := n.nodes[end.Node].rt
	links, err := rt.Links()
	if err != nil {
		return EndStats{}, err
	}
	qdiscs, err := rt.Qdiscs()
	if err != nil {
		return EndStats{}, err
	}
	s := EndStats{Interface: end.Name, Engine: "none"}
	if end.Send.Rate != 0 {
		s.Engine = "htb"
	}
	for _, l := range links {
		if l.Index == firstIndex+i {
			s.TxPackets, s.TxBytes, s.RxPackets, s.RxBytes = l.Stats.TxPackets, l.Stats.TxBytes, l.Stats.RxPackets, l.Stats.RxBytes
			s.TxDropped, s.RxDropped, s.TxErrors, s.RxErrors = l.Stats.TxDropped, l.Stats.RxDropped, l.Stats.TxErrors, l.Stats.RxErrors
		}
	}
	if q, ok := qdiscs[firstIndex+i]; ok {
		s.Qdisc = QdiscStats{Kind: q.Kind, Packets: q.Packets, Bytes: q.Bytes, Drops: q.Drops,
			Overlimits: q.Overlimits, Requeues: q.Requeues, Backlog: q.Backlog, Queued: q.Len}
	}
	return s, nil
}

// LinkStats are counters of a link's two ends, A's and B's as the topology names them.
type LinkStats struct{ A, B EndStats }

// EndStats are the counters of one interface, since it was made.
type EndStats struct {
	Interface            string // "h1-eth0"
	TxPackets, TxBytes   uint64
	RxPackets, RxBytes   uint64
	TxDropped, RxDropped uint64
	TxErrors, RxErrors   uint64
	Engine               string // what carries the sending direction: "none", "htb"
	Qdisc                QdiscStats
}

// QdiscStats are the counters of an interface's root queueing discipline (zero where there is none).
type QdiscStats struct {
	Kind           string // "htb", "noqueue"
	Packets, Bytes uint64 // sent
	Drops          uint64 // packets dropped by the queue
	Overlimits     uint64 // times a packet had to wait
	Requeues       uint64
	Backlog        uint64 // bytes waiting now
	Queued         uint64 // packets waiting now
}
