package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// A Part is one row of the coursework: a topology, a work load, and what can be varied about them.
type Part struct {
	Name     string
	Title    string
	Variable string // the flag that changes what the part is about, "" where there is none
	Models   []peers.Model
	variants func(Params) []Scenario // in the part's own variants, without "all"
}

// Parts returns every part, in the order of the coursework.
func Parts() []Part {
	sequential, fork, thread := []peers.Model{peers.Sequential}, []peers.Model{peers.Fork}, []peers.Model{peers.Thread}
	each := []peers.Model{peers.Thread, peers.Fork, peers.Sequential}
	return []Part{
		{"persistent", "two clients in turn at a sequential server, all five novels over one connection", "", sequential, persistentPart},
		{"fork", "five clients at once at a forking server, then one for all five", "", fork, concurrentPart("fork")},
		{"thread", "five clients at once at a threaded server, then one for all five", "", thread, concurrentPart("thread")},
		{"e", "six hosts on one switch: five clients, a novel each, at once", "", each, partE},
		{"f", "six hosts on one switch: five clients, the same novel, at once", "", each, partF},
		{"g", "two hosts on one switch: the bandwidth is the variable", "--bw", thread, partG},
		{"h", "two hosts on one switch: the delay is the variable", "--delay", thread, partH},
		{"i", "two hosts on one switch: the loss is the variable", "--loss", thread, partI},
		{"j", "two hosts and a chain of eight switches: the number of hops is the variable", "--hops", thread, partJ},
		{"k", "a tree of seven switches, one server", "", thread, partK},
		{"l", "the tree of k, three servers", "", thread, partL},
		{"m", "the tree of l and a loop: the storm without a spanning tree, and the cure with one", "", thread, partM},
	}
}

// PartNames lists the names of the parts, without "all".
func PartNames() []string {
	var names []string
	for _, p := range Parts() {
		names = append(names, p.Name)
	}
	return names
}

// rows returns the part's scenarios that the parameters ask for, in every dialect and model asked for.
func (part Part) rows(p Params, dialects []protocol.Dialect, models []peers.Model) ([]Scenario, error) {
	var rows []Scenario
	for _, own := range part.variants(p) {
		own.Part, own.Title, own.Mode = part.Name, part.Title, peers.Persistent
		both := []Scenario{own}
		if !own.Storm {
			both = append(both, own.everything())
		}
		for _, s := range both {
			if !p.wants(s.Variant) {
				continue
			}
			for i, model := range models {
				// The models differ in how they take clients that come at once; what each client then fetches tells
				// nothing more about them, so "all" keeps to the part's own model unless one is asked for.
				if i > 0 && len(p.Models) == 0 && s.isAll() {
					break
				}
				for _, dialect := range dialects {
					if s.Storm && dialect != dialects[0] {
						break
					}
					s.Model, s.Dialect = model, dialect
					row, err := p.apply(s)
					if err != nil {
						return nil, err
					}
					rows = append(rows, row)
				}
			}
		}
	}
	return rows, nil
}

func (s Scenario) isAll() bool {
	return s.Variant == AllVariant || strings.HasSuffix(s.Variant, "-"+AllVariant)
}

// Select returns the scenarios of the named parts. A part by itself stands for its own variants by the stream dialect;
// "all" stands for every part in every variant, dialect and server model. A recipe of the cookbook is selected like a
// part, and CookbookName stands for every recipe by itself; neither is among "all". Params narrow or change any. The error,
// marked ErrUsage, says which parts, recipes and variants exist.
func Select(names []string, p Params) ([]Scenario, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: name a part: %s, or all", ErrUsage, strings.Join(PartNames(), ", "))
	}
	var chosen []Scenario
	for _, name := range names {
		rows, err := selectPart(name, p)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if !slices.ContainsFunc(chosen, func(s Scenario) bool { return s.Name() == row.Name() }) {
				chosen = append(chosen, row)
			}
		}
	}
	return chosen, nil
}

// named returns the parts, or recipes, that a name stands for.
func named(name string) ([]Part, error) {
	switch name {
	case "all":
		return Parts(), nil
	case CookbookName:
		return recipes()
	}
	others, err := recipes()
	if err != nil {
		return nil, err
	}
	for _, part := range append(Parts(), others...) {
		if part.Name == name {
			return []Part{part}, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no part %q: the parts are %s, and all; the recipes are %s, and %s", ErrUsage, name,
		strings.Join(PartNames(), ", "), strings.Join(RecipeNames(), ", "), CookbookName)
}

func selectPart(name string, p Params) ([]Scenario, error) {
	parts, err := named(name)
	if err != nil {
		return nil, err
	}
	whole := name == "all"
	dialects := p.Dialects
	if len(dialects) == 0 {
		dialects = []protocol.Dialect{protocol.Stream}
		if whole {
			dialects = append(dialects, protocol.Lockstep)
		}
	}
	narrowed := p
	if whole && len(p.Variants) == 0 {
		narrowed.Variants = nil
		for _, part := range parts {
			narrowed.Variants = append(narrowed.Variants, part.variantNames(p)...)
		}
	}
	var rows []Scenario
	for _, part := range parts {
		models := p.Models
		if len(models) == 0 {
			models = part.Models
			if !whole {
				models = models[:1]
			}
		}
		own, err := part.rows(narrowed, dialects, models)
		if err != nil {
			return nil, err
		}
		rows = append(rows, own...)
	}
	if len(rows) == 0 {
		var exist []string
		for _, part := range parts {
			exist = append(exist, fmt.Sprintf("part %s has %s", part.Name, strings.Join(part.variantNames(p), ", ")))
		}
		return nil, fmt.Errorf("%w: there is no variant %s of part %s: %s", ErrUsage, strings.Join(p.Variants, ", "), name, strings.Join(exist, "; "))
	}
	return rows, nil
}

// variantNames lists every variant of the part, "all" included.
func (part Part) variantNames(p Params) []string {
	var names []string
	for _, s := range part.variants(p) {
		names = append(names, s.Variant)
	}
	for _, s := range part.variants(p) {
		if !s.Storm {
			names = append(names, s.everything().Variant)
		}
	}
	return names
}
