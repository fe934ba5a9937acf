package impair

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/wireproof/wireproof/harness/topo"
)

// ForLink returns the Config of one direction of a link of t: what A's end sends where ab
// is true, else what B's end sends. p are its parameters, which may differ from those
// in t where they were changed since; their schedule is left to the caller. The error
// joins what is wrong with the filters.
func ForLink(t topo.Topo, link int, ab bool, p topo.LinkParams) (Config, error) {
	from, to := t.Links[link].A, t.Links[link].B
	if !ab {
		from, to = to, from
	}
	c := Config{
		Seed: t.Seed, Link: t.LinkNames()[link], Direction: from + ">" + to,
		LossPercent: p.LossPercent, Gilbert: p.Gilbert, Delay: p.Delay, Jitter: p.Jitter, Distribution: p.Distribution,
		DuplicatePercent: p.DuplicatePercent, ReorderPercent: p.ReorderPercent, ReorderGap: p.ReorderGap,
		CorruptPercent: p.CorruptPercent, PerFlow: p.PerFlow,
	}
	var errs []error
	for _, text := range p.Drop {
		f, err := topo.ParseFilter(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.Drop = append(c.Drop, f)
	}
	if len(c.Drop) > 0 {
		c.Hosts = HostAddresses(t)
	}
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("link %s, from %s: %w", c.Link, from, err)
	}
	return c, nil
}

// HostAddresses returns the addresses of each host of t, for Config.Hosts and NewMatcher.
func HostAddresses(t topo.Topo) map[string][]netip.Addr {
	hosts := make(map[string][]netip.Addr, len(t.Hosts))
	for _, i := range t.Interfaces() {
		for _, p := range []netip.Prefix{i.Addr, i.Addr6} {
			if p.IsValid() { // only a host's first interface has any
				hosts[i.Node] = append(hosts[i.Node], p.Addr())
			}
		}
	}
	return hosts
}

// Acts reports whether a packet can be struck by anything in c, so that an engine needs to
// ask at all.
func (c Config) Acts() bool {
	return c.LossPercent > 0 || c.Gilbert.PPercent > 0 || len(c.Drop) > 0 || c.Jitter > 0 ||
		c.DuplicatePercent > 0 || c.ReorderPercent > 0 || c.CorruptPercent > 0
}
