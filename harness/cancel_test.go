package harness_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/topo"
)

// A context that ends at any of the operations of Start ends it with its cause, and nothing is left.
func TestStartCancelled(t *testing.T) {
	harnesstest.Require(t, "root")
	harnesstest.NoLeaks(t)
	shaped := topo.Linear(2, topo.LinkParams{Rate: 100 * topo.Mbit})
	stop := errors.New("the user pressed ctrl-c")
	// At each operation in turn, until one is asked for that there is not.
	for nth, happened := int64(1), true; happened; nth++ {
		ctx, cancel := context.WithCancelCause(context.Background())
		var count atomic.Int64
		remove := fault.Set(func(string) error {
			if count.Add(1) == nth {
				cancel(stop)
			}
			return nil
		})
		n, err := harness.Start(ctx, shaped, nil)
		happened = ctx.Err() != nil
		remove()
		cancel(nil)
		switch {
		case err == nil: // it came too late to matter, or not at all
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
		case !errors.Is(err, stop):
			t.Errorf("cancelled at operation %d: %v", nth, err)
		}
		if !happened && nth < 20 {
			t.Errorf("Start made %d operations that could fail: the count is blind", nth-1)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if _, err := harness.Start(ctx, shaped, nil); !errors.Is(err, stop) {
		t.Errorf("the context was over before Start: %v", err)
	}
}

// Triangles without a spanning tree come up, where they are asked for by name, and go down in the middle of the storm.
func TestStorm(t *testing.T) {
	harnesstest.NoLeaks(t)
	triangle := topo.Topo{Name: "storm", Loops: topo.LoopsStorm}
	triangle.AddHost("h1", "h2").AddSwitch("s1", "s2", "s3")
	triangle.AddLink("h1", "s1").AddLink("h2", "s2")
	for _, l := range [][2]string{{"s1", "s2"}, {"s2", "s3"}, {"s3", "s1"}} {
		triangle.AddLink(l[0], l[1], topo.LinkParams{Rate: 10 * topo.Mbit})
	}
	n := harnesstest.Start(t, triangle, nil)
	// One broadcast, for the address of a host that is not there, goes round for ever.
	probe, err := n.Host("h1").Dial(within(t), "udp", "10.0.0.99:9")
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if _, err := probe.Write([]byte("who?")); err != nil {
		t.Fatal(err)
	}
	for ctx := within(t); ; {
		stats, err := n.Link("s2", "s3").Stats()
		if err != nil {
			t.Fatal(err)
		}
		if stats.A.TxPackets > 100 { // nobody sends a hundred: they are copies
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("no storm: %+v", stats)
		}
	}
}
