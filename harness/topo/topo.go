package topo

import (
	"net/netip"
	"slices"
)

// A Topo is a network as a value: who is there, and what joins them.
// The zero Topo is empty; Validate refuses it, because it has no host.
type Topo struct {
	// Name says which network this is in drawings, errors and reports. It may be empty.
	Name string `json:"name,omitempty"`

	Hosts    []Host   `json:"hosts"`
	Switches []Switch `json:"switches,omitempty"`

	// Links are numbered, and their interfaces named, in this order.
	Links []Link `json:"links"`

	// Seed decides everything that happens to packets by chance; the same seed brings
	// the same losses back. Zero is a seed as good as any.
	Seed uint64 `json:"seed,omitempty"`

	// Loops says what to do with a loop of switches; the zero refuses it.
	Loops Loops `json:"loops,omitempty"`

	// IPv6 gives every host an address in fd00::/64 beside its IPv4 one.
	IPv6 bool `json:"ipv6,omitempty"`
}

// A Host is a machine at the edge of the network. It does not forward.
type Host struct {
	// Name is unique among hosts and switches: a letter, then letters, digits, '_', '.' and '-'.
	Name string `json:"name"`

	// Addr is the IPv4 address and network of the host's first interface.
	// Zero: 10.0.0.N/8, where N is the host's number. A host with an address of
	// its own keeps its number, and with it its MAC and IPv6 address, as in Mininet.
	Addr netip.Prefix `json:"addr,omitzero"`
}

// A Switch is a learning Ethernet bridge.
type Switch struct {
	// Name follows the same rules as that of a Host.
	Name string `json:"name"`
}

// A Link joins two nodes by a pair of Ethernet interfaces. Two nodes may be
// joined by more than one link.
type Link struct {
	// A and B name the nodes at the two ends.
	A string `json:"a"`
	B string `json:"b"`

	// AB shapes what A's end sends to B, and BA what B's end sends to A.
	AB LinkParams `json:"ab,omitzero"`
	BA LinkParams `json:"ba,omitzero"`

	// Surplus counts the parameters given to AddLink beyond the two directions
	// there are. It is kept only so that Validate can refuse them.
	Surplus int `json:"surplus,omitempty"`
}

// String returns the link's ends, "h1-s1".
func (l Link) String() string { return l.A + "-" + l.B }

// AddHost appends a host for each name, with the address its number gives it,
// and returns t.
func (t *Topo) AddHost(names ...string) *Topo {
	for _, name := range names {
		t.Hosts = append(t.Hosts, Host{Name: name})
	}
	return t
}

// AddSwitch appends a switch for each name and returns t.
func (t *Topo) AddSwitch(names ...string) *Topo {
	for _, name := range names {
		t.Switches = append(t.Switches, Switch{Name: name})
	}
	return t
}

// AddLink appends a link between a and b and returns t. Without parameters the
// link is unshaped; one LinkParams holds for both directions, as in Mininet's
// addLink; of two, the first is for what a sends and the second for what b
// sends. The nodes need not exist yet.
func (t *Topo) AddLink(a, b string, p ...LinkParams) *Topo {
	l := Link{A: a, B: b}
	switch {
	case len(p) == 1:
		l.AB, l.BA = p[0], p[0]
	case len(p) >= 2:
		l.AB, l.BA = p[0], p[1]
		l.Surplus = len(p) - 2
	}
	t.Links = append(t.Links, l)
	return t
}

// Clone returns a copy that shares nothing with t, so that one can be changed
// without the other.
func (t Topo) Clone() Topo {
	t.Hosts = slices.Clone(t.Hosts)
	t.Switches = slices.Clone(t.Switches)
	t.Links = slices.Clone(t.Links)
	for i := range t.Links {
		t.Links[i].AB, t.Links[i].BA = t.Links[i].AB.clone(), t.Links[i].BA.clone()
	}
	return t
}
