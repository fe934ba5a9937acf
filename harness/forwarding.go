package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// WaitForwarding returns nil once the switches' ports are settled: each port forwards or blocks, all switches agree on
// the root, and the links whose both ends forward join all switches that links join, without a loop. Without a spanning
// tree: once every port forwards. Ports whose link is down do not count, nor those of switches that are no Linux bridges
// (see Attached). The deadline is ctx's; the error then says which ports are in what state.
func (n *Network) WaitForwarding(ctx context.Context) error {
	if len(n.topo.Switches) == 0 {
		return nil
	}
	// The spanning tree takes seconds, in which one switch is asked that is not settled; when it is, all are.
	late := ""
	err := n.poll(ctx, func() error {
		if late != "" {
			if err := n.forwarding(late); err != nil {
				return err
			}
		}
		err := n.forwarding("")
		var w *waitingError
		if late = ""; errors.As(err, &w) {
			late = w.first
		}
		return err
	})
	var w *waitingError
	if errors.As(err, &w) && ctx.Err() != nil { // the deadline: what all wait for
		if all := n.forwarding(""); all != nil {
			err = fmt.Errorf("%w: %w", all, context.Cause(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("wait for forwarding: %w", err)
	}
	return nil
}

// waitRunning waits until all interfaces can send.
func (n *Network) waitRunning(ctx context.Context) error {
	pending := n.order
	err := n.poll(ctx, func() error {
		for len(pending) > 0 {
			links, err := pending[0].rt.Links()
			if err != nil {
				return fatal{fmt.Errorf("%s: %w", pending[0], err)}
			}
			for _, l := range links {
				if _, ours := pending[0].own[l.Index]; ours && l.Up && !l.Running { // one that was taken down is not waited for
					return fmt.Errorf("%s is not running", l.Name)
				}
			}
			if h := n.hosts[pending[0].name]; h != nil && h.Addr6().IsValid() && h.running(links) {
				local, err := pending[0].rt.IsLocal(h.Addr6())
				if err != nil {
					return fatal{fmt.Errorf("%s: %w", pending[0], err)}
				}
				if !local {
					return fmt.Errorf("%s does not have its address %s yet", pending[0], h.Addr6())
				}
			}
			pending = pending[1:]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wait for carrier: %w", err)
	}
	// The kernel reports the state a moment before it lets packets through, and does both under the lock that every change
	// takes: one more change, and the moment is over (net/core/link_watch.c, linkwatch_do_dev).
	if len(n.order) == 0 || n.attached {
		return nil
	}
	return n.order[0].rt.Do(rtnl.Up("lo", loIndex))
}

// running says whether the host's first interface is.
func (h *Host) running(links []rtnl.Link) bool {
	for _, l := range links {
		if l.Name == h.first.Name {
			return l.Running
		}
	}
	return false
}

// fatal is an error that waiting does not mend.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// poll asks for a fact until it is there: ready returns nil. The interval grows from half a millisecond to twenty.
func (n *Network) poll(ctx context.Context, ready func() error) error {
	ctx, cancel := n.bind(ctx)
	defer cancel()
	wait := 500 * time.Microsecond
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		err := ready()
		var f fatal
		if err == nil || errors.As(err, &f) {
			return err
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		case <-timer.C:
		}
		wait = min(2*wait, 20*time.Millisecond)
	}
}

// forwarding returns nil if the switches are settled, and else what is missing. With a name it returns nil if the ports of that
// switch are.
func (n *Network) forwarding(only string) error {
	ports := make(map[int]rtnl.Link) // by number of the interface
	roots := make(map[string][8]byte)
	for _, nd := range n.order {
		if !nd.isSwitch || only != "" && nd.name != only {
			continue
		}
		links, err := nd.rt.Links()
		if err != nil {
			return fatal{fmt.Errorf("%s: %w", nd, err)}
		}
		for _, l := range links {
			if l.Index == nd.bridge {
				roots[nd.name] = l.Root
			}
			if i, ours := nd.own[l.Index]; ours && nd.bridge != 0 {
				ports[i] = l
			}
		}
	}
	if only != "" {
		return waiting(n.topo, n.ends, ports)
	}
	return settled(n.topo, n.ends, ports, roots)
}

// waitingError says which ports neither forward nor block.
type waitingError struct {
	ports []string // "s1-eth1 is listening"
	first string   // the switch of the first
}

func (e *waitingError) Error() string { return strings.Join(e.ports, ", ") }

// waiting returns nil or a *waitingError.
func waiting(t topo.Topo, ends []topo.Interface, ports map[int]rtnl.Link) error {
	var w waitingError
	for i, e := range ends {
		p, ok := ports[i]
		if !ok || !p.Running {
			continue // a host's interface, or a link that is down
		}
		if p.Port != rtnl.PortForwarding && (p.Port != rtnl.PortBlocking || t.Loops != topo.LoopsSpanningTree) {
			if w.ports = append(w.ports, e.Name+" is "+p.Port.String()); w.first == "" {
				w.first = e.Node
			}
		}
	}
	if w.ports == nil {
		return nil
	}
	return &w
}

// settled judges the states of the ports, by number of the interface, and the roots, by switch.
func settled(t topo.Topo, ends []topo.Interface, ports map[int]rtnl.Link, roots map[string][8]byte) error {
	if err := waiting(t, ends, ports); err != nil {
		return err
	}
	if t.Loops != topo.LoopsSpanningTree {
		return nil
	}
	running, tree := make(groups), make(groups)
	for i := 0; i+1 < len(ends); i += 2 {
		a, aPort := ports[i]
		b, bPort := ports[i+1]
		if !aPort || !bPort || !a.Running || !b.Running {
			continue
		}
		from, to := ends[i].Node, ends[i+1].Node
		running.join(from, to)
		if a.Port == rtnl.PortForwarding && b.Port == rtnl.PortForwarding && !tree.join(from, to) {
			return fmt.Errorf("link %s-%s closes a loop of forwarding links", from, to)
		}
	}
	for _, s := range t.Switches {
		other := running.of(s.Name)
		if tree.of(s.Name) != tree.of(other) {
			return fmt.Errorf("no forwarding links from %s to %s", s.Name, other)
		}
		if roots[s.Name] != roots[other] {
			return fmt.Errorf("%s and %s do not agree on the root", s.Name, other)
		}
	}
	return nil
}

// groups are sets of nodes that hang together; the value is a node's parent.
type groups map[string]string

// of is the node that stands for the group of name.
func (g groups) of(name string) string {
	for g[name] != "" {
		name = g[name]
	}
	return name
}

// join makes one group of two; it returns false if they were one already.
func (g groups) join(a, b string) bool {
	a, b = g.of(a), g.of(b)
	if a == b {
		return false
	}
	g[b] = a
	return true
}
