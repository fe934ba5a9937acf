package scenarios

import (
	"fmt"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// A Scenario is one part made concrete: a topology, its servers, and what each client fetches. It is pure data.
type Scenario struct {
	Part    string // as in parts.md: "persistent", "e", "k", …
	Variant string // "default", "A", "B", "all", "A-all", "storm", …
	Title   string // what the part is about, in one line

	Topo    topo.Topo
	Servers []string // hosts that serve every file
	Steps   []Step   // one after the other

	Dialect protocol.Dialect
	Model   peers.Model         // of every server
	Mode    peers.Mode          // of every client that has none of its own
	Buffer  int                 // bytes the lockstep dialect sends in one exchange; 0: protocol.DefaultBuffer
	Socket  peers.SocketOptions // of every peer

	Storm bool // a broadcast storm comes before the steps: see runStorm

	Engine harness.Engine // of every link; "": chosen by what each asks for

	// Excerpt is how many bytes of each file are served; 0: all. It keeps short what takes minutes by nature.
	Excerpt int64

	asked Params // what was changed about the part, for Again
	file  string // of the user's own topology
}

// A Step is a set of fetches that run at once, each from its own offset on. The next step starts when all have ended.
type Step []Fetch

// A Fetch is one client process: what it asks for, of whom, and when.
type Fetch struct {
	Client, Server string        // host names
	Novels         []int         // numbers in the corpus, in this order, over one connection
	At             time.Duration // after the start of the step
	Mode           peers.Mode    // "": the scenario's
}

// Name identifies the scenario among all others: part/variant/dialect/model, and the client's mode where it is not persistent.
func (s Scenario) Name() string {
	parts := []string{s.Part, s.Variant, string(s.Dialect), string(s.Model)}
	if s.Mode != peers.Persistent {
		parts = append(parts, string(s.Mode))
	}
	return strings.Join(parts, "/")
}

// Fetches returns all fetches of all steps, in order.
func (s Scenario) Fetches() []Fetch {
	var all []Fetch
	for _, step := range s.Steps {
		all = append(all, step...)
	}
	return all
}

// ClientMode names how the scenario's clients behave, for the report: a mode of package peers, or "concurrent" where
// clients of both modes take part.
func (s Scenario) ClientMode() string {
	seen := map[peers.Mode]bool{}
	for _, f := range s.Fetches() {
		seen[s.modeOf(f)] = true
	}
	switch {
	case len(seen) > 1, seen[peers.Concurrent]:
		return string(peers.Concurrent)
	case seen[peers.NonPersistent]:
		return string(peers.NonPersistent)
	}
	return string(peers.Persistent)
}

func (s Scenario) modeOf(f Fetch) peers.Mode {
	if f.Mode != "" {
		return f.Mode
	}
	return s.Mode
}

// everything turns the scenario into its variant "all": every client fetches the whole corpus over its one connection.
func (s Scenario) everything() Scenario {
	steps := make([]Step, len(s.Steps))
	for i, step := range s.Steps {
		steps[i] = make(Step, len(step))
		for j, f := range step {
			f.Novels = []int{1, 2, 3, 4, 5}
			f.Mode = ""
			steps[i][j] = f
		}
	}
	s.Steps = steps
	if s.Variant == DefaultVariant {
		s.Variant = AllVariant
	} else {
		s.Variant += "-" + AllVariant
	}
	return s
}

// label names a client process among those of its scenario: its host, with a number where the host runs several.
func label(fetches []Fetch, i int) string {
	n, total := 0, 0
	for j, f := range fetches {
		if f.Client != fetches[i].Client {
			continue
		}
		total++
		if j <= i {
			n++
		}
	}
	if total == 1 {
		return fetches[i].Client
	}
	return fmt.Sprintf("%s-%d", fetches[i].Client, n)
}
