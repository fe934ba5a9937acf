package harness

import (
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// When a triangle of switches is settled, and when it is not.
func TestSettled(t *testing.T) {
	triangle := topo.Topo{Loops: topo.LoopsSpanningTree}
	triangle.AddSwitch("s1", "s2", "s3").AddLink("s1", "s2").AddLink("s2", "s3").AddLink("s3", "s1")
	states := map[byte]rtnl.PortState{'f': rtnl.PortForwarding, 'b': rtnl.PortBlocking, 'l': rtnl.PortListening}
	for _, c := range []struct{ name, ports, roots, want string }{ // a port each, '-' is down; a root each
		{"one end blocks", "ff fb ff", "111", ""},
		{"nobody has heard of the others", "ff ff ff", "123", "closes a loop"},
		{"a loop forwards", "ff ff ff", "111", "closes a loop"},
		{"still listening", "ff lb ff", "111", "s2-eth2 is listening"},
		{"cut in two", "ff fb bf", "111", "no forwarding links from s3 to s1"},
		{"roots differ", "ff fb ff", "112", "s3 and s1 do not agree on the root"},
		{"a link is down", "ff -- ff", "111", ""},
		{"a switch is alone", "ff -- --", "113", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ports := make(map[int]rtnl.Link)
			for i, p := range strings.ReplaceAll(c.ports, " ", "") {
				ports[i] = rtnl.Link{Running: p != '-', Port: states[byte(p)]}
			}
			roots := make(map[string][8]byte)
			for i, s := range triangle.Switches {
				roots[s.Name] = [8]byte{c.roots[i]}
			}
			err := settled(triangle, triangle.Interfaces(), ports, roots)
			switch {
			case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
