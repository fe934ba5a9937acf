package impair

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Every field of LinkParams that impairs has its place in Config, and the two directions, two
// links and two seeds have losses of their own.
func TestForLink(t *testing.T) {
	net := topo.Topo{Seed: 7, IPv6: true}
	net.AddHost("h1", "h2").AddSwitch("s1").AddLink("h1", "s1").AddLink("s1", "h1").AddLink("h2", "s1")
	p := topo.LinkParams{LossPercent: 1, Gilbert: topo.GilbertElliott{PPercent: 2}, Delay: time.Second, Jitter: 3,
		Distribution: topo.Pareto, DuplicatePercent: 4, ReorderPercent: 5, ReorderGap: 6, CorruptPercent: 7, PerFlow: true,
		Drop: []string{"the SYN from h2", "packet 9"}}
	got, err := ForLink(net, 1, false, p)
	want := Config{Seed: 7, Link: "s1-h1#2", Direction: "h1>s1", LossPercent: 1, Gilbert: p.Gilbert, Delay: time.Second, Jitter: 3,
		Distribution: topo.Pareto, DuplicatePercent: 4, ReorderPercent: 5, ReorderGap: 6, CorruptPercent: 7, PerFlow: true,
		Drop: filters(t, p.Drop...), Hosts: map[string][]netip.Addr{
			"h1": {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")},
			"h2": {netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")},
		}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v:\n%+v, want\n%+v", err, got, want)
	}
	if _, err := New(got); err != nil {
		t.Error(err)
	}
	if _, err := ForLink(net, 0, true, topo.LinkParams{Drop: []string{"the SIN"}}); err == nil {
		t.Error("a filter that cannot be read is taken")
	}
	var all [][]uint64
	for seed := range uint64(2) {
		for link := range 3 {
			for _, ab := range []bool{true, false} {
				net.Seed = seed
				c, err := ForLink(net, link, ab, topo.LinkParams{LossPercent: 5})
				if err != nil {
					t.Fatal(err)
				}
				lost := Predict(c, 0, 2000)
				if slices.ContainsFunc(all, func(other []uint64) bool { return slices.Equal(lost, other) }) {
					t.Errorf("seed %d, link %d, ab %v loses what another loses", seed, link, ab)
				}
				all = append(all, lost)
			}
		}
	}
}

func TestActs(t *testing.T) {
	for _, c := range []Config{{LossPercent: 1}, {Gilbert: topo.GilbertElliott{PPercent: 1}}, {Drop: filters(t, "the SYN")}, {Jitter: 1},
		{DuplicatePercent: 1}, {ReorderPercent: 1}, {CorruptPercent: 1}} {
		if !c.Acts() {
			t.Errorf("%+v does not act", c)
		}
	}
	if (Config{Seed: 1, Delay: time.Second, PerFlow: true, Distribution: topo.Normal}).Acts() {
		t.Error("a delay alone acts")
	}
}
