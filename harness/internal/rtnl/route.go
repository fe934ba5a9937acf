package rtnl

import (
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Metrics are what a route says about the TCP connections along it.
type Metrics struct {
	Congestion    string // congestion control; empty: the namespace's
	InitialWindow uint32 // segments sent before the first acknowledgement; zero: the kernel's choice
}

// SetMetrics replaces the route to an interface's own network, which the kernel made with the address p, by one with
// these metrics. The interface has to be up, and to have the address.
//
// A namespace other than the first may make only those congestion controls the default that the machine allows to
// everybody (net/ipv4/tcp_cong.c, tcp_set_default_congestion_control); a route may name any, and the machine stays as it
// is. The initial window can be set on routes alone (TCP_INIT_CWND in include/net/tcp.h is the default).
func SetMetrics(name string, index int, p netip.Prefix, m Metrics) Op {
	family, scope := uint8(unix.AF_INET), uint8(unix.RT_SCOPE_LINK)
	if p.Addr().Is6() {
		family, scope = unix.AF_INET6, unix.RT_SCOPE_UNIVERSE
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	msg := nl.NewRtMsg()
	msg.Family, msg.Scope, msg.Protocol = family, scope, unix.RTPROT_KERNEL
	msg.Dst_len = uint8(p.Bits())
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, p.Masked().Addr().AsSlice()))
	if family == unix.AF_INET {
		req.AddData(nl.NewRtAttr(unix.RTA_PREFSRC, p.Addr().AsSlice()))
	} else {
		req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(prefixMetric)))
	}
	req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index))))
	metrics := nl.NewRtAttr(unix.RTA_METRICS, nil)
	if m.Congestion != "" {
		metrics.AddRtAttr(unix.RTAX_CC_ALGO, nl.ZeroTerminated(m.Congestion))
	}
	if m.InitialWindow != 0 {
		metrics.AddRtAttr(unix.RTAX_INITCWND, nl.Uint32Attr(m.InitialWindow))
	}
	req.AddData(metrics)
	return Op{what: "set TCP metrics on the route of " + name, req: req}
}

// prefixMetric is the metric of the kernel's own routes to an interface's network (net/ipv6/addrconf.c, IP6_RT_PRIO_ADDRCONF).
const prefixMetric = 256

// IsLocal reports whether the namespace takes packets to addr for its own. With IPv6, the kernel adds the route for that a
// moment after the address (net/ipv6/addrconf.c, addrconf_dad_work).
func (c *Conn) IsLocal(addr netip.Addr) (local bool, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	msg := &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET6, Dst_len: uint8(addr.BitLen())}}
	if addr.Is4() {
		msg.Family = unix.AF_INET
	}
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, addr.AsSlice()))
	op := Op{what: "find route to " + addr.String(), req: req}
	err = c.dump(op, func() { local = false }, func(kind uint16, data []byte) error {
		if kind == unix.RTM_NEWROUTE && len(data) >= unix.SizeofRtMsg {
			local = nl.DeserializeRtMsg(data).Type == unix.RTN_LOCAL
		}
		return nil
	})
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
		return false, nil
	}
	return local, err
}
