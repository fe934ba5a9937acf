package topo

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
)

// An Interface is one end of a link.
type Interface struct {
	// Node is the host or switch that has the interface; Name is NODE-ethP.
	Node, Name string
	// Port is P: from 0 at a host and from 1 at a switch, in the order of the links.
	Port int
	// Link is the index in Topo.Links.
	Link int
	// Peer is the node at the other end, and PeerName its interface.
	Peer, PeerName string
	// Send shapes what this end sends.
	Send LinkParams
	// Addr and Addr6 are the address and network of a host's first interface.
	// They are zero on every other interface, and Addr6 also without Topo.IPv6.
	Addr, Addr6 netip.Prefix
	// MAC is 00:00:00:00:00:N on the first interface of host N, as with
	// Mininet's --mac; 02:00:N:N:P:P on port P of switch N, and 02:01:N:N:P:P on
	// the further interfaces of host N. Switches are numbered in the natural
	// order of their names, so the first has the lowest address and is the root of a
	// spanning tree: a bridge is identified by the lowest address of its ports
	// (net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id).
	MAC net.HardwareAddr
}

// Interfaces returns both ends of every link, in the order of the links, A's end
// before B's. Of a Topo that Validate refuses it makes the best it can; a node
// that does not exist is then treated as a host without address.
func (t Topo) Interfaces() []Interface {
	hosts, switches := number(t.hostNames()), number(t.switchNames())
	own := make(map[string]netip.Prefix, len(t.Hosts))
	for _, h := range t.Hosts {
		if h.Addr.IsValid() {
			own[h.Name] = h.Addr
		}
	}
	next := make(map[string]int, len(hosts)+len(switches))
	end := func(link int, node string, send LinkParams) Interface {
		i := Interface{Node: node, Link: link, Send: send}
		n, isSwitch := switches[node]
		i.Port = next[node]
		next[node]++
		if isSwitch {
			i.Port++
			i.MAC = mac(0x02, 0x00, n, i.Port)
		} else {
			n = hosts[node]
			i.MAC = mac(0x02, 0x01, n, i.Port)
			if i.Port == 0 {
				i.MAC = mac(0x00, 0x00, 0, n)
			}
			if i.Port == 0 && n > 0 {
				i.Addr = addr4(n)
				if p, ok := own[node]; ok {
					i.Addr = p
				}
				if t.IPv6 {
					i.Addr6 = addr6(n)
				}
			}
		}
		i.Name = node + "-eth" + strconv.Itoa(i.Port)
		return i
	}
	all := make([]Interface, 0, 2*len(t.Links))
	for n, l := range t.Links {
		a := end(n, l.A, l.AB)
		b := end(n, l.B, l.BA)
		a.Peer, a.PeerName = b.Node, b.Name
		b.Peer, b.PeerName = a.Node, a.Name
		all = append(all, a, b)
	}
	return all
}

// HostAddr returns the IPv4 address of the host with that name, and false where
// there is no such host.
func (t Topo) HostAddr(name string) (netip.Addr, bool) {
	for _, h := range t.Hosts {
		if h.Name != name {
			continue
		}
		if h.Addr.IsValid() {
			return h.Addr.Addr(), true
		}
		return addr4(number(t.hostNames())[name]).Addr(), true
	}
	return netip.Addr{}, false
}

// HostAddr6 returns the IPv6 address of the host with that name, and false where
// there is no such host or the topology has no IPv6.
func (t Topo) HostAddr6(name string) (netip.Addr, bool) {
	n, ok := number(t.hostNames())[name]
	if !ok || !t.IPv6 {
		return netip.Addr{}, false
	}
	return addr6(n).Addr(), true
}

// addr4 is the address of host n: n added to 10.0.0.0, as mininet.util.ipAdd does.
func addr4(n int) netip.Prefix {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24|uint32(n)&0xffffff)
	return netip.PrefixFrom(netip.AddrFrom4(b), 8)
}

// addr6 is the unique local address (RFC 4193) of host n.
func addr6(n int) netip.Prefix {
	b := [16]byte{0: 0xfd}
	binary.BigEndian.PutUint32(b[12:], uint32(n))
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

func mac(first, second byte, n, port int) net.HardwareAddr {
	return net.HardwareAddr{first, second, byte(n >> 8), byte(n), byte(port >> 8), byte(port)}
}
