package rtnl

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL

// linkRequest starts a message about the interface with this index.
func linkRequest(flags, index int, up bool) (*nl.NetlinkRequest, *nl.IfInfomsg) {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, flags)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	if up {
		msg.Flags, msg.Change = unix.IFF_UP, unix.IFF_UP
	}
	req.AddData(msg)
	return req, msg
}

// Up takes an interface up, Down takes it down; name is for errors alone.
func Up(name string, index int) Op {
	req, _ := linkRequest(0, index, true)
	return Op{what: "take " + name + " up", req: req}
}

// Down takes an interface down.
func Down(name string, index int) Op {
	req, msg := linkRequest(0, index, false)
	msg.Change = unix.IFF_UP
	return Op{what: "take " + name + " down", req: req}
}

// Join takes an interface up as a port of the bridge with index bridge.
func Join(name string, index, bridge int) Op {
	req, _ := linkRequest(0, index, true)
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))
	return Op{what: "join " + name + " to its switch", feature: "bridge", req: req}
}

// PortCost sets what the spanning tree takes a port for, as if its speed were that of a veth. The kernel goes by the
// speed that a driver tells, and a TAP's is 10 Mbit/s on some kernels and 10 Gbit/s on others (drivers/net/tun.c): the
// same topology would come to another tree there.
func PortCost(name string, index int) Op {
	const vethCost = 2 // port_cost of net/bridge/br_if.c, of 10 Gbit/s
	req, _ := linkRequest(0, index, false)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_KIND, nl.NonZeroTerminated("bridge"))
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil).AddRtAttr(nl.IFLA_BRPORT_COST, nl.Uint32Attr(vethCost))
	req.AddData(info)
	return Op{what: "set the port cost of " + name, feature: "bridge", req: req}
}

// A Bridge is a switch.
type Bridge struct {
	Index int
	Name  string
	MAC   net.HardwareAddr // nil: the kernel's choice, which changes with its ports
	// SpanningTree has it speak IEEE 802.1D. ForwardDelay then has a floor of 2 s, Hello of 1 s, MaxAge of 6 s
	// (net/bridge/br_private_stp.h).
	SpanningTree                bool
	ForwardDelay, Hello, MaxAge time.Duration // the last two: zero is the kernel's choice
}

// AddBridge makes a bridge, and takes it up. It forwards all multicast, as a plain switch does.
func AddBridge(b Bridge) Op {
	req, _ := linkRequest(create, b.Index, true)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(b.Name)))
	if b.MAC != nil {
		req.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, b.MAC))
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(nl.IFLA_BR_FORWARD_DELAY, nl.Uint32Attr(clock(b.ForwardDelay)))
	if b.Hello != 0 {
		data.AddRtAttr(nl.IFLA_BR_HELLO_TIME, nl.Uint32Attr(clock(b.Hello)))
	}
	if b.MaxAge != 0 {
		data.AddRtAttr(nl.IFLA_BR_MAX_AGE, nl.Uint32Attr(clock(b.MaxAge)))
	}
	if b.SpanningTree {
		data.AddRtAttr(nl.IFLA_BR_STP_STATE, nl.Uint32Attr(1))
	}
	data.AddRtAttr(nl.IFLA_BR_MCAST_SNOOPING, nl.Uint8Attr(0))
	req.AddData(info)
	return Op{what: "add bridge " + b.Name, feature: "bridge", req: req}
}

// An End is one end of a veth pair.
type End struct {
	Index int // must be given, and be unlike the other end's: see AddVeth
	Name  string
	MAC   net.HardwareAddr
	// SingleSegments has TCP hand the end segments one by one. It has otherwise handed over up to 64 KB at once since Linux
	// 4.17, with offloads off too (net/core/sock.c, sk_setup_caps): a queueing discipline takes and sends them as one packet,
	// and only then they are cut.
	SingleSegments bool
	MTU            int // bytes; zero: the kernel's 1500
}

