package topo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A FilterError says where a filter could not be read, and what could stand there.
type FilterError struct {
	Filter string // the text, shortened where it is long
	Word   string // the word at fault; "": the end of the text
	Want   string // what could stand in its place
}

// Error names the place and what would be accepted.
func (e *FilterError) Error() string {
	return fmt.Sprintf("filter %q: at %s: give %s", e.Filter, e.place(), e.Want)
}

func (e *FilterError) place() string {
	if e.Word == "" {
		return "the end"
	}
	return strconv.Quote(e.Word)
}

const (
	wantFilter = `"the SYN", "the third data segment from h2", "every RST" or "packets 7 and 9..12"`
	wantKind   = "SYN, SYN-ACK, ACK, FIN, RST, data segment, datagram or packet"
	wantNumber = "a number from 1 on, or a range such as 9..12 or 9.."
)

// filterWords is a filter cut into words, and how far it is read.
type filterWords struct {
	text  string
	words []string
}

// ParseFilter reads a filter; see Filter for the grammar. The error is a *FilterError.
func ParseFilter(text string) (Filter, error) {
	w := &filterWords{text, strings.Fields(strings.ReplaceAll(text, ",", " , "))}
	switch strings.ToLower(w.peek()) {
	case "packet", "packets":
		w.next()
		return w.numbers()
	case "the", "every":
		return w.segments()
	}
	return Filter{}, w.fail(wantFilter)
}

func (w *filterWords) peek() string {
	if len(w.words) == 0 {
		return ""
	}
	return w.words[0]
}

func (w *filterWords) next() string {
	word := w.peek()
	if word != "" {
		w.words = w.words[1:]
	}
	return word
}

// take steps over word, in any case, if it is next.
func (w *filterWords) take(word string) bool {
	if !strings.EqualFold(w.peek(), word) {
		return false
	}
	w.next()
	return true
}

func (w *filterWords) fail(want string) error {
	return &FilterError{Filter: clip(w.text), Word: clip(w.peek()), Want: want}
}

func (w *filterWords) numbers() (Filter, error) {
	var ranges []Range
	for {
		r, ok := parseRange(w.peek())
		if !ok {
			return Filter{}, w.fail(wantNumber)
		}
		w.next()
		ranges = append(ranges, r)
		if w.peek() == "" {
			return Filter{Packets: JoinRanges(ranges)}, nil
		}
		comma := w.take(",")
		if and := w.take("and"); !comma && !and {
			return Filter{}, w.fail(`"and" or a comma, and another number`)
		}
	}
}

func (w *filterWords) segments() (Filter, error) {
	f := Filter{First: 1, Count: 1}
	if strings.EqualFold(w.next(), "every") {
		f.Every = 1
		if n, ok := parseOrdinal(w.peek()); ok {
			w.next()
			f.First, f.Every = n, n
		}
	} else if n, ok := parseOrdinal(w.peek()); ok {
		w.next()
		f.First = n
		if count, ok := parseNumber(w.peek()); ok && n == 1 {
			w.next()
			f.Count = count
		}
	}
	name := w.peek()
	if first := strings.ToLower(name); first == "data" && len(w.words) > 1 {
		name += " " + w.words[1]
	}
	at := slices.IndexFunc(packetKinds, func(s PacketKind) bool {
		return strings.EqualFold(name, string(s)) || strings.EqualFold(name, string(s)+"s")
	})
	if at < 0 {
		return Filter{}, w.fail(wantKind)
	}
	f.Kind = packetKinds[at]
	w.words = w.words[1+strings.Count(name, " "):]
	for _, end := range []struct {
		word string
		host *string
	}{{"from", &f.From}, {"to", &f.To}} {
		if !w.take(end.word) {
			continue
		}
		if *end.host = w.peek(); *end.host == "" || *end.host == "," {
			return Filter{}, w.fail("the name of a host or an IP address")
		}
		w.next()
	}
	if w.peek() != "" {
		return Filter{}, w.fail(`"from" and then "to", each with a host, or nothing`)
	}
	return f, nil
}

func parseRange(s string) (Range, bool) {
	first, last, open := strings.Cut(s, "..")
	r := Range{}
	var ok bool
	if r.First, ok = parseNumber(first); !ok {
		return r, false
	}
	switch {
	case !open:
		r.Last = r.First
	case last != "":
		if r.Last, ok = parseNumber(last); !ok || r.Last < r.First {
			return r, false
		}
	}
	return r, true
}

func parseNumber(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n >= 1 && n <= math.MaxInt64
}

func parseOrdinal(s string) (uint64, bool) {
	s = strings.ToLower(s)
	if at := slices.Index(ordinals, s); at >= 0 {
		return uint64(at) + 1, true
	}
	if len(s) < 3 || !slices.Contains([]string{"st", "nd", "rd", "th"}, s[len(s)-2:]) {
		return 0, false
	}
	return parseNumber(s[:len(s)-2])
}
