package harness_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// All that an engine cannot do is told at once, with what can, before anything is made.
func TestEngineRefused(t *testing.T) {
	harnesstest.Require(t, "root", "bpf")
	tt := topo.Topo{Name: "bad"}
	tt.AddHost("h1", "h2").AddSwitch("s1")
	tt.AddLink("h1", "s1", topo.LinkParams{Delay: time.Millisecond, LossPercent: 1}, topo.LinkParams{Rate: topo.Mbit})
	tt.AddLink("s1", "h2", topo.LinkParams{}, topo.LinkParams{MTU: 1400, LossPercent: 1})
	_, err := harness.Start(context.Background(), tt, &harness.Options{
		Engine: harness.EngineHTB, Engines: map[string]harness.Engine{"h2-s1": harness.EngineBPF, "h1-h9": harness.EngineUser},
	})
	if !errors.Is(err, harness.ErrEngine) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"link h1-s1: engine htb cannot do delay=1ms, loss=1% of h1-eth0: use engine ",
		"link s1-h2: engine bpf cannot do mtu=1400 of h2-eth0: use engine user, or leave it out",
		`no link "h1-h9": there are h1-s1, s1-h2`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	var e *harness.EngineError
	if !errors.As(err, &e) || e.Link == "" {
		t.Errorf("no EngineError: %v", err)
	}
	n := harnesstest.Start(t, chain(topo.LinkParams{Rate: topo.Mbit}), nil)
	link := n.Link("h1", "s1")
	if err := link.Set(&topo.LinkParams{Delay: time.Millisecond}, nil); !errors.Is(err, harness.ErrEngine) || !strings.Contains(err.Error(), "link h1-s1: set: ") {
		t.Errorf("set: %v", err)
	}
	if err := link.Set(nil, &topo.LinkParams{LossPercent: 101}); len(topo.Mistakes(err)) != 1 {
		t.Errorf("set: %v", err)
	}
	if _, err := link.DropNext("the SYN"); !errors.Is(err, harness.ErrEngine) {
		t.Errorf("drop next: %v", err)
	}
	if _, err := link.Drops(); !errors.Is(err, harness.ErrEngine) {
		t.Errorf("drops: %v", err)
	}
	// What htb can change it changes: to another rate, to none, and back.
	for _, rate := range []topo.BitRate{20 * topo.Mbit, 0, 10 * topo.Mbit} {
		if err := link.Set(&topo.LinkParams{Rate: rate}, &topo.LinkParams{Rate: rate}); err != nil {
			t.Fatal(err)
		}
		want := "htb"
		if rate == 0 {
			want = "none"
		}
		if s := stats(t, link); s.A.Engine != want || (s.A.Qdisc.Kind == "htb") != (rate != 0) {
			t.Errorf("at %v: %+v", rate, s.A)
		}
	}
}

// TCP's settings are pinned, and told.
func TestTCPSettings(t *testing.T) {
	for _, c := range []struct {
		params topo.LinkParams
		ecn    string
	}{{topo.LinkParams{}, "0"}, {topo.LinkParams{Rate: topo.Mbit, ECNThreshold: 10}, "1"}} {
		n := harnesstest.Start(t, chain(c.params), nil)
		got, err := n.Host("h2").TCP()
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{
			"congestion": "cubic", "initcwnd": "10", "tcp_ecn": c.ecn, "tcp_sack": "1", "tcp_timestamps": "1",
			"tcp_no_metrics_save": "1", "tcp_rmem": "4096 131072 6291456", "tcp_wmem": "4096 16384 4194304",
		} {
			if got[key] != want {
				t.Errorf("%s is %q, want %q", key, got[key], want)
			}
		}
		out, err := n.Host("h2").Command(within(t), "ip", "route").Output()
		if err != nil || !strings.Contains(string(out), "initcwnd 10") {
			t.Errorf("routes: %s%v", out, err)
		}
	}
}

// A switch has no firewall, also where br_netfilter would lead every frame past the tables.
func TestSwitchesHaveNoFirewall(t *testing.T) {
	n := harnesstest.Start(t, chain(topo.LinkParams{}), nil)
	for _, table := range []string{"ip", "ip6", "arp"} {
		path := "/proc/sys/net/bridge/bridge-nf-call-" + table + "tables"
		err := harness.InSwitch(n, "s1", func() error {
			value, err := os.ReadFile(path)
			if err == nil && string(value) != "0\n" {
				t.Errorf("%s is %q, want 0", path, value)
			}
			return err
		})
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("br_netfilter is not loaded")
		}
		if err != nil {
			t.Error(err)
		}
	}
}