// SingleSegments is End.SingleSegments for an interface that exists.
func SingleSegments(name string, index int) Op {
	req, _ := linkRequest(0, index, false)
	req.AddData(nl.NewRtAttr(unix.IFLA_GSO_MAX_SEGS, nl.Uint32Attr(1)))
	return Op{what: "have " + name + " take single segments", req: req}
}

// attrs are what both ends of a veth pair are made with.
func (e End) attrs(add func(attr int, data []byte)) {
	add(unix.IFLA_IFNAME, nl.ZeroTerminated(e.Name))
	add(unix.IFLA_ADDRESS, e.MAC)
	if e.SingleSegments {
		add(unix.IFLA_GSO_MAX_SEGS, nl.Uint32Attr(1))
	}
	if e.MTU != 0 {
		add(unix.IFLA_MTU, nl.Uint32Attr(uint32(e.MTU)))
	}
}

// AddVeth makes a veth pair, near in the Conn's own namespace and far in ns (netns.None(): the same); neither is ever anywhere else. A near end
// with a bridge is taken up as a port of it, else up alone. The far end stays down (the kernel refuses to take it up
// before the pair is whole: drivers/net/veth.c, veth_open).
//
// The two indices must differ though they are in different namespaces: the kernel tells a stacked device from a
// physical one by comparing them, and lets the state of a physical one take effect only after up to a second
// (net/core/link_watch.c, linkwatch_urgent_event).
func AddVeth(near End, bridge int, far End, ns netns.NsHandle) Op {
	req, _ := linkRequest(create, near.Index, true)
	near.attrs(func(attr int, data []byte) { req.AddData(nl.NewRtAttr(attr, data)) })
	if bridge != 0 {
		req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC).Index = int32(far.Index)
	far.attrs(func(attr int, data []byte) { peer.AddRtAttr(attr, data) })
	if ns.IsOpen() {
		peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns)))
	}
	req.AddData(info)
	return Op{what: fmt.Sprintf("add veth %s-%s", near.Name, far.Name), feature: "veth", req: req}
}

// AddAddr gives an interface an address in its network, with the network's broadcast address (IPv4), without duplicate
// address detection (IPv6).
func AddAddr(name string, index int, p netip.Prefix) Op {
	msg := ifAddr(index, p)
	if p.Addr().Is6() {
		msg.Flags = unix.IFA_F_NODAD
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWADDR, create)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, p.Addr().AsSlice()))
	if p.Addr().Is4() && p.Bits() < 31 {
		b := p.Masked().Addr().As4()
		for bit := p.Bits(); bit < 32; bit++ {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
		req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, b[:]))
	}
	return Op{what: fmt.Sprintf("add address %s to %s", p, name), req: req}
}

// DropAddr takes an address from an interface. It is no error that there is none, or no such family in the kernel.
func DropAddr(name string, index int, p netip.Prefix) Op {
	req := nl.NewNetlinkRequest(unix.RTM_DELADDR, 0)
	req.AddData(ifAddr(index, p))
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	return Op{
		what: fmt.Sprintf("drop address %s from %s", p, name), req: req,
		// net/ipv6/addrconf.c, inet6_addr_del; net/core/rtnetlink.c, rtnetlink_rcv_msg.
		done: []unix.Errno{unix.EADDRNOTAVAIL, unix.ENXIO, unix.EOPNOTSUPP},
	}
}

func ifAddr(index int, p netip.Prefix) *nl.IfAddrmsg {
	family := unix.AF_INET
	if p.Addr().Is6() {
		family = unix.AF_INET6
	}
	msg := nl.NewIfAddrmsg(family)
	msg.Index = uint32(index)
	msg.Prefixlen = uint8(p.Bits())
	return msg
}

// clock converts to the unit of the bridge's timers, clock_t: hundredths of a second on every architecture (USER_HZ).
func clock(d time.Duration) uint32 { return uint32(d / (10 * time.Millisecond)) }
