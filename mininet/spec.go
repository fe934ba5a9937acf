package mininet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// MaxRate is the highest rate that Mininet's links can have (mininet.link.TCIntf.bwParamMax).
const MaxRate = 1000 * topo.Mbit

// ErrCannot: Mininet has no way to do what a topology asks for. Own namespaces do.
var ErrCannot = errors.New("mininet cannot do this")

// spec is the driver's form of a topology.
type spec struct {
	Hosts        []specHost `json:"hosts"`
	Switches     []string   `json:"switches"`
	Links        []specLink `json:"links"`
	SpanningTree bool       `json:"stp"`
	Switch       Switch     `json:"switch"`
}

type specHost struct {
	Name string `json:"name"`
	IP   string `json:"ip,omitempty"` // where it is not the one of the host's number
}

type specLink struct {
	A  string   `json:"a"`
	B  string   `json:"b"`
	AB LinkArgs `json:"ab"`
	BA LinkArgs `json:"ba"`
}

// LinkArgs are the arguments of Mininet's TCLink for one end, under its names. Zero: not given.
type LinkArgs struct {
	BW           float64 `json:"bw,omitempty"`             // Mbit/s
	Delay        string  `json:"delay,omitempty"`          // as tc(8) reads it: "1ms"
	Jitter       string  `json:"jitter,omitempty"`         // the same
	Loss         float64 `json:"loss,omitempty"`           // percent
	MaxQueueSize int     `json:"max_queue_size,omitempty"` // packets
}

// Args are the arguments of TCLink that make an end send as p says. The error, ErrCannot, names what TCLink has no
// argument for.
func Args(p topo.LinkParams) (LinkArgs, error) {
	args := LinkArgs{BW: float64(p.Rate) / float64(topo.Mbit), Loss: p.LossPercent, MaxQueueSize: p.MaxQueue, Delay: clock(p.Delay), Jitter: clock(p.Jitter)}
	if p.Rate > MaxRate {
		return args, fmt.Errorf("rate %v: %w: its links have %v at most", p.Rate, ErrCannot, MaxRate)
	}
	can := topo.LinkParams{Rate: p.Rate, Delay: p.Delay, Jitter: p.Jitter, LossPercent: p.LossPercent, MaxQueue: p.MaxQueue}
	if !p.Equal(can) {
		return args, fmt.Errorf("%s: %w: its links take rate, delay, jitter, loss and queue", p.Text(), ErrCannot)
	}
	return args, nil
}

// clock is a duration as tc(8) reads it; empty for none.
func clock(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%gms", float64(d)/float64(time.Millisecond))
}

// newSpec is t in the driver's form. The error joins all that Mininet cannot do of it.
func newSpec(t topo.Topo, kind Switch) (spec, error) {
	s := spec{Switches: []string{}, Links: []specLink{}, SpanningTree: t.Loops == topo.LoopsSpanningTree, Switch: kind}
	for _, h := range t.Hosts {
		host := specHost{Name: h.Name}
		if h.Addr.IsValid() {
			host.IP = h.Addr.String()
		}
		s.Hosts = append(s.Hosts, host)
	}
	for _, sw := range t.Switches {
		s.Switches = append(s.Switches, sw.Name)
	}
	var errs []error
	if t.IPv6 {
		errs = append(errs, fmt.Errorf("IPv6: %w: its hosts have IPv4 addresses", ErrCannot))
	}
	names := t.LinkNames()
	for i, l := range t.Links {
		link := specLink{A: l.A, B: l.B}
		var ab, ba error
		if link.AB, ab = Args(l.AB); ab != nil {
			errs = append(errs, fmt.Errorf("link %s: %w", names[i], ab))
		}
		if link.BA, ba = Args(l.BA); ba != nil && !l.AB.Equal(l.BA) {
			errs = append(errs, fmt.Errorf("link %s: %w", names[i], ba))
		}
		s.Links = append(s.Links, link)
	}
	if len(errs) > 0 {
		return s, fmt.Errorf("%w: use own namespaces (--backend netns)", errors.Join(errs...))
	}
	return s, nil
}

// needsNetem names the links that ask for more than a rate, for which Mininet uses the kernel's netem.
func needsNetem(t topo.Topo) string {
	engines, err := harness.Carries(t)
	if err != nil {
		return ""
	}
	var links []string
	for i, name := range t.LinkNames() {
		if engines[i] == harness.EngineNetem {
			links = append(links, name)
		}
	}
	return strings.Join(links, ", ")
}
