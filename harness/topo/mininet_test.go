package topo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/wireproof/wireproof/harness/topo"
)

// The names, ports and addresses of Mininet itself, asked of mininet.topo, which
// is as pure as this package: no network is started, and no privilege needed.
const askMininet = `
import json, sys
from mininet.link import Link
from mininet.topo import Topo, SingleSwitchTopo
from mininet.topolib import TreeTopo
from mininet.util import ipAdd, macColonHex

class Node:
    def __init__(self, name): self.name = name

def answer(topo, links):
    hosts = topo.hosts()
    name = lambda node, port: Link.intfName(object(), Node(node), port)
    return {
        "hosts": hosts, "switches": topo.switches(),
        "ips": [ipAdd(n + 1, ipBaseNum=0x0a000000, prefixLen=8) for n in range(len(hosts))],
        "macs": [macColonHex(n + 1) for n in range(len(hosts))],
        "links": [[name(i["node1"], i["port1"]), name(i["node2"], i["port2"])] for i in links],
    }

def info(topo): return [i for _, _, i in topo.iterLinks(withInfo=True)]

answers = []
for wanted in json.load(sys.stdin):
    topo, links = Topo(), []
    for h in wanted["hosts"]: topo.addHost(h["name"])
    for s in wanted.get("switches", []): topo.addSwitch(s["name"])
    for l in wanted["links"]:
        key = topo.addLink(l["a"], l["b"])
        links.append(topo.linkInfo(l["a"], l["b"], key))
    answers.append(answer(topo, links))
for topo in SingleSwitchTopo(6), TreeTopo(3, 2), TreeTopo(2, 5):
    answers.append(answer(topo, info(topo)))
json.dump(answers, sys.stdout)
`

type mininetAnswer struct {
	Hosts, Switches, IPs, MACs []string
	Links                      [][2]string
}

// mininet runs a program of Python that imports mininet, or skips the test.
func mininet(t *testing.T, program string, in []byte) []byte {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3", "/usr/local/bin/python3"} {
		if exec.Command(python, "-c", "import mininet.topo").Run() != nil {
			continue
		}
		cmd := exec.Command(python, "-c", program)
		cmd.Stdin = bytes.NewReader(in)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", python, err, stderr.Bytes())
		}
		return out
	}
	if slices.Contains(strings.Split(os.Getenv("WIREPROOF_REQUIRE"), ","), "mininet") {
		t.Fatal("no python3 here can import mininet, and WIREPROOF_REQUIRE says it must: apt-get install mininet")
	}
	t.Skip("no python3 here can import mininet: apt-get install mininet")
	return nil
}

func TestMininet(t *testing.T) {
	asked := []Topo{servers(), loop(), multihomed(), Linear(12, LinkParams{}), Single(300), Pair()}
	r := rand.New(rand.NewPCG(8, 15))
	for range 200 {
		asked = append(asked, random(r))
	}
	in, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	var answers []mininetAnswer
	if err := json.Unmarshal(mininet(t, askMininet, in), &answers); err != nil {
		t.Fatal(err)
	}
	// What Mininet builds by itself comes after what was asked, and in an order
	// of links that is not the one in which they were added.
	for i, topo := range append(asked, Single(6), Tree(3, 2, LinkParams{}), Tree(2, 5, LinkParams{})) {
		want, got := answers[i], ours(topo)
		if i >= len(asked) {
			slices.SortFunc(want.Links, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
			slices.SortFunc(got.Links, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("topology %d, %s, is not as in Mininet (-Mininet +ours):\n%s", i, topo.Name, diff)
		}
	}
}

// ours answers as the program does, from Interfaces alone: hosts in the order
// of their addresses, switches in that of theirs.
func ours(topo Topo) mininetAnswer {
	type node struct {
		name, ip, mac string
		key           []byte
	}
	var hosts, switches []node
	seen := map[string]bool{}
	got := mininetAnswer{Switches: []string{}, Links: [][2]string{}}
	for n, i := range topo.Interfaces() {
		if n%2 == 0 {
			got.Links = append(got.Links, [2]string{i.Name, i.PeerName})
		}
		switch {
		case seen[i.Node]:
		case i.Addr != netip.Prefix{}:
			hosts = append(hosts, node{i.Node, i.Addr.Addr().String(), i.MAC.String(), i.Addr.Addr().AsSlice()})
		default:
			switches = append(switches, node{name: i.Node, key: i.MAC})
		}
		seen[i.Node] = true
	}
	byKey := func(a, b node) int { return bytes.Compare(a.key, b.key) }
	slices.SortFunc(hosts, byKey)
	slices.SortFunc(switches, byKey)
	for _, h := range hosts {
		mac, _ := net.ParseMAC(h.mac)
		got.Hosts, got.IPs, got.MACs = append(got.Hosts, h.name), append(got.IPs, h.ip), append(got.MACs, mac.String())
	}
	for _, s := range switches {
		got.Switches = append(got.Switches, s.name)
	}
	return got
}

// random makes a topology whose names are hard to order, and whose nodes all have a link.
func random(r *rand.Rand) Topo {
	pieces := []string{"h", "H", "s", "a", "-", "_", ".", "0", "00", "1", "2", "10", "9", "h1"}
	taken := map[string]bool{}
	name := func() string {
		for {
			s := string("hSx"[r.IntN(3)])
			for range r.IntN(4) {
				s += pieces[r.IntN(len(pieces))]
			}
			if !taken[s] {
				taken[s] = true
				return s
			}
		}
	}
	topo := Topo{Name: fmt.Sprint("random ", len(pieces))}
	var nodes []string
	for range 2 + r.IntN(20) {
		nodes = append(nodes, name())
		if r.IntN(3) == 0 {
			topo.AddSwitch(nodes[len(nodes)-1])
		} else {
			topo.AddHost(nodes[len(nodes)-1])
		}
	}
	topo.AddHost("anchor")
	r.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	for i, n := range nodes {
		topo.AddLink(n, append(nodes[:i:i], "anchor")[r.IntN(i+1)])
	}
	for range r.IntN(10) {
		if a, b := nodes[r.IntN(len(nodes))], nodes[r.IntN(len(nodes))]; a != b {
			topo.AddLink(a, b)
		}
	}
	if !slices.ContainsFunc(topo.Links, func(l Link) bool { return l.A == "anchor" || l.B == "anchor" }) {
		topo.AddLink("anchor", nodes[0])
	}
	return topo
}
