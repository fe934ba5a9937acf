package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
)

// The cookbook: networks that people meet, as links between two hosts.
//
//	h1 ────────── s1 ── the recipe ── h2
//
// h1 serves, h2 fetches novel 3. The recipe is h2's way to the network: what s1 sends is down, what h2 sends is up.

// CookbookName is the name that stands for all recipes in Select.
const CookbookName = "cookbook"

// A Recipe is links as a user would type them: wireproof run g with these flags is wireproof run NAME, but for the rate
// of part g's links.
type Recipe struct {
	Name, Title string
	Links       []string // as --link takes them
	Schedules   []string // as --schedule takes them
}

// Cookbook returns every recipe, in the order of docs/cookbook.md.
func Cookbook() []Recipe {
	return []Recipe{
		{
			Name: "lte", Title: "a mobile network: a rate of 5 to 40 Mbit/s in bursts, with stalls of some 100 ms",
			Links: []string{"s1-h2:trace=scenarios/traces/lte.trace,delay=25ms"},
		},
		{
			Name: "satellite", Title: "a geostationary satellite: 600 ms round trip, 20 Mbit/s, 0.1 % loss",
			Links: []string{"s1-h2:rate=20Mbit,delay=300ms", "s1>h2:loss=0.1%"},
		},
		{
			Name: "dsl", Title: "a telephone line: 16 Mbit/s down, 1 Mbit/s up, short queues",
			Links: []string{"s1-h2:delay=15ms,queue=40", "s1>h2:rate=16Mbit", "h2>s1:rate=1Mbit"},
		},
		{
			Name: "wifi", Title: "a radio network: losses in bursts, and packets that overtake each other",
			Links: []string{"s1-h2:rate=30Mbit,delay=3ms,jitter=1ms,dist=normal", "s1>h2:gemodel=1%/40%"},
		},
		{
			Name: "unplugged", Title: "a cable that is pulled out for three seconds in the middle of the transfer",
			// A novel takes 4 s at this rate: a client that a busy machine starts two seconds late is in the middle, too.
			Links: []string{"s1-h2:rate=5Mbit,queue=50"}, Schedules: []string{"s1-h2: down 2500ms..5500ms"},
		},
		{
			Name: "blackhole", Title: "a link that goes dark right after the handshake, and comes back",
			Links: []string{"s1-h2:drop=packets 3..6"},
		},
		{
			Name: "lost-syn", Title: "a connection whose first packet is lost",
			Links: []string{"h2>s1:drop=the SYN"},
		},
		{
			Name: "lost-fin", Title: "a connection whose end is lost, in both directions",
			Links: []string{"s1-h2:drop=the first FIN"},
		},
	}
}

// RecipeNames lists the names of the recipes, without CookbookName.
func RecipeNames() []string {
	var names []string
	for _, r := range Cookbook() {
		names = append(names, r.Name)
	}
	return names
}

// recipes are the recipes as parts.
func recipes() ([]Part, error) {
	var parts []Part
	var mistakes []error
	for _, r := range Cookbook() {
		s := chain(1, topo.LinkParams{})
		mistakes = append(mistakes, r.lay(&s.Topo))
		parts = append(parts, Part{
			Name: r.Name, Title: r.Title, Models: []peers.Model{peers.Thread},
			variants: func(Params) []Scenario { return []Scenario{s} },
		})
	}
	return parts, errors.Join(mistakes...)
}

// lay gives a topology's links what the recipe says.
func (r Recipe) lay(t *topo.Topo) error {
	var mistakes []error
	for _, text := range r.Links {
		mistakes = append(mistakes, t.SetLink(text, openTrace))
	}
	for _, text := range r.Schedules {
		mistakes = append(mistakes, t.SetSchedule(text))
	}
	if err := errors.Join(mistakes...); err != nil {
		return fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	return nil
}

// traces are those of the recipes, so that they work in any folder.
//
//go:embed traces
var traces embed.FS

// openTrace opens a trace by its path in the repository.
func openTrace(name string) (io.ReadCloser, error) {
	return traces.Open(strings.TrimPrefix(path.Clean(name), "scenarios/"))
}
