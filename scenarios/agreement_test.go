package scenarios

import (
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
)

// Where two proofs agree and one does not, the report says which.
func TestAgreementNamesTheOneThatStandsAlone(t *testing.T) {
	const pass, fail, open = flow.Pass, flow.Fail, flow.Inconclusive
	for _, c := range []struct {
		disk, wire, connections flow.Verdict
		verdict                 flow.Verdict
		says                    string
	}{
		{pass, pass, pass, pass, "agree"},
		{pass, pass, fail, fail, "connections alone says FAIL"},
		{fail, pass, pass, fail, "disk alone says FAIL"},
		{pass, fail, fail, fail, "disk alone says PASS"},
		{pass, open, pass, open, "wire alone says INCONCLUSIVE"},
		{pass, open, fail, fail, "disk says PASS, wire says INCONCLUSIVE, connections says FAIL"},
		{fail, fail, fail, fail, "all FAIL"},
		{"", pass, pass, open, "no proof by disk"},
	} {
		var checks []flow.Check
		for name, v := range map[string]flow.Verdict{"disk": c.disk, "wire": c.wire, "connections": c.connections} {
			if v != "" {
				checks = append(checks, flow.Check{Name: name, Verdict: v})
			}
		}
		got := agreement(checks)
		if got.Verdict != c.verdict || !strings.Contains(got.Detail, c.says) {
			t.Errorf("disk %q, wire %q, connections %q: %s %q, want %s and %q", c.disk, c.wire, c.connections, got.Verdict, got.Detail, c.verdict, c.says)
		}
	}
}
