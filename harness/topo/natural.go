package topo

import (
	"slices"
	"strings"
)

// compareNatural orders names as mininet.util.natural does: runs of digits
// compare as numbers, everything between them as text. It returns 0 for names
// that differ only in leading zeros.
func compareNatural(a, b string) int {
	for {
		var x, y string
		x, a = cutRun(a, false)
		y, b = cutRun(b, false)
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
		if a == "" || b == "" {
			return len(a) - len(b) // one has ended: the shorter is first
		}
		x, a = cutRun(a, true)
		y, b = cutRun(b, true)
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
}

// cutRun cuts the run of digits, or of everything else, off the front of s.
func cutRun(s string, digits bool) (run, rest string) {
	end := strings.IndexFunc(s, func(c rune) bool { return (c >= '0' && c <= '9') != digits })
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// number numbers names from 1 in natural order; names that compare equal keep
// the order in which they were added, as Python's stable sort does. Of a name
// that occurs twice the first counts.
func number(names []string) map[string]int {
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, compareNatural)
	n := make(map[string]int, len(names))
	for i, name := range sorted {
		if _, ok := n[name]; !ok {
			n[name] = i + 1
		}
	}
	return n
}

func (t Topo) hostNames() []string {
	names := make([]string, len(t.Hosts))
	for i, h := range t.Hosts {
		names[i] = h.Name
	}
	return names
}

func (t Topo) switchNames() []string {
	names := make([]string, len(t.Switches))
	for i, s := range t.Switches {
		names[i] = s.Name
	}
	return names
}
