package harnesstest

import (
	"fmt"

	"github.com/wireproof/wireproof/harness/topo"
)

// Tree is the topology of part k, for benchmarks: 9 hosts, 7 switches, 15 shaped links.
func Tree() topo.Topo {
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
