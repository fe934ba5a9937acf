package harness

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// A sysctl is a setting of a network namespace. An optional one may be missing: the kernel then lacks what it is about.
type sysctl struct {
	path, value string
	optional    bool
}

// setSysctls sets up the network namespace that the calling thread is in. One that is new has no interface but lo, whose
// IPv6 address upLoopback takes away.
func (b *builder) setSysctls(nd *node, isNew bool) error {
	all := []sysctl{b.n.processors.steer()}
	switch {
	case b.hasIPv6(nd):
		for _, set := range []string{"default", "all"} {
			all = append(all,
				sysctl{"net/ipv6/conf/" + set + "/disable_ipv6", "0", false},
				sysctl{"net/ipv6/conf/" + set + "/accept_dad", "0", false},
				sysctl{"net/ipv6/conf/" + set + "/router_solicitations", "0", false},
				sysctl{"net/ipv6/conf/" + set + "/keep_addr_on_down", "1", false})
		}
	// Without IPv6, else every interface announces itself, and captures begin with neighbour discovery. To write "all" is
	// to try for the lock of all network settings until it is free (net/ipv6/addrconf.c, addrconf_disable_ipv6): with some
	// networks made at once that took more processor time than all else that makes a host.
	case isNew:
		all = append(all, sysctl{"net/ipv6/conf/default/disable_ipv6", "1", true})
	default:
		all = append(all, sysctl{"net/ipv6/conf/all/disable_ipv6", "1", true})
	}
	if nd.isSwitch {
		// Where br_netfilter is loaded (Docker does it), every bridged packet passes the firewall's hooks: a switch has none.
		for _, table := range []string{"ip", "ip6", "arp"} {
			all = append(all, sysctl{"net/bridge/bridge-nf-call-" + table + "tables", "0", true})
		}
	} else {
		congestion := b.o.Congestion
		if congestion == "" {
			congestion = "cubic"
		}
		if err := nd.setCongestion(congestion); err != nil {
			return err
		}
		nd.lossy = loses(b.n.topo)
		all = append(all, tcpSettings(b.n.topo)...)
		all = append(all, sysctl{"net/mptcp/enabled", "0", true}) // Go's listeners ask for it; one connection is to be one
	}
	for _, s := range all {
		if err := s.write(); err != nil {
			return fmt.Errorf("set %s: %w", s.path, err)
		}
	}
	return nil
}

// hasIPv6 says whether the node is to have IPv6 addresses.
func (b *builder) hasIPv6(nd *node) bool { return b.n.topo.IPv6 && !nd.isSwitch }

// upLoopback sets lo up, as the first of what a new namespace is asked for.
func (b *builder) upLoopback(nd *node) []rtnl.Op {
	ops := []rtnl.Op{rtnl.Up("lo", loIndex)}
	if !b.hasIPv6(nd) {
		ops = append(ops, rtnl.DropAddr("lo", loIndex, netip.PrefixFrom(netip.IPv6Loopback(), 128)))
	}
	return ops
}

// setCongestion makes algorithm the default of the namespace that the calling thread is in. Where only the machine may
// do that, the host's routes are to name it: see rtnl.SetMetrics.
func (nd *node) setCongestion(algorithm string) error {
	err := sysctl{"net/ipv4/tcp_congestion_control", algorithm, false}.write()
	switch {
	case errors.Is(err, unix.EPERM):
		nd.congestion = algorithm
		return nil
	case errors.Is(err, unix.ENOENT):
		available, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		return fmt.Errorf("set congestion control %q: %w: use one of: %s (or modprobe tcp_%s)",
			algorithm, ErrKernel, strings.TrimSpace(string(available)), algorithm)
	case err != nil:
		return fmt.Errorf("set congestion control %q: %w", algorithm, err)
	}
	return nil
}

func (s sysctl) write() error {
	err := fault.Check("set " + s.path)
	if err == nil {
		err = writeFile("/proc/sys/"+s.path, s.value)
	}
	switch {
	case s.optional && errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w: run the container privileged, with a writable /proc/sys", err)
	}
	return err
}

// writeFile writes to an existing file without asking Go's poller about it: there are thousands in a large network.
func writeFile(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(value))
	return errors.Join(err, unix.Close(fd))
}

// offloadsOff are the kernel's names (net/ethtool/common.c, netdev_features_strings) of what makes captured frames
// unlike those on a wire. Transmit checksums are among them: they would be unfinished in the sender's own capture.
var offloadsOff = map[string]bool{
	"tx-checksum-ip-generic":       false,
	"tx-checksum-sctp":             false,
	"tx-generic-segmentation":      false,
	"tx-tcp-segmentation":          false,
	"tx-tcp-ecn-segmentation":      false,
	"tx-tcp-mangleid-segmentation": false,
	"tx-tcp6-segmentation":         false,
	"tx-udp-segmentation":          false,
	"rx-gro":                       false,
}

// openOffload opens the socket that reaches the features of the host whose namespace the calling thread is in.
func (b *builder) openOffload(nd *node) error {
	if b.o.Offload == OffloadOn {
		return nil
	}
	if err := fault.Check("open ethtool socket"); err != nil {
		return fmt.Errorf("open ethtool socket: %w", err)
	}
	e, err := ethtool.NewEthtool()
	if err != nil {
		return fmt.Errorf("open ethtool socket: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offloads[nd.name] = e
	return nil
}

// setOffload turns the offloads of a host's interface off. Switches keep theirs: they only ever pass on what a host sent.
func (b *builder) setOffload(end *topo.Interface) error {
	b.mu.Lock()
	e := b.offloads[end.Node]
	b.mu.Unlock()
	if e == nil {
		return nil
	}
	err := fault.Check("turn offloads off")
	if err == nil {
		err = e.Change(end.Name, offloadsOff)
	}
	if err != nil {
		return fmt.Errorf("turn offloads of %s off: %w", end.Name, err)
	}
	return nil
}

func (b *builder) closeOffloads() {
	for _, e := range b.offloads {
		e.Close()
	}
	b.offloads = nil
}
