package harness

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vishvananda/netns"

	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// linksPerThread is how many user links one engine thread bears, as far as there are processors for more: up to a dozen,
// one thread was measured to do better than two on two processors.
const linksPerThread = 12

// dropLog is how many lost packets are remembered for each direction and cause.
const dropLog = 1 << 16

// startRelay starts the network's relay where a link needs it.
func (b *builder) startRelay() (err error) {
	links := 0
	for _, c := range b.n.carried {
		if c.engine == EngineUser {
			links++
		}
	}
	if links == 0 {
		return nil
	}
	if err := fault.Check("start relay"); err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	threads := min((links+linksPerThread-1)/linksPerThread, max(1, runtime.NumCPU()/2))
	b.n.relay, err = relay.New(relay.Options{Threads: threads, DropLog: dropLog})
	return err
}

// makeUserLink makes both ends of a link that the relay carries. The relay takes them over when both are up, so that it
// finds nobody down.
func (b *builder) makeUserLink(i int) (err error) {
	c := b.n.carried[i]
	makeEnd := b.makeUserEnd
	if c.asksNothing() && b.canBypass(i) {
		makeEnd = func(end int) (relay.End, error) { return b.makePacketEnd(end, true) }
	}
	var ends [2]relay.End
	for side := range ends {
		if ends[side], err = makeEnd(2*i + side); err != nil {
			return errors.Join(err, ends[0].Close(), ends[1].Close())
		}
	}
	return c.join(b.n.relay, ends, b.o.Offload == OffloadOff)
}

// makeUserEnd makes interface i, up and with its addresses, and returns the relay's hold of it.
func (b *builder) makeUserEnd(i int) (end relay.End, err error) {
	e := &b.n.ends[i]
	nd := b.n.nodes[e.Node]
	defer func() {
		if err != nil {
			err = errors.Join(err, end.Close())
			end = relay.End{}
		}
	}()
	err = nsthread.In(nd.ns, func() error {
		if err := fault.Check("make TAP " + e.Name); err != nil {
			return fmt.Errorf("make TAP device %s: %w", e.Name, err)
		}
		end, err = relay.OpenTAPIndex(e.Name, firstIndex+i, e.MAC, 0)
		return err
	})
	if errors.Is(err, relay.ErrNoTUN) {
		return b.makePacketEnd(i, false)
	}
	if err != nil {
		return end, err
	}
	if err := b.setOffload(e); err != nil {
		return end, err
	}
	ops := append(nd.endOps(e, firstIndex+i), nd.upOp(e, firstIndex+i))
	if nd.isSwitch && b.n.topo.Loops == topo.LoopsSpanningTree {
		ops = append(ops, rtnl.PortCost(e.Name, firstIndex+i))
	}
	return end, nd.rt.Do(append(ops, nd.routeOps(e, firstIndex+i)...)...)
}

// canBypass says that the kernel can carry link i by itself while nothing is asked of it.
func (b *builder) canBypass(i int) bool {
	b.bypass.Do(func() {
		nd := b.n.nodes[b.n.ends[2*i].Node]
		b.noBypass = nsthread.In(nd.ns, relay.CanBypass)
	})
	return b.noBypass == nil
}

// farIndex and farName are those of the relay's end of the veth pair that interface i is of. The index is unlike all others of
// the network: see rtnl.AddVeth.
func (b *builder) farIndex(i int) int { return firstIndex + len(b.n.ends) + i }

// farMTU is the most that a veth end takes (ETH_MAX_MTU): what a host may send is for its own end to say.
const farMTU = 65535

func farName(i int) string { return fmt.Sprintf("relay%d", i) }

// makePacketEnd does what makeUserEnd does, without /dev/net/tun: the interface is one end of a veth pair, and the relay
// holds the other by a packet socket, in a namespace of the network's own. With bypass the kernel carries what the interface
// sends while nothing is asked.
func (b *builder) makePacketEnd(i int, bypass bool) (end relay.End, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, end.Close())
			end = relay.End{}
		}
	}()
	fabric, err := b.needFabric()
	if err != nil {
		return end, err
	}
	e := &b.n.ends[i]
	nd := b.n.nodes[e.Node]
	far := rtnl.End{Index: b.farIndex(i), Name: farName(i), MAC: []byte{2, 2, 0, 0, byte(i >> 8), byte(i)}, MTU: farMTU}
	ops := []rtnl.Op{rtnl.AddVeth(rtnl.End{Index: firstIndex + i, Name: e.Name, MAC: e.MAC}, nd.bridge, far, fabric.ns)}
	ops = append(ops, nd.endOps(e, firstIndex+i)...)
	if err := nd.rt.Do(append(ops, nd.routeOps(e, firstIndex+i)...)...); err != nil {
		return end, err
	}
	if err := b.setOffload(e); err != nil {
		return end, err
	}
	err = nsthread.In(fabric.ns, func() error {
		if err := fault.Check("open packet socket on " + far.Name); err != nil {
			return fmt.Errorf("take over interface %s: %w", far.Name, err)
		}
		end, err = relay.OpenPacket(far.Name)
		if err == nil && bypass {
			err = end.Bypass(b.farIndex(i^1), b.o.Offload == OffloadOff && !nd.isSwitch)
		}
		return err
	})
	if err == nil {
		err = nsthread.In(nd.ns, func() error { return end.Tap(e.Name) })
	}
	if err != nil {
		return end, err
	}
	// Last, so that no frame is sent before there is who takes it.
	return end, fabric.rt.Do(rtnl.Up(far.Name, far.Index))
}

// needFabric is the namespace of the relay's ends, made when it is first asked for. It has no addresses, and IPv6 is off:
// nothing in it answers.
func (b *builder) needFabric() (*node, error) {
	b.fabric.Do(func() {
		b.fabricErr = nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
			nd := &node{name: "relay", isSwitch: true, ns: netns.None()}
			b.n.fabric = nd
			var err error
			if nd.ns, err = unshare(); err != nil {
				return err
			}
			if nd.rt, err = rtnl.Open(); err != nil {
				return err
			}
			return b.setSysctls(nd, true)
		})
		if b.fabricErr != nil {
			b.fabricErr = fmt.Errorf("namespace of the relay: %w", b.fabricErr)
		}
	})
	return b.n.fabric, b.fabricErr
}
