package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/internal/impaired"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/pidone"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/harness/userns"
)

// Interface indices are chosen here, so that nothing has to be looked up: 1 is lo, 2 a switch's bridge, and interface i
// of Topo.Interfaces is firstIndex + i, unlike any other of the network (see rtnl.AddVeth).
const (
	loIndex     = 1
	bridgeIndex = 2
	firstIndex  = 3
)

// Start brings t up. When it returns, every interface is up and every switch forwards (with topo.LoopsSpanningTree it
// waits for the tree, about four seconds). t is validated first. A failed Start leaves nothing behind.
// Schedules of links stand at their beginning until Network.Begin.
// Errors: *topo.Mistake and *EngineError (joined), ErrNotRoot, ErrKernel, ErrEngine, ctx's. ctx bounds Start alone, not the network's life.
func Start(ctx context.Context, t topo.Topo, o *Options) (*Network, error) {
	n, err := start(ctx, t, o)
	if err == nil {
		return n, nil
	}
	err = fmt.Errorf("start %s: %w", t.Name, err)
	if (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)) && !errors.Is(err, ErrNotRoot) {
		err = &notRootError{err}
	}
	return nil, err
}

// notRootError says what to do about a missing privilege.
type notRootError struct{ err error }

func (e *notRootError) Error() string {
	text := e.err.Error() + ": run it as root (sudo), or with CAP_SYS_ADMIN and CAP_NET_ADMIN"
	if why := userns.Refused(); why != nil {
		text += "; without root it needs a " + why.Error()
	}
	return text
}
func (e *notRootError) Unwrap() []error { return []error{ErrNotRoot, e.err} }

