package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/pidone"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// An Attached node is a host or a switch that somebody else made, Mininet for one.
type Attached struct {
	// PID is a process in the node's network namespace. Each host has a namespace of its own; switches may share one,
	// this program's own among them.
	PID int
	// Bridge is the Linux bridge that a switch is. Empty: it is something else (Open vSwitch), whose ports this package
	// cannot see into: WaitForwarding and Attach leave waiting for them to whoever made it.
	Bridge string
}

// Attach makes a Network of hosts, switches and links that exist already: nodes has each of t's by name, and the
// interfaces in them have the names, and the hosts' the addresses, of t. Everything above is as with Start: sockets,
// programs, captures, counters. Hosts are given the TCP settings and offloads that Start gives its own; nothing else is
// changed, and of switches nothing at all.
//
// What the links do is looked at and must be what t asks for: htb for a rate, netem for more. Options.Engine and Engines
// are not heeded, since the links are there.
//
// Close ends what runs in the network and closes what Attach opened. The hosts, switches and links stay.
// Errors: those of Start, and *UnknownError for a node that is not there. ctx bounds Attach alone.
func Attach(ctx context.Context, t topo.Topo, nodes map[string]Attached, o *Options) (*Network, error) {
	n, err := attach(ctx, t, nodes, o)
	if err == nil {
		return n, nil
	}
	err = fmt.Errorf("attach to %s: %w", t.Name, err)
	if (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)) && !errors.Is(err, ErrNotRoot) {
		err = &notRootError{err}
	}
	return nil, err
}

func attach(ctx context.Context, t topo.Topo, nodes map[string]Attached, o *Options) (_ *Network, err error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Options{}
	}
	engines, err := Carries(t)
	if err != nil {
		return nil, err
	}
	b, err := newBuilder(t, *o, engines)
	if err != nil {
		return nil, err
	}
	n := b.n
	n.attached = true
	defer func() {
		b.closeOffloads()
		if err != nil {
			if undo := n.Close(); undo != nil {
				err = errors.Join(err, undo)
			}
		}
	}()
	for _, nd := range n.order {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		a, ok := nodes[nd.name]
		if !ok {
			known := slices.Sorted(maps.Keys(nodes))
			return nil, &UnknownError{Kind: "node", Name: nd.name, Known: known}
		}
		if err := b.attachNode(nd, a); err != nil {
			return nil, fmt.Errorf("%s (process %d): %w", nd, a.PID, err)
		}
	}
	if n.first, err = pidone.Start(n.hostsFile()); err != nil {
		return nil, err
	}
	if err := n.waitRunning(ctx); err != nil {
		return nil, err
	}
	if err := n.WaitForwarding(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// Carries says which engine carries each link of t where a network's links are shaped by tc(8) alone, as Mininet's are:
// EngineHTB for those that ask for a rate or nothing, EngineNetem for those that ask for more. The error, of *EngineErrors,
// says what neither can do.
func Carries(t topo.Topo) ([]Engine, error) {
	var errs []error
	chosen := make([]Engine, len(t.Links))
	names, ends := t.LinkNames(), t.Interfaces()
	for i, l := range t.Links {
		e := EngineHTB
		if e.lacks(l.AB) != nil || e.lacks(l.BA) != nil {
			e = EngineNetem
		}
		for side, p := range []topo.LinkParams{l.AB, l.BA} {
			if lacks := e.lacks(p); lacks != nil {
				errs = append(errs, &EngineError{Link: names[i], Interface: ends[2*i+side].Name, Engine: e, Lacks: lacks, Can: []Engine{EngineUser}})
			}
		}
		chosen[i] = e
	}
	return chosen, errors.Join(errs...)
}

// attachNode opens a node's namespace, finds its interfaces, and sets a host up.
func (b *builder) attachNode(nd *node, a Attached) (err error) {
	if nd.ns, err = netns.GetFromPid(a.PID); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: has it ended?", err)
		}
		return fmt.Errorf("open network namespace: %w", err)
	}
	if !nd.isSwitch {
		own, err := netns.Get()
		if err != nil {
			return fmt.Errorf("open this program's network namespace: %w", err)
		}
		defer own.Close()
		if own.Equal(nd.ns) {
			return errors.New("it is in this program's own network namespace: a host has one of its own")
		}
	}
	err = nsthread.In(nd.ns, func() error {
		if nd.rt, err = rtnl.Open(); err != nil || nd.isSwitch {
			return err
		}
		if err := b.setSysctls(nd, false); err != nil {
			return err
		}
		return b.openOffload(nd)
	})
	if err != nil {
		return err
	}
	links, err := nd.rt.Links()
	if err != nil {
		return err
	}
	if err := b.findEnds(nd, a.Bridge, links); err != nil {
		return err
	}
	return b.setUpEnds(nd)
}

// findEnds notes the kernel's numbers of the node's interfaces, and of the bridge that it is.
func (b *builder) findEnds(nd *node, bridge string, links []rtnl.Link) error {
	number := make(map[string]int)
	var known []string
	for _, l := range links {
		number[l.Name] = l.Index
		known = append(known, l.Name)
	}
	clear(nd.own)
	nd.bridge = 0
	if bridge != "" {
		index, ok := number[bridge]
		if !ok {
			return &UnknownError{Kind: "bridge", Name: bridge, Known: known}
		}
		nd.bridge = index
	}
	for i := range b.n.ends {
		if b.n.ends[i].Node != nd.name {
			continue
		}
		index, ok := number[b.n.ends[i].Name]
		if !ok {
			return &UnknownError{Kind: "interface", Name: b.n.ends[i].Name, Known: known}
		}
		b.n.number(i, index)
	}
	return nil
}

// setUpEnds checks what the node's interfaces are to have, and does to a host's what Start does to its own.
func (b *builder) setUpEnds(nd *node) error {
	qdiscs, err := nd.rt.Qdiscs()
	if err != nil {
		return err
	}
	for i := range b.n.ends {
		e := &b.n.ends[i]
		if e.Node != nd.name {
			continue
		}
		want := ""
		switch engine := b.n.carried[i/2].engine; {
		case e.Send.Rate != 0:
			want = "htb"
		case engine == EngineNetem && e.Send.Shaped():
			want = "netem"
		}
		if got := qdiscs[b.n.index[i]].Kind; want != "" && got != want {
			return fmt.Errorf("%s is to be shaped (%s) by %s, and has %q: %w", e.Name, e.Send.Text(), want, got, ErrEngine)
		}
		if e.Addr.IsValid() {
			local, err := nd.rt.IsLocal(e.Addr.Addr())
			if err != nil {
				return err
			}
			if !local {
				return fmt.Errorf("it does not have its address %s", e.Addr)
			}
		}
		if nd.isSwitch {
			continue
		}
		if err := b.setOffload(e); err != nil {
			return err
		}
		if b.singleSegments(i) {
			if err := nd.rt.Do(rtnl.SingleSegments(e.Name, b.n.index[i])); err != nil {
				return err
			}
		}
		if err := nd.rt.Do(nd.routeOps(e, b.n.index[i])...); err != nil {
			return err
		}
	}
	return nil
}
