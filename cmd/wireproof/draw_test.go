package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

// Where there is no Graphviz, the error says what to install, and no file appears.
func TestDrawWithoutGraphviz(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	file := filepath.Join(t.TempDir(), "pair.svg")
	err := drawSVG(t.Context(), topo.Pair(), file)
	if err == nil || !strings.Contains(err.Error(), "apt-get install graphviz") || status(err) != statusUsage {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is there")
	}
}
