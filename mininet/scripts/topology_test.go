package scripts_test

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/mininet/importer"
	"github.com/wireproof/wireproof/mininet/scripts"
	"github.com/wireproof/wireproof/scenarios"
)

// What the importer reads is the topology that was written.
func TestTopologyReadsBack(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3: apt-get install python3")
	}
	all, err := scenarios.Select([]string{"all"}, scenarios.Params{})
	if err != nil {
		t.Fatal(err)
	}
	topos := map[string]topo.Topo{"tree": topo.Tree(3, 4, topo.LinkParams{Rate: topo.Mbit}), "pair": topo.Pair()}
	for _, s := range all {
		if s.Topo.Loops != topo.LoopsStorm {
			topos[s.Part] = s.Topo
		}
	}
	odd := topo.Topo{Name: `1 "odd""" \ name`}
	odd.AddHost("h1", "h2").AddSwitch("s1")
	odd.Hosts[1].Addr = netip.MustParsePrefix("10.1.2.3/8")
	odd.AddLink("h1", "s1", topo.LinkParams{Rate: 16_384 * topo.Kbit, Delay: 1500 * time.Microsecond, Jitter: 250 * time.Microsecond},
		topo.LinkParams{LossPercent: 0.125, MaxQueue: 7}).AddLink("s1", "h2").AddLink("h1", "h2", topo.LinkParams{}, topo.LinkParams{Rate: topo.Mbit})
	topos["odd"] = odd
	for name, want := range topos {
		text, err := scripts.Topology(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := filepath.Join(t.TempDir(), name+".py")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := importer.Import(t.Context(), file, importer.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.Notes) != 0 {
			t.Errorf("%s: %v", name, got.Notes)
		}
		got.Topo.Name, got.Topo.Seed = want.Name, want.Seed
		if !reflect.DeepEqual(inOrder(got.Topo), inOrder(want)) {
			t.Errorf("%s: got\n%v\nwant\n%v\nfrom\n%s", name, got.Topo, want, text)
		}
	}
}

// inOrder has hosts and switches in the order of their interfaces' addresses, which is what numbers them.
func inOrder(t topo.Topo) []any {
	t = t.Clone()
	hosts, switches := map[string]topo.Host{}, map[string]bool{}
	for _, h := range t.Hosts {
		hosts[h.Name] = h
	}
	for _, s := range t.Switches {
		switches[s.Name] = true
	}
	return []any{hosts, switches, t.Links, t.Interfaces(), t.Loops}
}

func TestTopologyThatMininetCannot(t *testing.T) {
	t1 := topo.Topo{Name: "t", IPv6: true}
	t1.AddHost("h1", "h2").AddLink("h1", "h2", topo.LinkParams{Drop: []string{"the SYN"}}, topo.LinkParams{Rate: 10 * topo.Gbit})
	_, err := scripts.Topology(t1)
	if !errors.Is(err, mininet.ErrCannot) {
		t.Fatal(err)
	}
	for _, want := range []string{"IPv6", "link h1-h2: drop=the SYN", "rate 10Gbit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
