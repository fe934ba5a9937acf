package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
)

// dot writes hosts as boxes with their address and switches as ellipses; a number at the end of a
// link is the interface's: 2 at s1 is s1-eth2.
func dot(t topo.Topo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph %s {\n", dotText(title(t)))
	b.WriteString("\tgraph [nodesep=0.5 ranksep=0.9]\n")
	b.WriteString("\tnode [fontname=\"Helvetica\" fontsize=12 style=filled]\n")
	b.WriteString("\tedge [fontname=\"Helvetica\" fontsize=10 labelfontsize=8 labelfontcolor=gray40]\n\n")
	for _, s := range t.Switches {
		fmt.Fprintf(&b, "\t%s [shape=ellipse fillcolor=\"#dce9f7\"]\n", dotText(s.Name))
	}
	for _, h := range t.Hosts {
		address, _ := t.HostAddr(h.Name)
		fmt.Fprintf(&b, "\t%s [shape=box fillcolor=\"#fdf3d8\" label=%s]\n", dotText(h.Name), dotText(h.Name, address.String()))
	}
	b.WriteByte('\n')
	ends := t.Interfaces()
	for i, l := range t.Links {
		near, far := ends[2*i], ends[2*i+1]
		// Graphviz puts the first node of an edge above the second: a host belongs below its switch.
		if isHost(t, near.Node) && !isHost(t, far.Node) {
			near, far = far, near
		}
		fmt.Fprintf(&b, "\t%s -- %s [taillabel=%q headlabel=%q", dotText(near.Node), dotText(far.Node), port(near), port(far))
		if lines := label(l); lines != nil {
			fmt.Fprintf(&b, " label=%s", dotText(lines...))
		}
		b.WriteString("]\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// port is an interface's number, left out where it tells nothing: a host's first.
func port(i topo.Interface) string {
	if i.Port == 0 {
		return ""
	}
	return strconv.Itoa(i.Port)
}

func isHost(t topo.Topo, node string) bool {
	_, ok := t.HostAddr(node)
	return ok
}

// dotText is a quoted string of some lines. A newline is the two characters \n there, so a backslash is doubled.
func dotText(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(line)
	}
	return `"` + strings.Join(escaped, `\n`) + `"`
}
