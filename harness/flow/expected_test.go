package flow

import "testing"

// Every check that a judgement makes says what it would have passed for.
func TestEveryCheckSaysWhatIsExpected(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1, 2).open().serve("A", novelA).close()
	checks := analyze(t, s.pcapng(), corpus()...).Judge(claim("A"))
	checks = append(checks, CompareDisk("h2", t.TempDir(), nil))
	if len(checks) < 6 {
		t.Fatalf("only %d checks", len(checks))
	}
	for _, c := range checks {
		if Expected(c.Name) == "" {
			t.Errorf("of check %s nothing is said to be expected", c.Name)
		}
	}
	if Expected("anything") != "" {
		t.Error("a check that is not known has its text")
	}
}
