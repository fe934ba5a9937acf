package topo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Mistake is one thing wrong with a topology.
type Mistake struct {
	Where  string // the place: "host h1", "link h1-s1"
	What   string // what is wrong there
	Remedy string // what to do about it
}

// Error returns "where: what: remedy".
func (m *Mistake) Error() string { return m.Where + ": " + m.What + ": " + m.Remedy }

// Mistakes returns the mistakes in an error of Validate, in the order in which
// they were found, however the error was wrapped on the way.
func Mistakes(err error) []*Mistake {
	switch e := err.(type) {
	case *Mistake:
		return []*Mistake{e}
	case interface{ Unwrap() error }:
		return Mistakes(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*Mistake
		for _, inner := range e.Unwrap() {
			all = append(all, Mistakes(inner)...)
		}
		return all
	}
	return nil
}

// mistakes collects what is wrong, so that it is reported all at once.
type mistakes []error

func (m *mistakes) add(where, what, remedy string) {
	*m = append(*m, &Mistake{where, what, remedy})
}

func (m mistakes) err() error { return errors.Join(m...) }

// quoted returns a name as it is where that is legible, and in quotes where it is not.
func quoted(name string) string {
	if goodName(name) {
		return name
	}
	return strconv.QuoteToASCII(clip(name))
}

// legible returns the names that are names, each once, in natural order.
func legible(names []string) []string {
	good := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !goodName(name) })
	slices.SortStableFunc(good, compareNatural)
	return slices.Compact(good)
}

// list joins the first few of names, and says how many more there are.
func list(names []string) string {
	const most = 12
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// nearest returns the name that wanted was most likely meant to be, or "".
func nearest(wanted string, names []string) string {
	best, least := "", 3 // more than two slips are another name
	if len(wanted) > 64 {
		return ""
	}
	for _, name := range names {
		if len(name) > 64 || len(name) <= 1 && !strings.EqualFold(name, wanted) {
			continue
		}
		d := distance(strings.ToLower(wanted), strings.ToLower(name))
		if d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