func start(ctx context.Context, t topo.Topo, o *Options) (_ *Network, err error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Options{}
	}
	engines, err := choose(ctx, t, o)
	if err != nil {
		return nil, err
	}
	b, err := newBuilder(t, *o, engines)
	if err != nil {
		return nil, err
	}
	n := b.n
	defer func() {
		b.closeOffloads()
		if err != nil {
			if undo := n.Close(); undo != nil {
				err = errors.Join(err, undo)
			}
		}
	}()
	// Process 1 takes as long as a network of some ten hosts: both at once.
	first := make(chan error, 1)
	go func() {
		p, err := pidone.Start(n.hostsFile())
		n.first = p
		first <- err
	}()
	err = b.up(ctx)
	if failed := <-first; err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	if err := n.WaitForwarding(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// A builder holds what is needed while a network comes up.
type builder struct {
	n        *Network
	o        Options
	mu       sync.Mutex
	offloads map[string]*ethtool.Ethtool // by host

	fabric    sync.Once // for Network.fabric
	fabricErr error
	bypass    sync.Once // for noBypass
	noBypass  error     // why the kernel cannot carry a link by itself; nil: it can
}

func newBuilder(t topo.Topo, o Options, engines []Engine) (*builder, error) {
	use, err := chooseProcessors(o.OneProcessor)
	if err != nil {
		return nil, err
	}
	n := &Network{
		topo:       t,
		processors: use,
		ends:       t.Interfaces(),
		nodes:      make(map[string]*node),
		hosts:      make(map[string]*Host),
		running:    make(map[*Cmd]struct{}),
		senders:    make(map[string]*capture.Sender),
		sockets:    make(map[any]func()),
		offload:    o.Offload,
	}
	for i, e := range engines {
		n.carried = append(n.carried, newCarriage(n, i, e))
	}
	n.index = make([]int, len(n.ends))
	n.done, n.cancel = context.WithCancelCause(context.Background())
	add := func(name string, isSwitch bool) *node {
		nd := &node{name: name, isSwitch: isSwitch, ns: netns.None(), own: make(map[int]int)}
		if isSwitch {
			nd.bridge = bridgeIndex
		}
		n.nodes[name] = nd
		n.order = append(n.order, nd)
		return nd
	}
	for _, h := range t.Hosts {
		n.hosts[h.Name] = &Host{n: n, name: h.Name, node: add(h.Name, false)}
	}
	for _, s := range t.Switches {
		add(s.Name, true)
	}
	for i := range n.ends {
		if h := n.hosts[n.ends[i].Node]; h != nil && n.ends[i].Port == 0 {
			h.first = &n.ends[i]
		}
	}
	for i := range n.ends {
		n.number(i, firstIndex+i)
	}
	return &builder{n: n, o: o, offloads: make(map[string]*ethtool.Ethtool)}, nil
}

// number notes the kernel's number of end i.
func (n *Network) number(i, index int) {
	n.index[i] = index
	n.nodes[n.ends[i].Node].own[index] = i
}

// up makes the nodes, and then the links between them.
func (b *builder) up(ctx context.Context) error {
	workers := min(runtime.GOMAXPROCS(0), 4) // more only wait for the kernel's one lock of all links (rtnl)
	err := each(ctx, workers, len(b.n.order), func(next func() (int, bool)) error {
		// One thread moves on from namespace to namespace, and is inside each when it is set up.
		return nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
			for i, ok := next(); ok; i, ok = next() {
				if err := b.makeNode(b.n.order[i], unshare); err != nil {
					return fmt.Errorf("%s: %w", b.n.order[i], err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := b.startRelay(); err != nil {
		return err
	}
	err = each(ctx, workers, len(b.n.topo.Links), func(next func() (int, bool)) error {
		for i, ok := next(); ok; i, ok = next() {
			if err := b.makeLink(i); err != nil {
				return fmt.Errorf("link %s: %w", b.n.carried[i].name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.n.waitRunning(ctx)
}

// each runs several workers that take the numbers below count from next, until there are none, one failed, or ctx ended.
// It returns the first error: what fails in two places at once fails for one reason.
func each(ctx context.Context, workers, count int, work func(next func() (int, bool)) error) error {
	var mu sync.Mutex
	taken, stopped := 0, false
	next := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if stopped || taken == count || ctx.Err() != nil {
			return 0, false
		}
		taken++
		return taken - 1, true
	}
	failed := make(chan error, workers)
	for range workers {
		go func() {
			err := work(next)
			if err != nil {
				mu.Lock()
				stopped = true
				mu.Unlock()
			}
			failed <- err
		}()
	}
	var first error
	for range workers {
		if err := <-failed; first == nil {
			first = err
		}
	}
	if first != nil {
		return first
	}
	return context.Cause(ctx)
}

// makeNode moves the calling thread to a new namespace and makes it the node's.
func (b *builder) makeNode(nd *node, unshare func() (netns.NsHandle, error)) (err error) {
	if nd.ns, err = unshare(); err != nil {
		return err
	}
	if nd.rt, err = rtnl.Open(); err != nil {
		return err
	}
	if err := b.setSysctls(nd, true); err != nil {
		return err
	}
	ops := b.upLoopback(nd)
	if nd.isSwitch {
		ops = append(ops, rtnl.AddBridge(b.bridge(nd.name)))
	} else if err := b.openOffload(nd); err != nil {
		return err
	}
	return nd.rt.Do(ops...)
}

// bridge is the bridge of a switch. Its address, which with the priority is its identifier in the spanning tree, is that
// of its first port, so the natural order of the switches' names decides about the root.
func (b *builder) bridge(name string) rtnl.Bridge {
	br := rtnl.Bridge{Index: bridgeIndex, Name: name}
	for _, e := range b.n.ends {
		if e.Node == name && e.Port == 1 {
			br.MAC = e.MAC
		}
	}
	if b.n.topo.Loops == topo.LoopsSpanningTree {
		br.SpanningTree = true
		// The lowest that the kernel takes.
		br.ForwardDelay, br.Hello, br.MaxAge = 2*time.Second, time.Second, 6*time.Second
	}
	return br
}

// makeLink makes a link, with both ends up, and has its engine carry it.
func (b *builder) makeLink(i int) error {
	if b.n.carried[i].engine == EngineUser {
		return b.makeUserLink(i)
	}
	if err := b.makeVeth(i); err != nil {
		return err
	}
	return b.n.carried[i].attach()
}

// makeVeth makes a veth pair and sets both ends up. Of a switch and a host, the switch's end is the near one: it becomes
// a port in the same message.
func (b *builder) makeVeth(i int) error {
	near, far := 2*i, 2*i+1
	if b.n.nodes[b.n.ends[far].Node].isSwitch && !b.n.nodes[b.n.ends[near].Node].isSwitch {
		near, far = far, near
	}
	nearEnd, farEnd := &b.n.ends[near], &b.n.ends[far]
	nearNode, farNode := b.n.nodes[nearEnd.Node], b.n.nodes[farEnd.Node]

	ops := []rtnl.Op{rtnl.AddVeth(
		b.vethEnd(near), nearNode.bridge, b.vethEnd(far), farNode.ns)}
	ops = append(ops, nearNode.endOps(nearEnd, firstIndex+near)...)
	ops = append(ops, b.n.carried[i].shapeOps(near-2*i)...)
	if err := nearNode.rt.Do(append(ops, nearNode.routeOps(nearEnd, firstIndex+near)...)...); err != nil {
		return err
	}
	if err := b.setOffload(nearEnd); err != nil {
		return err
	}
	if err := b.setOffload(farEnd); err != nil {
		return err
	}
	ops = append(farNode.endOps(farEnd, firstIndex+far), b.n.carried[i].shapeOps(far-2*i)...)
	ops = append(ops, farNode.upOp(farEnd, firstIndex+far))
	ops = append(ops, farNode.routeOps(farEnd, firstIndex+far)...)
	return farNode.rt.Do(ops...)
}

// vethEnd is an end of the topology as rtnl makes it. A host without offloads whose link shapes hands segments over one by
// one: a rate lets single frames go then, not 64 KB at once.
func (b *builder) vethEnd(i int) rtnl.End {
	e := &b.n.ends[i]
	return rtnl.End{Index: firstIndex + i, Name: e.Name, MAC: e.MAC, SingleSegments: b.singleSegments(i)}
}

func (b *builder) singleSegments(i int) bool {
	c := b.n.carried[i/2]
	shapes := c.engine == EngineNetem || slices.ContainsFunc(c.courses[i%2].steps, func(s impaired.Step) bool { return s.Params.Rate != 0 })
	return shapes && b.o.Offload == OffloadOff && !b.n.nodes[b.n.ends[i].Node].isSwitch
}

// upOp takes an end up, as a port where it is a switch's.
func (nd *node) upOp(e *topo.Interface, index int) rtnl.Op {
	if nd.isSwitch {
		return rtnl.Join(e.Name, index, nd.bridge)
	}
	return rtnl.Up(e.Name, index)
}

// endOps are the addresses of an end that is there.
func (nd *node) endOps(e *topo.Interface, index int) []rtnl.Op {
	var ops []rtnl.Op
	if e.Addr.IsValid() {
		ops = append(ops, rtnl.AddAddr(e.Name, index, e.Addr))
	}
	if e.Addr6.IsValid() {
		ops = append(ops, rtnl.AddAddr(e.Name, index, e.Addr6))
	}
	return ops
}

// routeOps are the changes to an end that has just come up.
func (nd *node) routeOps(e *topo.Interface, index int) []rtnl.Op {
	var ops []rtnl.Op
	m := rtnl.Metrics{Congestion: nd.congestion, InitialWindow: initialWindow}
	if e.Addr.IsValid() {
		ops = append(ops, rtnl.SetMetrics(e.Name, index, e.Addr, m))
	}
	if e.Addr6.IsValid() {
		ops = append(ops, rtnl.SetMetrics(e.Name, index, e.Addr6, m))
	}
	if nd.lossy && e.Addr.IsValid() {
		ops = append(ops, rtnl.AskNeighbours(e.Name, index, false, neighbourAsks))
	}
	if nd.lossy && e.Addr6.IsValid() {
		ops = append(ops, rtnl.AskNeighbours(e.Name, index, true, neighbourAsks))
	}
	return ops
}

// hostsFile is the text of the hosts' /etc/hosts.
func (n *Network) hostsFile() string {
	var s strings.Builder
	s.WriteString("127.0.0.1\tlocalhost\n")
	if n.topo.IPv6 {
		s.WriteString("::1\tlocalhost ip6-localhost ip6-loopback\n")
	}
	for _, h := range n.topo.Hosts {
		if addr, ok := n.topo.HostAddr(h.Name); ok {
			fmt.Fprintf(&s, "%s\t%s\n", addr, h.Name)
		}
		if addr, ok := n.topo.HostAddr6(h.Name); ok {
			fmt.Fprintf(&s, "%s\t%s\n", addr, h.Name)
		}
	}
	return s.String()
}
