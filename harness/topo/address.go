package topo

import (
	"fmt"
	"net/netip"
)

// checkAddresses checks the hosts' IPv4 addresses, those of their own and those
// their numbers give them, against the rules and against one another. All hosts
// are on one Ethernet, and no host forwards, so there can be only one network.
func (t Topo) checkAddresses(m *mistakes) {
	numbers := number(t.hostNames())
	taken := make(map[netip.Addr]string, len(t.Hosts))
	named := make(map[string]bool, len(t.Hosts))
	var network netip.Prefix
	var first string
	for _, h := range t.Hosts {
		if named[h.Name] {
			continue // reported as a name taken twice
		}
		named[h.Name] = true
		where := "host " + quoted(h.Name)
		addr := addr4(numbers[h.Name])
		if h.Addr != (netip.Prefix{}) {
			if what := wrongAddr(h.Addr); what != "" {
				m.add(where, "address "+h.Addr.Addr().String()+" "+what, "use one such as 10.0.0.1/8, or leave it zero to have the host numbered")
				continue
			}
			addr = h.Addr
		}
		if other, ok := taken[addr.Addr()]; ok {
			m.add(where, fmt.Sprintf("address %s is also that of host %s", addr.Addr(), quoted(other)), "give each host an address of its own")
		}
		taken[addr.Addr()] = h.Name
		if !network.IsValid() {
			network, first = addr.Masked(), h.Name
		} else if addr.Masked() != network {
			m.add(where, fmt.Sprintf("address %s is not in %s, the network of host %s, and nothing routes between them", addr, network, quoted(first)),
				"put all hosts into one network")
		}
	}
}

// wrongAddr says what keeps p from being the address of a host, or "".
func wrongAddr(p netip.Prefix) string {
	switch a := p.Addr(); {
	case !a.Is4():
		return "is not IPv4"
	case !p.IsValid():
		return "has no valid prefix length"
	case a.As4()[0] == 0, a.IsLoopback(), a.As4()[0] >= 224:
		return "is not one a host can have"
	case p.Bits() < 1 || p.Bits() > 30:
		return fmt.Sprintf("is in a network, /%d, that is no network for two hosts or more", p.Bits())
	case a == p.Masked().Addr():
		return fmt.Sprintf("is that of the network itself, /%d", p.Bits())
	case a == broadcast(p):
		return fmt.Sprintf("is the broadcast address of its network, /%d", p.Bits())
	}
	return ""
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(b)
}
