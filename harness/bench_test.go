package harness_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// partK is the tree of part k: 9 hosts, 7 switches, 15 shaped links.
func partK() topo.Topo {
	rate := func(mbit int) topo.LinkParams { return topo.LinkParams{Rate: topo.BitRate(mbit) * topo.Mbit} }
	t := topo.Topo{Name: "k"}
	t.AddHost("H", "I", "J", "K", "L", "M", "N", "O", "S").AddSwitch("s1", "s2", "s3", "s4", "s5", "s6", "s7")
	t.AddLink("s1", "s2", rate(1000)).AddLink("s1", "s3", rate(1000))
	t.AddLink("s2", "s4", rate(500)).AddLink("s2", "s5", rate(500)).AddLink("s3", "s6", rate(500)).AddLink("s3", "s7", rate(500))
	t.AddLink("S", "s1", rate(1000))
	for i, h := range []string{"H", "I", "J", "K", "L", "M", "N", "O"} {
		t.AddLink(h, fmt.Sprintf("s%d", 4+i/2), rate(250))
	}
	return t
}

// BenchmarkUp brings a network up; the time to take it down is reported apart. The kernel ends namespaces in the
// background, and the next network waits for it: that is part of the figure.
func BenchmarkUp(b *testing.B) {
	for _, t := range []topo.Topo{topo.Single(2), partK(), topo.Single(500)} {
		b.Run(fmt.Sprintf("%s-%dhosts", t.Name, len(t.Hosts)), func(b *testing.B) {
			harnesstest.Require(b, "root")
			var up, down time.Duration
			for b.Loop() {
				begin := time.Now()
				n, err := harness.Start(context.Background(), t, nil)
				if err != nil {
					b.Fatal(err)
				}
				up += time.Since(begin)
				begin = time.Now()
				if err := n.Close(); err != nil {
					b.Fatal(err)
				}
				down += time.Since(begin)
			}
			b.ReportMetric(float64(up.Microseconds())/1000/float64(b.N), "up-ms")
			b.ReportMetric(float64(down.Microseconds())/1000/float64(b.N), "down-ms")
		})
	}
}

// mininetScript brings a tree up in real Mininet, says how many seconds it took, waits for a line, and stops what it
// started. The tree is its first line of input. The switches are Linux bridges made with ip(8): Mininet's own LinuxBridge
// wants brctl, and its default an Open vSwitch daemon that runs.
const mininetScript = `
import json, sys, time
from mininet.net import Mininet
from mininet.node import Switch
from mininet.link import TCLink
from mininet.log import setLogLevel
setLogLevel('error')
class Bridge(Switch):
    def start(self, controllers):
        self.cmd('ip link add', self.name, 'type bridge forward_delay 0')
        for i in self.intfList():
            if self.name in i.name: self.cmd('ip link set dev', i.name, 'up master', self.name)
        self.cmd('ip link set dev', self.name, 'up')
    def stop(self, deleteIntfs=True):
        self.cmd('ip link del dev', self.name)
        super().stop(deleteIntfs)
t = json.loads(sys.stdin.readline())
begin = time.time()
net = Mininet(switch=Bridge, controller=None, link=TCLink, autoSetMacs=True)
try:
    for h in t['hosts']: net.addHost(h)
    for s in t['switches']: net.addSwitch(s)
    for a, b, bw in t['links']: net.addLink(a, b, bw=bw)
    net.start()
    print('up %f' % (time.time() - begin), flush=True)
    sys.stdin.readline()
finally:
    net.stop()
`

// BenchmarkMininet reports how many times longer real Mininet takes for the tree of part k than this package, both
// brought up in turn. Mininet's interfaces are in the machine's own namespace while it runs.
func BenchmarkMininet(b *testing.B) {
	harnesstest.Require(b, "root", "mininet")
	python, err := harness.MininetPython(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	t := partK()
	var ours, theirs float64
	for b.Loop() {
		begin := time.Now()
		n, err := harness.Start(context.Background(), t, nil)
		if err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin).Seconds()
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
		theirs += mininetUp(b, python, t)
	}
	b.ReportMetric(ours/float64(b.N), "ours-s")
	b.ReportMetric(theirs/float64(b.N), "mininet-s")
	b.ReportMetric(theirs/ours, "times-faster")
}

// mininetUp is how many seconds Mininet takes to bring t up.
func mininetUp(b *testing.B, python string, t topo.Topo) (seconds float64) {
	var s strings.Builder
	list := func(names []string) string { return `["` + strings.Join(names, `","`) + `"]` }
	var hosts, switches, links []string
	for _, h := range t.Hosts {
		hosts = append(hosts, h.Name)
	}
	for _, sw := range t.Switches {
		switches = append(switches, sw.Name)
	}
	for _, l := range t.Links {
		links = append(links, fmt.Sprintf(`["%s","%s",%d]`, l.A, l.B, l.AB.Rate/topo.Mbit))
	}
	fmt.Fprintf(&s, `{"hosts":%s,"switches":%s,"links":[%s]}`+"\n", list(hosts), list(switches), strings.Join(links, ","))

	c := exec.Command(python, "-c", mininetScript)
	var errs strings.Builder
	c.Stderr = &errs
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	io.WriteString(in, s.String())
	line, readErr := bufio.NewReader(out).ReadString('\n')
	in.Close() // it stops now
	if err := c.Wait(); err != nil {
		b.Fatalf("mininet: %v\n%s", err, errs.String())
	}
	if _, err := fmt.Sscanf(line, "up %f\n", &seconds); err != nil {
		b.Fatalf("mininet says %q: %v, %v", line, readErr, err)
	}
	return seconds
}
