package novels

import "strings"

// A style is how the grammar's marks are written as bytes.
type style struct {
	head                  string // at the file's beginning
	open, shut, dash, dot string // quotation marks, dash, ellipsis
	cafe                  string // a word with a letter outside of ASCII
	newline               string
}

var (
	plain       = style{open: `"`, shut: `"`, dash: "--", dot: "...", cafe: "cafe", newline: "\n"}
	typographic = style{open: "\u201c", shut: "\u201d", dash: "\u2014", dot: "\u2026", cafe: "caf\u00e9", newline: "\n"}
	marked      = style{head: "\ufeff", open: "\u201c", shut: "\u201d", dash: "\u2014", dot: "...", cafe: "caf\u00e9", newline: "\n"}
	latin1      = style{open: "\xab", shut: "\xbb", dash: "--", dot: "...", cafe: "caf\xe9", newline: "\n"}
)

// random is SplitMix64: a few instructions a number, the same on every machine
// and in every release of Go, and any place of it can be started at.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1, n at most 2^32. Its bias is of no
// matter here.
func (r *random) below(n int) int {
	return int(r.next() >> 32 * uint64(n) >> 32)
}

func pick(r *random, words []string) string { return words[r.below(len(words))] }

// A writer makes text: chapters of paragraphs of sentences, in lines of about
// seventy characters.
type writer struct {
	style
	random
	b      []byte
	column int
}

const lineWidth = 66

// word adds a word with a space or a line's end before it, if a line has begun.
func (w *writer) word(s string) {
	switch {
	case w.column == 0:
	case w.column+1+len(s) > lineWidth:
		w.b = append(w.b, w.newline...)
		w.column = 0
	default:
		w.b = append(w.b, ' ')
		w.column++
	}
	w.mark(s)
}

// mark adds s to the last word.
func (w *writer) mark(s string) {
	w.b = append(w.b, s...)
	w.column += len(s)
}

func (w *writer) lines(n int) {
	for range n {
		w.b = append(w.b, w.newline...)
	}
	w.column = 0
}

// phrase is an article, perhaps an adjective, and a noun.
func (w *writer) phrase(first bool) {
	article, noun, adjective := w.below(len(articles)), pick(&w.random, nouns), ""
	switch w.below(16) {
	case 0:
		adjective, noun = pick(&w.random, adjectives), w.cafe
	case 1, 2, 3, 4, 5:
		adjective = pick(&w.random, adjectives)
	}
	next := adjective
	if next == "" {
		next = noun
	}
	if first {
		w.word(capitals[article])
	} else {
		w.word(articles[article])
	}
	if articles[article] == "a" && vowel(next[0]) {
		w.mark("n")
	}
	if adjective != "" {
		w.word(adjective)
	}
	w.word(noun)
}

func vowel(c byte) bool { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' }

func (w *writer) clause(first bool) {
	if w.below(3) == 0 {
		w.word(pick(&w.random, people))
	} else {
		w.phrase(first)
	}
	w.word(pick(&w.random, verbs))
	w.phrase(false)
	if w.below(2) == 0 {
		w.word(pick(&w.random, prepositions))
		w.phrase(false)
	}
}

func (w *writer) sentence() {
	switch w.below(6) {
	case 0: // speech
		w.word(w.open)
		w.mark("The ")
		w.mark(pick(&w.random, nouns))
		w.word(pick(&w.random, verbs))
		w.phrase(false)
		w.mark("," + w.shut)
		w.word("said")
		w.word(pick(&w.random, people))
		w.mark(".")
	case 1: // an aside
		w.clause(true)
		w.mark(w.dash)
		w.mark(pick(&w.random, adverbs))
		w.mark(w.dash)
		w.mark(pick(&w.random, conjunctions))
		w.clause(false)
		w.mark(".")
	case 2:
		w.clause(true)
		w.mark(w.dot)
	case 3:
		w.word(pick(&w.random, openings))
		w.mark(",")
		w.clause(false)
		w.mark(".")
	default:
		w.clause(true)
		w.mark(",")
		w.word(pick(&w.random, conjunctions))
		w.clause(false)
		w.mark(".")
	}
}

func (w *writer) paragraph() {
	for range 2 + w.below(6) {
		w.sentence()
	}
	w.lines(2)
}

func (w *writer) chapter(n int) {
	w.mark("CHAPTER ")
	w.mark(roman(n))
	w.lines(2)
	w.mark("Of")
	w.phrase(false)
	w.mark(", and of")
	w.phrase(false)
	w.lines(3)
	for range 20 + w.below(20) {
		w.paragraph()
	}
	w.lines(2)
}

// compose makes a novel: title, chapters, and at the exact size an end that
// cuts no character.
func compose(r recipe) []byte {
	size := int(r.Size)
	w := &writer{style: r.style, random: random(r.seed), b: make([]byte, 0, size+64<<10)}
	w.b = append(w.b, w.head...)
	w.mark(r.Title)
	w.lines(3)
	for n := 1; len(w.b) < size; n++ {
		w.chapter(n)
	}
	const end = "\n\nTHE END\n"
	cut := size - len(end)
	for w.b[cut-1] >= 0x80 {
		cut--
	}
	for w.b = w.b[:cut]; len(w.b) < size-len(end); {
		w.b = append(w.b, '.')
	}
	return append(w.b, end...)
}

// capitals and openings are the words that begin sentences.
var capitals, openings = capitalized(articles), capitalized(adverbs)

func capitalized(words []string) []string {
	list := make([]string, len(words))
	for i, s := range words {
		list[i] = strings.ToUpper(s[:1]) + s[1:]
	}
	return list
}

func roman(n int) string {
	var s []byte
	for _, d := range []struct {
		value  int
		letter string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= d.value; n -= d.value {
			s = append(s, d.letter...)
		}
	}
	return string(s)
}
