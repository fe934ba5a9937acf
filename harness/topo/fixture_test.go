package topo_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/wireproof/wireproof/harness/topo"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares got with testdata/name, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func bw(mbit BitRate) LinkParams { return LinkParams{Rate: mbit * Mbit} }

// tree is the topology of part k: one server at the root, two hosts on each
// switch of the lowest level.
func tree() Topo {
	t := Topo{Name: "k"}
	t.AddSwitch("s1", "s2", "s3", "s4", "s5", "s6", "s7")
	t.AddHost("S", "H", "I", "J", "K", "L", "M", "N", "O")
	t.AddLink("s1", "s2", bw(1000)).AddLink("s1", "s3", bw(1000))
	t.AddLink("s2", "s4", bw(500)).AddLink("s2", "s5", bw(500))
	t.AddLink("s3", "s6", bw(500)).AddLink("s3", "s7", bw(500))
	t.AddLink("S", "s1", bw(1000))
	for _, l := range [][2]string{
		{"H", "s4"}, {"I", "s4"}, {"J", "s5"}, {"K", "s5"}, {"L", "s6"}, {"M", "s6"}, {"N", "s7"}, {"O", "s7"},
	} {
		t.AddLink(l[0], l[1], bw(250))
	}
	return t
}

// servers is part l: the tree with two more servers.
func servers() Topo {
	t := tree()
	t.Name = "l"
	t.AddHost("S1", "S2").AddLink("S1", "s6", bw(1000)).AddLink("S2", "s7", bw(1000))
	return t
}

// loop is part m: the servers, and a link that closes a loop.
func loop() Topo {
	t := servers()
	t.Name = "m"
	t.Loops = LoopsSpanningTree
	t.AddLink("s2", "s3", bw(500))
	return t
}

// good is every topology here that Validate accepts, by name.
func good() map[string]Topo {
	all := map[string]Topo{
		"pair":        Pair(),
		"single-1":    Single(1),
		"single-6":    Single(6),
		"single-500":  Single(500),
		"linear-0":    Linear(0, LinkParams{}),
		"linear-1":    Linear(1, LinkParams{Rate: Gbit, Delay: time.Millisecond, LossPercent: 5}),
		"linear-8":    Linear(8, bw(1000)),
		"linear-30":   Linear(30, LinkParams{Delay: 1500 * time.Microsecond}),
		"tree-3-2":    Tree(3, 2, bw(100)),
		"tree-12-1":   Tree(12, 1, LinkParams{}),
		"part-k":      tree(),
		"part-l":      servers(),
		"part-m":      loop(),
		"tree-8-2":    Tree(8, 2, LinkParams{Rate: 10 * Gbit, MaxQueue: 100}),
		"asymmetric":  asymmetric(),
		"storm":       loop(),
		"multihomed":  multihomed(),
		"caterpillar": caterpillar(),
	}
	storm := all["storm"]
	storm.Name, storm.Loops = "storm", LoopsStorm
	all["storm"] = storm
	return all
}

// asymmetric is a subscriber line: fast down, slow up, and addresses of its own.
func asymmetric() Topo {
	t := Topo{Name: "line", IPv6: true}
	t.AddHost("home", "office", "mobile").AddSwitch("isp")
	t.AddLink("home", "isp", LinkParams{Rate: 2500 * Kbit, Delay: 20 * time.Millisecond}, bw(25))
	t.AddLink("isp", "office", bw(1000))
	t.AddLink("mobile", "isp", LinkParams{LossPercent: 0.5})
	return t
}

// multihomed has a host with two links, two switches with two links between
// them, and a ring that goes through a host and so is no loop.
func multihomed() Topo {
	t := Topo{Name: "multihomed", Loops: LoopsSpanningTree}
	t.AddHost("h1", "h2", "h3").AddSwitch("s1", "s2")
	t.AddLink("h1", "s1").AddLink("h1", "s2", LinkParams{Delay: time.Second})
	t.AddLink("s1", "s2").AddLink("s1", "s2").AddLink("h2", "s2").AddLink("h2", "h3")
	return t
}

// caterpillar is a tree too deep to be drawn to the right.
func caterpillar() Topo {
	t := Linear(14, bw(10))
	t.Name = "caterpillar"
	t.AddHost("h3", "h4").AddLink("h3", "s2", bw(10)).AddLink("h4", "s5", LinkParams{Rate: 20 * Mbit, Delay: time.Millisecond})
	return t
}
