package scenarios

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// After the storm: a client whose server does not answer yet is not told that all is well, and one whose server does is.
//
//	h1 ── s1 ─ ✕ ─ h2
func TestStormIsOverWhenTheServerAnswers(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, time.Second)
	r := &run{network: &network{Network: harnesstest.Start(t, topo.Linear(1, topo.LinkParams{}), nil)}}
	link := r.network.Link("s1", "h2")
	if err := link.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := r.waitUsable(ctx, "h1", "h2"); err == nil || !strings.Contains(err.Error(), "h1 does not reach h2 after the loop was cut") {
		t.Errorf("with the server's link down: %v", err)
	}
	if err := link.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.waitUsable(t.Context(), "h1", "h2"); err != nil {
		t.Errorf("with the server's link up: %v", err)
	}
}
