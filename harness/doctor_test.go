package harness_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// What is there has a detail, what is missing has a remedy too, each name stands once, and nothing is left behind.
func TestDoctor(t *testing.T) {
	harnesstest.NoLeaks(t)
	all := harness.Doctor(within(t))
	seen := map[string]bool{}
	for _, c := range all {
		if c.Name == "" || seen[c.Name] {
			t.Errorf("%q stands twice, or has no name", c.Name)
		}
		seen[c.Name] = true
		if c.Detail == "" || c.OK == (c.Remedy != "") {
			t.Errorf("%+v: want a detail, and a remedy exactly where it is missing", c)
		}
	}
	for _, name := range []string{"root", "veth", "bridge", "htb", "packet ring", "sock_diag"} {
		i := slices.IndexFunc(all, func(c harness.Capability) bool { return c.Name == name })
		if i < 0 || !all[i].Needed {
			t.Errorf("%s is not among what is needed: %+v", name, all)
		}
	}
	if all[0].Name != "root" {
		t.Errorf("the first is %q: without root most others are missing, so it comes first", all[0].Name)
	}
}

// On a PATH without programs they are missing, by name and with their package.
func TestDoctorMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range harness.Probe(within(t), "tshark", "ping", "tshrak") {
		if c.OK || c.Remedy == "" || !strings.Contains(c.Detail, c.Name) {
			t.Errorf("%+v", c)
		}
	}
}
