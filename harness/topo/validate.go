package topo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxNodes is how many hosts, and how many switches, a topology can have: the
	// MAC addresses of the interfaces have two bytes for the number of the node.
	maxNodes = 1<<16 - 1
	// tooMany is where the builders stop: Validate refuses the result, and an absurd
	// argument does not fill the memory first.
	tooMany = maxNodes + 1
	// maxPorts is how many links a node can have: a Linux bridge numbers its
	// ports in ten bits and keeps zero (net/bridge/br_private.h, BR_PORT_BITS).
	maxPorts = 1<<10 - 1
	// maxInterfaceName is the kernel's IFNAMSIZ without its final zero.
	maxInterfaceName = 15

	maxDelay = time.Hour
	maxRate  = 1000 * Gbit // far above any veth, and far below where units overflow
	minRate  = 8 * Bit     // the kernel shapes whole bytes per second
	maxQueue = 1<<31 - 1
)

// Validate reports everything that is wrong with t: an error that joins one
// [*Mistake] for each thing (see [Mistakes]), or nil. A Topo that it accepts has
// unique names, interface names, MAC and IP addresses, every part of it is
// reachable from every other, and it loops only if Loops allows it.
func (t Topo) Validate() error {
	var m mistakes
	t.checkNodes(&m)
	t.checkAddresses(&m)
	t.checkLinks(&m)
	t.checkShape(&m)
	return m.err()
}

// goodName reports whether name is a letter, then letters, digits, '_', '.' and '-'.
func goodName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || strings.IndexByte("_.-", c) >= 0)) {
			return false
		}
	}
	return name != ""
}

// reserved are names that mean something else to the kernel, as a bridge of that
// name (net/core/sysctl_net_core.c refuses "all" and "default"), or to /etc/hosts.
var reserved = map[string]string{
	"switch lo":      "the loopback interface has that name",
	"switch all":     "the kernel keeps that name for its settings",
	"switch default": "the kernel keeps that name for its settings",
	"host localhost": "it means the loopback address everywhere",
}

func (t Topo) checkNodes(m *mistakes) {
	ports := make(map[string]int)
	for _, l := range t.Links {
		ports[l.A]++
		ports[l.B]++
	}
	if len(t.Hosts) == 0 {
		m.add("topology", "no host", "add one with AddHost: nothing runs on a switch")
	}
	few := fmt.Sprintf("have at most %d", maxNodes)
	if n := len(t.Hosts); n > maxNodes {
		m.add("topology", fmt.Sprintf("%d hosts", n), few)
	}
	if n := len(t.Switches); n > maxNodes {
		m.add("topology", fmt.Sprintf("%d switches", n), few)
	}
	seen := make(map[string]string)   // name to where
	folded := make(map[string]string) // lower case name to the host that has it
	check := func(kind, name string, firstPort int) {
		where := kind + " " + quoted(name)
		if name == "" {
			m.add(kind, "no name", "name it, such as "+kind[:1]+"1")
			return
		}
		if first, ok := seen[name]; ok {
			m.add(where, "the name is taken by a "+first, "give each node a name of its own")
			return
		}
		seen[name] = kind
		if !goodName(name) {
			m.add(where, "not a name", "use a letter, then letters, digits, '_', '.' and '-'")
		}
		if why, ok := reserved[where]; ok {
			m.add(where, why, "use another name")
		}
		if kind == "host" {
			lower := strings.ToLower(name)
			if other, ok := folded[lower]; ok {
				m.add(where, "differs from host "+quoted(other)+" only in case, and host names resolve in any case", "use another name")
			}
			folded[lower] = name
		}
		if ports[name] == 0 {
			m.add(where, "no link", "link it to something, or leave it out")
		}
		if ports[name] > maxPorts {
			m.add(where, fmt.Sprintf("%d links", ports[name]), fmt.Sprintf("have at most %d, as a bridge does, and spread the rest over more switches", maxPorts))
		}
		longest := name + "-eth" + strconv.Itoa(firstPort+max(ports[name], 1)-1)
		if over := len(longest) - maxInterfaceName; over > 0 {
			m.add(where, fmt.Sprintf("interface name %s has %d bytes, and Linux has room for %d", clip(longest), len(longest), maxInterfaceName),
				fmt.Sprintf("shorten the name by %d", over))
		}
	}
	for _, h := range t.Hosts {
		check("host", h.Name, 0)
	}
	for _, s := range t.Switches {
		check("switch", s.Name, 1)
	}
}

func (t Topo) checkLinks(m *mistakes) {
	hosts := t.hostNames()
	nodes := append(slices.Clone(hosts), t.switchNames()...)
	known := make(map[string]bool, len(nodes))
	for _, name := range nodes {
		known[name] = true
	}
	for _, l := range t.Links {
		where := "link " + quoted(l.A) + "-" + quoted(l.B)
		for _, end := range []string{l.A, l.B} {
			if known[end] {
				continue
			}
			remedy := "there are " + list(legible(nodes))
			if n := nearest(end, nodes); n != "" {
				remedy = "did you mean " + n + "? " + remedy
			}
			m.add(where, "there is no node "+strconv.QuoteToASCII(clip(end)), remedy)
			if l.A == l.B {
				break
			}
		}
		if l.A == l.B {
			m.add(where, "joins a node to itself", "name two nodes")
		}
		if l.Surplus != 0 {
			m.add(where, fmt.Sprintf("%d parameters too many", l.Surplus), "give AddLink one LinkParams, or one for each direction")
		}
		l.AB.check(m, where+", from "+quoted(l.A), hosts)
		if l.AB.Equal(l.BA) {
			continue // one mistake in what holds for both directions is one mistake
		}
		l.BA.check(m, where+", from "+quoted(l.B), hosts)
	}
}

// clip keeps an absurdly long name from filling the error.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
