package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// Names of the variants that many parts share.
const (
	DefaultVariant = "default"
	AllVariant     = "all" // every client fetches all five novels over its one connection
	StormVariant   = "storm"
)

// ErrUsage marks errors in what the user asked for: an unknown part, a parameter out of range.
var ErrUsage = errors.New("usage")

// Params are the changes that a user may make to a part. The zero value changes nothing.
type Params struct {
	Variants []string           // only these; "all" also stands for every variant that ends in "-all"; empty: the part's own
	Dialects []protocol.Dialect // empty: stream
	Models   []peers.Model      // empty: the part's own
	Mode     peers.Mode         // "": the part's own

	Rate        topo.BitRate  // of every link, both directions; 0: the part's own
	Delay       time.Duration // one way, of every link, both directions; 0: the part's own
	LossPercent float64       // of every link, both directions; 0: the part's own
	Hops        int           // switches in the chain (part j and its kin); 0: the part's own

	Buffer int // bytes; 0: protocol.DefaultBuffer
	Socket peers.SocketOptions
}

// maxHops bounds the chain: 10.0.0.0/8 would hold more, the kernel's namespaces on an ordinary machine hardly.
const maxHops = 256

func (p Params) validate() error {
	var mistakes []error
	bad := func(format string, a ...any) { mistakes = append(mistakes, fmt.Errorf(format, a...)) }
	if p.Rate < 0 {
		bad("--bw %v: a rate is above 0 Mbit/s", p.Rate)
	}
	if p.Delay < 0 || p.Delay > time.Hour {
		bad("--delay %v: a delay lies between 0 and 1h", p.Delay)
	}
	if p.LossPercent < 0 || p.LossPercent > 100 {
		bad("--loss %v: a loss lies between 0 and 100 percent", p.LossPercent)
	}
	if p.Hops < 0 || p.Hops > maxHops {
		bad("--hops %d: a chain has 1 to %d switches", p.Hops, maxHops)
	}
	if p.Buffer < 0 {
		bad("--buffer %d: a buffer has at least 1 byte", p.Buffer)
	}
	if len(mistakes) > 0 {
		return fmt.Errorf("%w: %w", ErrUsage, errors.Join(mistakes...))
	}
	return nil
}

// apply makes the changes to one scenario.
func (p Params) apply(s Scenario) Scenario {
	links := make([]topo.Link, len(s.Topo.Links))
	copy(links, s.Topo.Links)
	for i := range links {
		p.link(&links[i].AB)
		p.link(&links[i].BA)
	}
	s.Topo.Links = links
	if p.Mode != "" {
		s.Mode = p.Mode
		steps := make([]Step, len(s.Steps))
		for i, step := range s.Steps {
			steps[i] = append(Step(nil), step...)
			for j := range steps[i] {
				steps[i][j].Mode = ""
			}
		}
		s.Steps = steps
	}
	s.Buffer, s.Socket = p.Buffer, p.Socket
	s.Blocked = blocked(s.Topo)
	return s
}

func (p Params) link(l *topo.LinkParams) {
	if p.Rate > 0 {
		l.Rate = p.Rate
	}
	if p.Delay > 0 {
		l.Delay = p.Delay
	}
	if p.LossPercent > 0 {
		l.LossPercent = p.LossPercent
	}
}

// blocked says what a topology asks for that no engine of this version carries yet.
func blocked(t topo.Topo) string {
	for _, l := range t.Links {
		for _, d := range []topo.LinkParams{l.AB, l.BA} {
			if d.Delay > 0 {
				return fmt.Sprintf("link %s-%s asks for a delay of %v: links that delay are not built yet", l.A, l.B, d.Delay)
			}
			if d.LossPercent > 0 {
				return fmt.Sprintf("link %s-%s asks for a loss of %v %%: links that lose are not built yet", l.A, l.B, d.LossPercent)
			}
		}
	}
	return ""
}

// wants tells whether a variant is among those asked for.
func (p Params) wants(variant string) bool {
	if len(p.Variants) == 0 {
		return variant != AllVariant && !strings.HasSuffix(variant, "-"+AllVariant)
	}
	for _, v := range p.Variants {
		if v == variant || (v == AllVariant && strings.HasSuffix(variant, "-"+AllVariant)) {
			return true
		}
	}
	return false
}
