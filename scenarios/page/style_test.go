package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Letters stand out from the paper by 4.5 to 1, lines by 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11), by day, by night and in print.
func TestContrast(t *testing.T) {
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(style, -1)
	if len(schemes) != 3 {
		t.Fatalf("%d schemes, want day, night and print", len(schemes))
	}
	for i, name := range []string{"day", "night", "print"} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+): *(#[0-9a-f]+)`).FindAllStringSubmatch(schemes[i][1], -1) {
			colours[m[1]] = m[2]
		}
		for what, least := range map[string]float64{
			"ink": 4.5, "soft": 4.5, "pass": 4.5, "fail": 4.5, "unsure": 4.5, "link": 4.5, "sent": 3, "acked": 3, "again": 3, "back": 3,
		} {
			if c := contrast(t, colours[what], colours["paper"]); c < least {
				t.Errorf("%s: %s stands out by %.1f, want %.1f", name, what, c, least)
			}
		}
		if c := contrast(t, colours["ink"], colours["wash"]); c < 4.5 {
			t.Errorf("%s: letters on a wash stand out by %.1f", name, c)
		}
	}
	if c := contrast(t, "#fff", "#000"); math.Abs(c-21) > .01 {
		t.Errorf("white on black is %.1f, want 21", c)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// luminance is the relative luminance of a colour as WCAG 2.2 defines it.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 6 {
		t.Fatalf("colour %q", colour)
	}
	linear := func(v uint64) float64 {
		c := float64(v&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*linear(n>>16) + .7152*linear(n>>8) + .0722*linear(n)
}
