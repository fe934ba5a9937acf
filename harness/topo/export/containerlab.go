package export

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// containerlabImage has ip and tc, and runs until it is stopped.
const containerlabImage = "wbitt/network-multitool:alpine-extra"

// containerlab writes a topology file in which every node is a Linux container without a network of the machine: a host has
// its address, a switch is a bridge inside its container. (Containerlab's own kind "bridge" wants a bridge that is on the
// machine already.) What a link does is netem's, at both ends, as tc(8) takes it.
func containerlab(t topo.Topo) string {
	var b strings.Builder
	b.WriteString("# sudo containerlab deploy --topo FILE\n")
	exec := map[string][]string{}
	var lost []string
	for _, s := range t.Switches {
		exec[s.Name] = []string{"ip link add name " + bridgeName + bridgeType(t.Loops), "ip link set " + bridgeName + " up"}
	}
	ends := t.Interfaces()
	for _, e := range ends {
		add := func(format string, a ...any) { exec[e.Node] = append(exec[e.Node], fmt.Sprintf(format, a...)) }
		add("ip link set %s address %s", e.Name, e.MAC)
		if e.Addr.IsValid() {
			add("ip addr add %s dev %s", e.Addr, e.Name)
		}
		if e.Addr6.IsValid() {
			add("ip addr add %s dev %s nodad", e.Addr6, e.Name)
		}
		if !isHost(t, e.Node) {
			add("ip link set %s master %s", e.Name, bridgeName)
		}
		add("ip link set %s up", e.Name)
		args, without := netem(e.Send)
		if args != "" {
			add("tc qdisc replace dev %s root netem%s", e.Name, args)
		}
		if without != "" {
			lost = append(lost, fmt.Sprintf("%s: %s", e.Name, without))
		}
	}
	for _, l := range lost {
		fmt.Fprintf(&b, "# not in this file, as tc has no word for it: %s\n", l)
	}
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults:\n    kind: linux\n    image: %s\n    network-mode: none\n  nodes:\n", yamlText(title(t)), containerlabImage)
	node := func(name string) {
		fmt.Fprintf(&b, "    %s:\n      exec:\n", yamlText(name))
		for _, command := range exec[name] {
			fmt.Fprintf(&b, "        - %s\n", command)
		}
	}
	for _, h := range t.Hosts {
		node(h.Name)
	}
	for _, s := range t.Switches {
		node(s.Name)
	}
	b.WriteString("  links:\n")
	for i := range t.Links {
		x, y := ends[2*i], ends[2*i+1]
		fmt.Fprintf(&b, "    - endpoints: [%s, %s]\n", yamlText(x.Node+":"+x.Name), yamlText(y.Node+":"+y.Name))
	}
	return b.String()
}

const bridgeName = "bridge"

// bridgeType is the rest of an ip-link(8) command that makes a bridge; forward_delay is in hundredths of a second.
func bridgeType(l topo.Loops) string {
	if l == topo.LoopsSpanningTree {
		return " type bridge stp_state 1 forward_delay 200"
	}
	return " type bridge"
}

// netem is p as arguments of tc-netem(8), and in words what tc cannot do.
func netem(p topo.LinkParams) (args, without string) {
	share := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) + "%" }
	add := func(s string) { args += " " + s }
	if p.MaxQueue > 0 {
		add("limit " + strconv.Itoa(p.MaxQueue))
	}
	if p.Delay > 0 {
		add("delay " + microseconds(p.Delay))
		if p.Jitter > 0 {
			add(microseconds(p.Jitter))
			if p.Distribution != "" && p.Distribution != topo.Uniform {
				add("distribution " + string(p.Distribution))
			}
		}
	}
	switch g := p.Gilbert; {
	case g.PPercent > 0:
		add(fmt.Sprintf("loss gemodel %s %s %s %s", share(g.PPercent), share(g.R()), share(100-g.HPercent), share(g.KLossPercent)))
	case p.LossPercent > 0:
		add("loss random " + share(p.LossPercent))
	}
	if p.CorruptPercent > 0 {
		add("corrupt " + share(p.CorruptPercent))
	}
	if p.DuplicatePercent > 0 {
		add("duplicate " + share(p.DuplicatePercent))
	}
	if p.ReorderPercent > 0 {
		add("reorder " + share(p.ReorderPercent))
		if p.ReorderGap > 0 {
			add("gap " + strconv.Itoa(p.ReorderGap))
		}
	}
	if p.Rate > 0 {
		add(fmt.Sprintf("rate %dbit", int64(p.Rate)))
	}
	rest := topo.LinkParams{Drop: p.Drop, MaxQueueBytes: p.MaxQueueBytes, ECNThreshold: p.ECNThreshold, MTU: p.MTU,
		Trace: p.Trace, Schedule: p.Schedule, PerFlow: p.PerFlow}
	if p.Gilbert.PPercent > 0 {
		rest.LossPercent = p.LossPercent // netem has one model of loss at a time
	}
	if rest.Shaped() {
		without = rest.String()
	}
	return args, without
}

// microseconds is the finest unit of tc(8).
func microseconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Round(float64(d)/float64(time.Microsecond))), 10) + "us"
}

// yamlText quotes a string: y and no are booleans to some readers of YAML. JSON's strings are YAML's (yaml.org, 1.2).
func yamlText(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}
