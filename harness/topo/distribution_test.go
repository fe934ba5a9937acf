package topo_test

import (
	"strings"
	"testing"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestParseDistribution(t *testing.T) {
	for _, d := range Distributions() {
		if got, err := ParseDistribution(string(d)); got != d || err != nil {
			t.Errorf("%q: %q, %v", d, got, err)
		}
	}
	if got, err := ParseDistribution(""); got != Uniform || err != nil {
		t.Errorf("empty: %q, %v", got, err)
	}
	_, err := ParseDistribution("gauss")
	if err == nil || !strings.Contains(err.Error(), "uniform, normal, pareto, paretonormal") {
		t.Errorf("gauss: %v", err)
	}
}
