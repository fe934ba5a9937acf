package sweep

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/scenarios"
)

// A Setup is what a sweep was asked for. It stands in sweep.json beside the results, so that a later call can tell whether
// its runs would compare with those that are there.
type Setup struct {
	Part   string              `json:"part"`
	Values map[string][]string `json:"values"` // of each variable that is given, by its name, as the user wrote them or canonical
	Repeat int                 `json:"repeat"` // runs of each point; zero: 1
	Seed   uint64              `json:"seed"`   // of the first round; each round has the next one; zero: 1
	Jobs   int                 `json:"jobs"`   // runs at once; zero: 1, since runs at once disturb each other's figures

	// Excerpt is how many bytes of each file are served, in every run alike; 0: what the part serves, or all where a point's own
	// excerpt would differ from another's (see Plan).
	Excerpt int64 `json:"excerpt"`
	// Fixed are the command's other flags, for the comparison with a later call. They are in Params already.
	Fixed map[string]string `json:"fixed,omitempty"`
	// Machine is what the figures depend on besides.
	Machine string `json:"machine,omitempty"`

	// Params are what is the same in all runs.
	Params scenarios.Params `json:"-"`
}

const defaultSeed = 1

// withDefaults fills in what zero stands for, and makes the values canonical. The error, marked scenarios.ErrUsage, tells
// everything that is wrong.
func (s Setup) withDefaults() (Setup, error) {
	var mistakes []error
	bad := func(format string, a ...any) { mistakes = append(mistakes, fmt.Errorf(format, a...)) }
	s.Repeat, s.Jobs, s.Seed = max(s.Repeat, 1), max(s.Jobs, 1), max(s.Seed, defaultSeed)
	given := s.Values
	s.Values = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v, ok := variable(name)
		if !ok {
			bad("there is no variable %q: there are %s", name, strings.Join(variableNames(), ", "))
			continue
		}
		texts := given[name]
		if name == "dialect" {
			texts = bothDialects(texts)
		}
		for _, text := range texts {
			parsed, err := v.read(strings.TrimSpace(text))
			switch {
			case err != nil:
				bad("--%s %q: %w", name, text, err)
			case slices.Contains(s.Values[name], parsed.text):
				bad("--%s: %s is there twice: --repeat makes more runs of each value", name, parsed.text)
			default:
				s.Values[name] = append(s.Values[name], parsed.text)
			}
		}
	}
	if _, ok := s.Values["hops"]; ok && s.Part != "j" {
		bad("--hops: only part j has a number of hops")
	}
	if len(mistakes) > 0 {
		return s, fmt.Errorf("%w: %w", scenarios.ErrUsage, errors.Join(mistakes...))
	}
	return s, nil
}

func variableNames() []string {
	var names []string
	for _, v := range Variables() {
		names = append(names, v.Name)
	}
	return names
}

func bothDialects(texts []string) []string {
	var all []string
	for _, text := range texts {
		if text == "both" {
			all = append(all, "stream", "lockstep")
			continue
		}
		all = append(all, text)
	}
	return all
}

// clashes says how a setup differs from an earlier one so that their runs do not compare, a line for each. Other values and
// more repeats are no clash: each run stands for itself.
func (s Setup) clashes(before Setup) []string {
	var all []string
	differs := func(what, was, is string) {
		if was != is {
			all = append(all, fmt.Sprintf("%s was %s, is %s", what, orNothing(was), orNothing(is)))
		}
	}
	differs("the part", before.Part, s.Part)
	differs("--seed", fmt.Sprint(before.Seed), fmt.Sprint(s.Seed))
	differs("--jobs", fmt.Sprint(before.Jobs), fmt.Sprint(s.Jobs))
	differs("the number of bytes served of each file", orAll(before.Excerpt), orAll(s.Excerpt))
	names := map[string]bool{}
	for _, fixed := range []map[string]string{before.Fixed, s.Fixed} {
		for name := range fixed {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		differs("--"+name, before.Fixed[name], s.Fixed[name])
	}
	differs("the machine", before.Machine, s.Machine)
	return all
}

// changes says what else differs from an earlier setup, a line for each.
func (s Setup) changes(before Setup) []string {
	var all []string
	if s.Repeat != before.Repeat {
		all = append(all, fmt.Sprintf("--repeat was %d, is %d", before.Repeat, s.Repeat))
	}
	for _, v := range Variables() {
		was, is := strings.Join(before.Values[v.Name], ","), strings.Join(s.Values[v.Name], ",")
		if was != is {
			all = append(all, fmt.Sprintf("--%s was %s, is %s", v.Name, orNothing(was), orNothing(is)))
		}
	}
	return all
}

func orNothing(text string) string {
	if text == "" {
		return "not given"
	}
	return text
}

func orAll(bytes int64) string {
	if bytes == 0 {
		return "all"
	}
	return fmt.Sprint(bytes)
}
