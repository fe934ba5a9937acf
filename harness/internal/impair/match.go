package impair

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"github.com/wireproof/wireproof/harness/topo"
)

// A Matcher applies one filter to the packets of one direction. It counts as it
// goes, and is not safe for concurrent use.
type Matcher struct {
	rule rule
	seen uint64
	view View
}

// NewMatcher returns a matcher for f that has seen nothing yet. hosts gives the
// addresses of the names that f uses.
func NewMatcher(f topo.Filter, hosts map[string][]netip.Addr) (*Matcher, error) {
	r, err := newRule(f, hosts)
	return &Matcher{rule: r}, err
}

// Match reports whether the filter names p. It must be called with each packet
// in turn. Packets without an index match no filter.
func (m *Matcher) Match(p *Packet) bool {
	if !p.IP {
		return false
	}
	if m.rule.ranges != nil {
		return inRanges(m.rule.ranges, p.Index+1)
	}
	m.view.Parse(p.Frame)
	return m.rule.match(&m.view, &m.seen)
}

// A rule is a filter made ready: names resolved, and no text to compare.
type rule struct {
	ranges             []topo.Range
	kind               topo.PacketKind
	mask, want         uint8 // of TCP's flags
	first, last, every uint64
	from, to           [][16]byte // empty: any
}

func newRule(f topo.Filter, hosts map[string][]netip.Addr) (rule, error) {
	r := rule{ranges: f.Packets, kind: f.Kind, first: f.First, every: f.Every, last: f.First + f.Count - 1}
	switch f.Kind {
	case topo.PacketSYN:
		r.mask, r.want = flagSYN|flagACK, flagSYN
	case topo.PacketSYNACK:
		r.mask, r.want = flagSYN|flagACK, flagSYN|flagACK
	case topo.PacketACK:
		r.mask, r.want = flagSYN|flagACK|flagFIN|flagRST, flagACK
	case topo.PacketFIN:
		r.mask, r.want = flagFIN, flagFIN
	case topo.PacketRST:
		r.mask, r.want = flagRST, flagRST
	case topo.PacketData, topo.PacketDatagram, topo.PacketAny:
	default:
		if f.Packets == nil {
			return r, fmt.Errorf("filter of unknown kind %q: make it with topo.ParseFilter", f.Kind)
		}
	}
	var err error
	if r.from, err = addresses(f.From, hosts); err == nil {
		r.to, err = addresses(f.To, hosts)
	}
	if err == nil && f.Packets == nil && (f.First == 0 || f.Count == 0) {
		err = fmt.Errorf("filter for %d packets from number %d on names none: make it with topo.ParseFilter", f.Count, f.First)
	}
	return r, err
}

// addresses returns the addresses of a host's name, or of an address as text.
func addresses(name string, hosts map[string][]netip.Addr) ([][16]byte, error) {
	if name == "" {
		return nil, nil
	}
	found := hosts[name]
	if len(found) == 0 {
		addr, err := netip.ParseAddr(name)
		if err != nil {
			return nil, fmt.Errorf("filter: no host is called %q: give a host of the network or an IP address", name)
		}
		found = []netip.Addr{addr}
	}
	var all [][16]byte
	for _, addr := range found {
		all = append(all, addr.As16())
	}
	return all, nil
}

// match reports whether the rule, which goes by kind, names the packet that v is of.
// seen counts those that it could have meant.
func (r *rule) match(v *View, seen *uint64) bool {
	if !r.is(v) || len(r.from) > 0 && !slices.Contains(r.from, v.Src) || len(r.to) > 0 && !slices.Contains(r.to, v.Dst) {
		return false
	}
	*seen++
	if r.every > 0 {
		return *seen%r.every == 0
	}
	return *seen >= r.first && *seen <= r.last
}

func (r *rule) is(v *View) bool {
	switch r.kind {
	case topo.PacketAny:
		return true
	case topo.PacketDatagram:
		return v.Protocol == protoUDP
	case topo.PacketData:
		return v.Ports && v.Protocol == protoTCP && v.Payload > 0
	case topo.PacketACK:
		return v.Ports && v.Protocol == protoTCP && v.Flags&r.mask == r.want && v.Payload == 0
	}
	return v.Ports && v.Protocol == protoTCP && v.Flags&r.mask == r.want
}

// inRanges reports whether number n is in one of ranges, which are in order.
func inRanges(ranges []topo.Range, n uint64) bool {
	at := sort.Search(len(ranges), func(i int) bool { return ranges[i].Last == 0 || ranges[i].Last >= n })
	return at < len(ranges) && ranges[at].First <= n
}
