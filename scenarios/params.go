package scenarios

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness"
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

	Links     []string       // changes of single links, as topo.SetLink reads them: "h1-s1:delay=10ms,loss=1%"
	Schedules []string       // as topo.SetSchedule reads them: "h1-s1: down 2s..3s"
	Engine    harness.Engine // of every link; "": chosen by what each asks for
	Seed      uint64         // of everything that happens by chance; 0: 1

	Buffer int // bytes; 0: protocol.DefaultBuffer
	Socket peers.SocketOptions
	Whole  bool // serve whole files also where a part takes excerpts
}

// defaultSeed makes two runs alike unless one is asked to differ.
const defaultSeed = 1

// MaxMbit is the highest rate that a link may be asked for, in Mbit/s.
const MaxMbit = float64(1000 * topo.Gbit / topo.Mbit)

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
	if !(p.LossPercent >= 0 && p.LossPercent <= 100) {
		bad("--loss %v: a loss lies between 0 and 100 percent", p.LossPercent)
	}
	if p.Hops < 0 || p.Hops > maxHops {
		bad("--hops %d: a chain has 1 to %d switches", p.Hops, maxHops)
	}
	if p.Buffer < 0 || p.Buffer > peers.MaxBuffer {
		bad("--buffer %d: a buffer has 1 to %d bytes", p.Buffer, peers.MaxBuffer)
	}
	if len(mistakes) > 0 {
		return fmt.Errorf("%w: %w", ErrUsage, errors.Join(mistakes...))
	}
	return nil
}

// apply makes the changes to one scenario. The error tells all that is wrong with them.
func (p Params) apply(s Scenario) (Scenario, error) {
	s.Topo = s.Topo.Clone()
	for i := range s.Topo.Links {
		p.link(&s.Topo.Links[i].AB)
		p.link(&s.Topo.Links[i].BA)
	}
	s.Topo.Seed = p.Seed
	if p.Seed == 0 {
		s.Topo.Seed = defaultSeed
	}
	var mistakes []error
	open := func(name string) (io.ReadCloser, error) { return os.Open(name) }
	for _, text := range p.Links {
		mistakes = append(mistakes, s.Topo.SetLink(text, open))
	}
	for _, text := range p.Schedules {
		mistakes = append(mistakes, s.Topo.SetSchedule(text))
	}
	mistakes = append(mistakes, s.Topo.Validate())
	if err := errors.Join(mistakes...); err != nil {
		return s, fmt.Errorf("%w: part %s: %w", ErrUsage, s.Part, err)
	}
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
	s.Buffer, s.Socket, s.Engine = p.Buffer, p.Socket, p.Engine
	s.asked = p
	if !p.Whole {
		s.Excerpt = excerptFor(s)
	}
	return s, nil
}

// excerptFor is how much of each file is served over links where whole novels take long by nature; 0: all. In the
// lockstep dialect each exchange of 1,024 bytes takes a round trip, and one that loses a segment waits for a retransmission
// time-out of 200 ms and more: minutes for a novel. A stream that loses keeps going at a few Mbit/s: one novel passes
// whole, all five are cut.
func excerptFor(s Scenario) int64 {
	lockstep := s.Dialect == protocol.Lockstep
	switch {
	case lockstep && lossy(s.Topo):
		return 320 << 10 / int64(longestFetch(s)) // enough exchanges that chance has to show itself
	case lockstep && delayed(s.Topo), s.isAll() && lossy(s.Topo):
		return 256 << 10
	}
	return 0
}

// longestFetch is the number of files of the client that fetches most.
func longestFetch(s Scenario) int {
	longest := 1
	for _, f := range s.Fetches() {
		longest = max(longest, len(f.Novels))
	}
	return longest
}

// delayed says that some link delays.
func delayed(t topo.Topo) bool {
	return slices.ContainsFunc(t.Links, func(l topo.Link) bool { return l.AB.Delay > 0 || l.BA.Delay > 0 })
}

// lossy says that some link loses packets by chance.
func lossy(t topo.Topo) bool {
	loses := func(p topo.LinkParams) bool { return p.LossPercent > 0 || p.Gilbert.PPercent > 0 }
	return slices.ContainsFunc(t.Links, func(l topo.Link) bool { return loses(l.AB) || loses(l.BA) })
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
