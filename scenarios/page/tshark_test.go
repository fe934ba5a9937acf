package page

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// The commands on the page run as they stand there, in the page's folder, and show the same.
func TestTsharkCommands(t *testing.T) {
	harnesstest.Require(t, "tshark")
	f := newFixture(t, t.TempDir(), topo.Single(3))
	f.connect("h3", 40003, []string{"b"}, 50)
	f.connect("h2", 40002, []string{"a"}, 250)
	f.keep()
	c := f.r.Connections[1]
	want := map[string]int{"packets": int(c.Segments - f.r.Connections[0].Segments), "time and sequence": int(c.Segments - f.r.Connections[0].Segments), "sent again": 2}
	for _, command := range tsharkCommands("h1-eth0.pcap", "", c) {
		run := exec.CommandContext(t.Context(), "sh", "-c", command.Text)
		run.Dir = f.dir
		out, err := run.Output()
		if err != nil {
			t.Errorf("%s: %v", command.Text, err)
		}
		lines := strings.Count(string(out), "\n")
		if n, ok := want[command.What]; ok && lines != n || lines == 0 {
			t.Errorf("%s shows %d lines, want %d", command.Text, lines, n)
		}
	}
	for _, kept := range f.r.kepts() {
		for _, command := range kept.Commands {
			run := exec.CommandContext(t.Context(), "sh", "-c", command)
			run.Dir = f.dir
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", command, err, out)
			}
		}
	}
}
