package scenarios

import (
	"errors"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// Hosts are given by name or address; every other host is a client, and the clients go to the servers in turn.
func TestCustom(t *testing.T) {
	all, err := Custom{Topo: topo.Single(5), Servers: []string{"10.0.0.2", "h4", "h2"}}.Scenarios(Params{
		Dialects: []protocol.Dialect{protocol.Stream, protocol.Lockstep}, Models: []peers.Model{peers.Fork}, Rate: topo.Mbit, Seed: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name())
	}
	if got := strings.Join(names, " "); got != "single/default/stream/fork single/default/lockstep/fork" {
		t.Errorf("scenarios %s", got)
	}
	s := all[0]
	if strings.Join(s.Servers, " ") != "h2 h4" || s.Topo.Seed != 7 || s.Topo.Links[4].BA.Rate != topo.Mbit {
		t.Errorf("servers %v, seed %d, links %v", s.Servers, s.Topo.Seed, s.Topo.Links)
	}
	var who []string
	for _, f := range s.Fetches() {
		who = append(who, f.Client+"<-"+f.Server)
	}
	if got := strings.Join(who, " "); got != "h1<-h2 h3<-h4 h5<-h2" {
		t.Errorf("fetches %s", got)
	}
}

// The topology's own seed holds where none is asked for, and its name is made one that a folder can have.
func TestCustomNameAndSeed(t *testing.T) {
	own := topo.Single(2)
	own.Name, own.Seed = "../my net", 9
	all, err := Custom{Topo: own, Servers: []string{"h1"}}.Scenarios(Params{})
	if err != nil || all[0].Part != "___my_net" || all[0].Topo.Seed != 9 {
		t.Errorf("%v, %v", all, err)
	}
}

// Every mistake is told at once.
func TestCustomMistakes(t *testing.T) {
	_, err := Custom{Topo: topo.Single(3), Servers: []string{"h1", "h7"}, Clients: []string{"h1", "10.0.0.9", "s1"}}.Scenarios(Params{})
	if !errors.Is(err, ErrUsage) {
		t.Fatal(err)
	}
	for _, want := range []string{"--server h7: there is no such host: there are h1 (10.0.0.1), h2", "--client 10.0.0.9: there is no", "--client s1: there is no"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	for want, c := range map[string]Custom{
		"nobody serves":          {Topo: topo.Single(2)},
		"nobody fetches":         {Topo: topo.Single(2), Servers: []string{"h1", "h2"}},
		"--client h1: it serves": {Topo: topo.Single(2), Servers: []string{"h1"}, Clients: []string{"h1"}},
	} {
		if _, err := c.Scenarios(Params{}); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := (Custom{Topo: topo.Single(2), Servers: []string{"h1"}}).Scenarios(Params{Variants: []string{"A"}}); !errors.Is(err, ErrUsage) {
		t.Errorf("a variant: %v", err)
	}
}
