package harness

import (
	"fmt"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness/internal/bpfloss"
	"github.com/wireproof/wireproof/harness/internal/impaired"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Drop is one lost packet, for a report, and for comparing runs: what depends on the seed is From, Index and Cause.
type Drop struct {
	From  string // the node whose end sent it, "h1"
	Index uint64 // among the packets of its direction that have an index, from 0
	// Indexed is false for what is never impaired, ARP and neighbour discovery: Index is without meaning then.
	Indexed bool
	Cause   string        // "loss", "list", "queue", "down", "mtu" or "engine", as in WireDrops
	At      time.Duration // since the link was made; zero with EngineBPF
	Length  int           // of the whole Ethernet frame in bytes; zero with EngineBPF
	Summary string        // "TCP 10.0.0.1:40000 > 10.0.0.2:12345 [S] seq 1 ack 0 len 0"; empty with EngineBPF
}

// drop is the harness's form of a drop of the relay.
func (c *carriage) drop(side int, d relay.Drop) Drop {
	sender, _ := c.end(side)
	return Drop{From: sender.Node, Index: d.Index, Indexed: d.IP, Cause: d.Cause.String(), At: d.At, Length: d.Len, Summary: d.Summary}
}

func (c *carriage) drops() ([]Drop, error) {
	if c.user == nil && c.loss[0] == nil {
		return nil, fmt.Errorf("engine %s keeps no log: %w: use engine %s", c.engine, ErrEngine, EngineUser)
	}
	var all []Drop
	for side := range c.courses {
		if c.user != nil {
			log, err := c.user.Drops(relay.Direction(side))
			if err != nil {
				return nil, closed(err)
			}
			for _, d := range log {
				all = append(all, c.drop(side, d))
			}
			continue
		}
		lost, err := c.loss[side].Lost()
		if err != nil {
			return nil, closed(err)
		}
		sender, _ := c.end(side)
		config := c.loss[side].Config()
		for _, index := range lost {
			all = append(all, Drop{From: sender.Node, Index: index, Indexed: true, Cause: causeOf(config, index)})
		}
	}
	slices.SortStableFunc(all, func(a, b Drop) int { return int(a.At - b.At) })
	return all, nil
}

// causeOf tells whether the list or chance lost a packet, by the parameters in force now.
func causeOf(c bpfloss.Config, index uint64) string {
	number := index + 1
	if slices.ContainsFunc(c.Drop, func(r topo.Range) bool { return number >= r.First && (r.Last == 0 || number <= r.Last) }) {
		return relay.List.String()
	}
	return relay.Loss.String()
}

func (c *carriage) dropNext(text string) (<-chan Drop, error) {
	if c.user == nil {
		return nil, &EngineError{Link: c.name, Interface: c.n.ends[2*c.number].Name, Engine: c.engine, Lacks: []string{"single packets"}, Can: []Engine{EngineUser}}
	}
	f, err := topo.ParseFilter(text)
	if err != nil {
		return nil, err
	}
	match, err := impaired.Match(f, c.n.topo)
	if err != nil {
		return nil, err
	}
	var side int // written by the relay's thread before it sends, read after
	lost, err := c.user.DropNext(func(p *relay.Packet) bool {
		if !match(p) {
			return false
		}
		side = int(p.Dir)
		return true
	})
	if err != nil {
		return nil, closed(err)
	}
	told := make(chan Drop, 1)
	go func() { // ends with the link at the latest
		defer close(told)
		if d, ok := <-lost; ok {
			told <- c.drop(side, d)
		}
	}()
	return told, nil
}
