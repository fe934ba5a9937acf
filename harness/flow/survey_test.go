package flow

import (
	"strings"
	"testing"
)

// Survey claims no more than the files, and the number of connections where one is given.
func TestSurvey(t *testing.T) {
	serve := func(names ...string) func(*script) {
		return func(s *script) {
			k := s.talk(h2, server, 1000, 5000).open()
			for _, name := range names {
				k.serve(name, map[string][]byte{"A": novelA, "B": novelB}[name])
			}
			k.close()
		}
	}
	flipped := func(s *script) {
		s.talk(h2, server, 1000, 5000).open().serve("A", flip(novelA, 12_345)).serve("B", novelB).close()
	}
	for _, c := range []struct {
		name        string
		build       func(*script)
		connections int
		want        string // capture, connections, streams, wire A, wire B, close
		detail      string
	}{
		{"both, any number", serve("A", "B"), -1, "PPPPPP", "no number was claimed"},
		{"both, in any order", serve("B", "A"), 1, "PPPPPP", "1 connection"},
		{"both, another number", serve("A", "B"), 3, "PFPPPP", "expected 3"},
		{"one absent", serve("A"), 1, "PPPPFP", "B: no beginning of it"},
		{"one flipped", flipped, 1, "PPPFPP", "A: differs at file offset 12,345"},
		{"nothing at all", func(*script) {}, 0, "IIIIII", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			c.build(s)
			a := analyze(t, s.pcapng(), fileOf("A", novelA), fileOf("B", novelB))
			checks := a.Survey(c.connections)
			var all strings.Builder
			for _, check := range checks {
				all.WriteString("\n  " + check.Name + " " + string(check.Verdict) + " " + check.Detail)
			}
			if got := letters(checks); got != c.want {
				t.Errorf("verdicts %s, want %s:%s", got, c.want, all.String())
			}
			if !strings.Contains(all.String(), c.detail) {
				t.Errorf("no detail says %q:%s", c.detail, all.String())
			}
		})
	}
}

// A tail that the capture lost makes a file that is not there INCONCLUSIVE, not failed.
func TestSurveyOfADroppedTail(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().serve("A", novelA)
	a := analyze(t, s.pcapng(), fileOf("A", novelA), fileOf("B", novelB))
	if got := letters(a.Survey(1)); got != "PPPPII" {
		t.Errorf("verdicts %s, want PPPPII", got)
	}
}

func TestOverallOfNothingIsInconclusive(t *testing.T) {
	if got := Overall(nil); got != Inconclusive {
		t.Errorf("no checks at all are %s", got)
	}
}
