package scenarios

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// A Custom is a topology of the user's own, and who serves and fetches in it:
//
//	Clients ──── Topo ──── Servers       each client fetches every file over one connection, all clients at once
//
// Where there are several servers, the clients go to them in turn.
type Custom struct {
	Topo    topo.Topo
	Servers []string // hosts, by name or IPv4 address; at least one
	Clients []string // the same; empty: every host that does not serve
	File    string   // that the topology is in, for the command that runs it again
}

// Scenarios returns a scenario for each dialect and server model of the parameters, the stream dialect and the threaded
// server where they name none. They are judged and reported as the parts are. Errors are marked ErrUsage and tell all that
// is wrong.
func (c Custom) Scenarios(p Params) ([]Scenario, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	if len(p.Variants) > 0 {
		return nil, fmt.Errorf("%w: --variant %s: a topology of your own has no variants", ErrUsage, strings.Join(p.Variants, ","))
	}
	s, err := c.scenario()
	if err != nil {
		return nil, fmt.Errorf("%w: topology %s: %w", ErrUsage, s.Part, err)
	}
	if len(p.Dialects) == 0 {
		p.Dialects = []protocol.Dialect{protocol.Stream}
	}
	if len(p.Models) == 0 {
		p.Models = []peers.Model{peers.Thread}
	}
	if p.Seed == 0 {
		p.Seed = c.Topo.Seed // apply knows nothing of a topology that has one
	}
	var all []Scenario
	for _, s.Model = range p.Models {
		for _, s.Dialect = range p.Dialects {
			one, err := p.apply(s)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// scenario is the scenario without dialect and model.
func (c Custom) scenario() (Scenario, error) {
	s := Scenario{Part: fileName(c.Topo.Name), Variant: DefaultVariant, Title: "a topology of the user's own", Topo: c.Topo, Mode: peers.Persistent, file: c.File}
	var mistakes []error
	servers, err := c.hosts("--server", c.Servers)
	mistakes = append(mistakes, err)
	if err == nil && len(servers) == 0 {
		mistakes = append(mistakes, fmt.Errorf("nobody serves: name a host with --server: %s", c.known()))
	}
	clients, err := c.hosts("--client", c.Clients)
	mistakes = append(mistakes, err)
	if len(c.Clients) == 0 {
		for _, h := range c.Topo.Hosts {
			if !slices.Contains(servers, h.Name) {
				clients = append(clients, h.Name)
			}
		}
		if len(clients) == 0 {
			mistakes = append(mistakes, errors.New("nobody fetches: every host serves: name fewer with --server"))
		}
	}
	for _, name := range clients {
		if slices.Contains(servers, name) {
			mistakes = append(mistakes, fmt.Errorf("--client %s: it serves: its packets to itself would pass no interface: name another host", name))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return s, err
	}
	var step Step
	for i, name := range clients {
		step = append(step, Fetch{Client: name, Server: servers[i%len(servers)], Novels: []int{1, 2, 3, 4, 5}})
	}
	s.Servers, s.Steps = servers, []Step{step}
	return s, nil
}

// hosts returns the names of hosts that are given by name or address, each once.
func (c Custom) hosts(flag string, given []string) ([]string, error) {
	var names []string
	var mistakes []error
	for _, word := range given {
		name := ""
		address, err := netip.ParseAddr(word)
		for _, h := range c.Topo.Hosts {
			own, _ := c.Topo.HostAddr(h.Name)
			if h.Name == word || err == nil && own == address {
				name = h.Name
			}
		}
		switch {
		case name == "":
			mistakes = append(mistakes, fmt.Errorf("%s %s: there is no such host: %s", flag, word, c.known()))
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	return names, errors.Join(mistakes...)
}

// known lists the hosts, the first few of many.
func (c Custom) known() string {
	const most = 12
	var all []string
	for i, h := range c.Topo.Hosts {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(c.Topo.Hosts)-most))
			break
		}
		address, _ := c.Topo.HostAddr(h.Name)
		all = append(all, fmt.Sprintf("%s (%s)", h.Name, address))
	}
	return "there are " + strings.Join(all, ", ")
}

// fileName makes a topology's name one that a folder can have.
func fileName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_", c) {
			return c
		}
		return '_'
	}, name)
	if name == "" {
		return "topology"
	}
	return name
}
