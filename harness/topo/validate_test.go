package topo_test

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestValidateAccepts(t *testing.T) {
	for name, topo := range good() {
		if err := topo.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Everything that can be wrong, in one topology, and the whole text of it.
func TestValidateEverythingAtOnce(t *testing.T) {
	host := func(name, addr string) Host {
		p, err := netip.ParsePrefix(addr)
		if err != nil {
			t.Fatal(err)
		}
		return Host{name, p}
	}
	bad := Topo{Name: "bad", Loops: LoopsRefused}
	bad.AddHost("h1", "h1", "", "9lives", "H1", "lonely", "averylonghostname", "localhost")
	bad.Hosts = append(bad.Hosts,
		host("zero", "0.1.2.3/8"), host("loop", "127.0.0.1/8"), host("multi", "224.0.0.1/8"),
		host("six", "fd00::1/64"), host("tiny", "10.0.0.9/31"), host("net", "10.0.0.0/8"),
		host("all", "10.255.255.255/8"), host("twice", "10.0.0.5/8"), host("away", "192.168.1.1/24"),
		Host{"wrong", netip.PrefixFrom(netip.MustParseAddr("10.0.0.1"), 99)},
	)
	bad.AddSwitch("s1", "s2", "s3", "h1", "lo", "all", "default", "s 4", "x1", "x2")
	for _, h := range bad.Hosts {
		if h.Name != "lonely" && h.Name != "" {
			bad.AddLink(h.Name, "s1")
		}
	}
	bad.AddLink("s1", "s2").AddLink("s2", "s3").AddLink("s3", "s1").AddLink("s3", "s2")
	bad.AddLink("lo", "s1").AddLink("default", "s1").AddLink("s 4", "s1").AddLink("x1", "x2")
	bad.AddLink("s1", "s1").AddLink("h2", "s9").AddLink("nobody", "nobody").AddLink("S2", "h1")
	bad.AddLink("h1", "s2", LinkParams{}, LinkParams{}, LinkParams{}, LinkParams{})
	bad.AddLink("h1", "s2", LinkParams{Rate: -1, Delay: -1, LossPercent: -1, MaxQueue: -1})
	bad.AddLink("h1", "s2", LinkParams{Rate: 7}, LinkParams{Rate: 1001 * Gbit, Delay: time.Hour + 1, LossPercent: 100.5, MaxQueue: 1 << 31})
	bad.AddLink("h1", "s2", LinkParams{LossPercent: math.NaN()})
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	golden(t, "mistakes.txt", err.Error()+"\n")
	bad.Loops = 7
	if err := bad.Validate(); !strings.Contains(err.Error(), "Loops(7) is unknown") {
		t.Errorf("unknown Loops is not reported in %v", err)
	}
	for _, m := range Mistakes(err) {
		if m.Where == "" || m.What == "" || m.Remedy == "" {
			t.Errorf("%+v lacks a part", m)
		}
	}
	if got, want := len(Mistakes(fmt.Errorf("start bad: %w", err))), strings.Count(err.Error(), "\n")+1; got != want {
		t.Errorf("%d mistakes come out of a wrapped error, and its text has %d", got, want)
	}
	if m := (*Mistake)(nil); !errors.As(err, &m) {
		t.Errorf("%T does not unwrap to a *Mistake", err)
	}
	if got := Mistakes(errors.New("other")); got != nil {
		t.Errorf("mistakes in an error without any: %v", got)
	}
}

// Each limit holds exactly: the last value that fits is accepted, the next refused.
func TestValidateLimits(t *testing.T) {
	link := func(p LinkParams) Topo {
		topo := Topo{}
		topo.AddHost("h1", "h2").AddLink("h1", "h2", p)
		return topo
	}
	named := func(name string) Topo {
		topo := Topo{}
		topo.AddHost("h1", name).AddLink("h1", name)
		return topo
	}
	for _, c := range []struct {
		limit     string
		good, bad Topo
	}{
		{"rate from", link(LinkParams{Rate: 8}), link(LinkParams{Rate: 7})},
		{"rate to", link(LinkParams{Rate: 1000 * Gbit}), link(LinkParams{Rate: 1000*Gbit + 1})},
		{"delay from", link(LinkParams{Delay: 1}), link(LinkParams{Delay: -1})},
		{"delay to", link(LinkParams{Delay: time.Hour}), link(LinkParams{Delay: time.Hour + 1})},
		{"loss to", link(LinkParams{LossPercent: 100}), link(LinkParams{LossPercent: 100.0001})},
		{"queue to", link(LinkParams{MaxQueue: 1<<31 - 1}), link(LinkParams{MaxQueue: 1 << 31})},
		{"interface name", named("abcdefghij"), named("abcdefghijk")}, // and "-eth0"
		{"ports", Single(1023), Single(1024)},
		{"loop", Tree(2, 2, LinkParams{}), *ptr(Tree(2, 2, LinkParams{})).AddLink("s2", "s3")},
		{"parts", Pair(), *ptr(Pair()).AddHost("h3", "h4").AddLink("h3", "h4")},
		{"no host", Pair(), Topo{}},
		{"one host", Single(1), *new(Topo).AddHost("h1")},
		{"absurd", Single(1), Tree(1<<40, 1<<40, LinkParams{})},
		{"absurd chain", Linear(-5, LinkParams{}), Linear(1<<40, LinkParams{})},
	} {
		if err := c.good.Validate(); err != nil {
			t.Errorf("%s: within the limit: %v", c.limit, err)
		}
		if c.bad.Validate() == nil {
			t.Errorf("%s: beyond the limit: accepted", c.limit)
		}
	}
}

func ptr(t Topo) *Topo { return &t }
