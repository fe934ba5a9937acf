package page

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// thousands writes a whole number with commas.
func thousands[T int | int64 | uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	if n < 0 {
		return s
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// three writes a value in three figures or more, without an exponent.
func three(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 99.95:
		return thousands(int64(math.Round(v)))
	case a >= 9.995:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= .9995:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return trim(strconv.FormatFloat(v, 'f', 3, 64))
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// A scale is how a quantity is written: the value in base units over Of, and the unit.
type scale struct {
	of   float64
	unit string
}

// pick returns the largest scale that v is not below.
func pick(v float64, all []scale) scale {
	for _, s := range all {
		if v >= s.of {
			return s
		}
	}
	return all[len(all)-1]
}

var (
	byteScales = []scale{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "bytes"}}
	timeScales = []scale{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}}
	rateScales = []scale{{1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}, {1, "bit/s"}}
)

func in(v float64, all []scale) string {
	s := pick(math.Abs(v), all)
	return three(v/s.of) + " " + s.unit
}

func size(n uint64) string           { return in(float64(n), byteScales) }
func seconds(d time.Duration) string { return in(d.Seconds(), timeScales) }
func rate(bps float64) string        { return in(bps, rateScales) }

// count says how many of what there are; the plural is many, or one with an s.
func count(n int, one string, many ...string) string {
	word := one
	if n != 1 {
		word += "s"
		if len(many) > 0 {
			word = many[0]
		}
	}
	return thousands(n) + " " + word
}

// shown makes what came over the wire fit for a line of a page: what does not print is a dot, and it is at most n characters.
func shown(s string, n int) string {
	s = strings.TrimRight(s, "\r\n")
	var b strings.Builder
	written := 0
	for _, r := range s {
		if written == n {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n':
			r = '⏎'
		case r == '\r':
			continue
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			r = '·'
		}
		b.WriteRune(r)
		written++
	}
	return b.String()
}

// nice returns round values from 0 to high or a little less, about n of them.
func nice(high float64, n int) []float64 {
	if high <= 0 || math.IsInf(high, 0) || math.IsNaN(high) {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(high/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if high/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var all []float64
	for i := 0; float64(i)*step <= high*1.0001; i++ {
		all = append(all, float64(i)*step)
	}
	return all
}

func percent(part, whole float64) string {
	if whole <= 0 {
		return "0%"
	}
	return fmt.Sprintf("%.2f%%", 100*part/whole)
}

// natural orders names by the number at their end, h2 before h10.
func natural(a, b string) int {
	textA, textB := strings.TrimRight(a, "0123456789"), strings.TrimRight(b, "0123456789")
	return cmp.Or(cmp.Compare(textA, textB), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
