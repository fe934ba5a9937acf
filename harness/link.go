package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Link is what joins two nodes of a network: a veth pair, or with EngineUser two interfaces between which the network
// itself carries the frames. What it does to them can be changed while they travel.
type Link struct {
	n       *Network
	name    string
	number  int // in Topo.Links
	unknown error
}

// Link is the link between nodes a and b, in either order (the first one, if there are several: see NamedLink). For an
// unknown one it is a Link whose methods return an *UnknownError.
func (n *Network) Link(a, b string) *Link {
	for i, l := range n.topo.Links {
		if l.A == a && l.B == b || l.A == b && l.B == a {
			return &Link{n: n, name: n.carried[i].name, number: i}
		}
	}
	return n.unknownLink(a + "-" + b)
}

// NamedLink is the link of that name, "h1-s1" or "s1-h1"; a second link between the same two is "h1-s1#2". For an unknown
// one it is a Link whose methods return an *UnknownError.
func (n *Network) NamedLink(name string) *Link {
	if i := findLink(n.topo, name); i >= 0 {
		return &Link{n: n, name: n.carried[i].name, number: i}
	}
	return n.unknownLink(name)
}

func (n *Network) unknownLink(name string) *Link {
	return &Link{n: n, name: name, unknown: &UnknownError{Kind: "link", Name: name, Known: n.topo.LinkNames()}}
}

// Name is the link's name, "h1-s1".
func (l *Link) Name() string { return l.name }

// Engine is what carries the link. A plain veth pair is EngineHTB with no rate: Stats tells.
func (l *Link) Engine() (Engine, error) {
	if l.unknown != nil {
		return EngineAuto, fmt.Errorf("link %s: %w", l.name, l.unknown)
	}
	return l.n.carried[l.number].engine, nil
}

// Set replaces the parameters of what A's end sends, of what B's end sends, as the topology names them, or of both, in
// one step; nil leaves a direction as it is. The parameters are checked as those of a topology are, and refused with an
// *EngineError where the link's engine cannot do them. With EngineUser nothing that is on its way is lost or passes
// twice, and indices go on: see topo.LinkParams.
//
// A schedule of the parameters takes the place of the one there was; its times count from this call, or from
// Network.Begin if that comes later.
func (l *Link) Set(ab, ba *topo.LinkParams) error {
	err := l.unknown
	if err == nil {
		err = l.n.carried[l.number].replace([2]*topo.LinkParams{ab, ba})
	}
	if err != nil {
		return fmt.Errorf("link %s: set: %w", l.name, err)
	}
	return nil
}

// Down takes the link down. With EngineUser the cable is cut: the interfaces stay up, what they send from now on is lost
// and counted, what is on its way arrives. With the other engines both interfaces go down; addresses stay, routes
// are gone until Up.
func (l *Link) Down(ctx context.Context) error {
	if c := l.user(); c != nil {
		return l.cut(ctx, c, true)
	}
	return l.set(ctx, "down", func(_ *node, end *topo.Interface, index int) []rtnl.Op {
		return []rtnl.Op{rtnl.Down(end.Name, index)}
	})
}

// Up takes the link up again, unless its schedule has it down, and returns once both ends have carrier. Switch ports may
// take the spanning tree's time to forward again: Network.WaitForwarding waits for that.
func (l *Link) Up(ctx context.Context) error {
	if c := l.user(); c != nil {
		return l.cut(ctx, c, false)
	}
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

// user is the carriage of a link of EngineUser, else nil.
func (l *Link) user() *carriage {
	if l.unknown != nil || l.n.carried[l.number].user == nil {
		return nil
	}
	return l.n.carried[l.number]
}

func (l *Link) cut(ctx context.Context, c *carriage, down bool) error {
	err := context.Cause(ctx)
	if err == nil {
		err = closed(c.user.SetUp(!down, !down))
	}
	if err != nil {
		return fmt.Errorf("link %s %s: %w", l.name, map[bool]string{true: "down", false: "up"}[down], err)
	}
	return nil
}

// DropNext loses the next packet, of either direction, that the filter names, counted from now: "the SYN", "the third data
// segment from h2" (see topo.Filter). It is told on the channel, which is closed without it when the network is closed
// first. Several may wait at a time. It needs EngineUser.
func (l *Link) DropNext(filter string) (<-chan Drop, error) {
	err := l.unknown
	var dropped <-chan Drop
	if err == nil {
		dropped, err = l.n.carried[l.number].dropNext(filter)
	}
	if err != nil {
		return nil, fmt.Errorf("link %s: drop %q: %w", l.name, filter, err)
	}
	return dropped, nil
}

// Drops is the log of the packets lost so far, of both directions, in the order in which they were lost: the first 65536
// of each direction and cause. EngineBPF knows of losses only; the other kernel engines keep no log, and return ErrEngine.
func (l *Link) Drops() ([]Drop, error) {
	err := l.unknown
	var all []Drop
	if err == nil {
		all, err = l.n.carried[l.number].drops()
	}
	if err != nil {
		return nil, fmt.Errorf("link %s: drops: %w", l.name, err)
	}
	return all, nil
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
			errs = append(errs, nd.do(l.n, ops(nd, end, l.n.index[i])...))
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
