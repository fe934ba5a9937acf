package scenarios

import (
	"context"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// Ready tells whether this machine can run these scenarios on that back end, by bringing up the smallest network that has
// everything in it: two hosts, a switch, a rate. The error says what is missing and what to do. It takes some ten
// milliseconds, and is asked before anything is written.
func Ready(ctx context.Context, b Backend, all []Scenario) error {
	network, err := harness.Start(ctx, topo.Linear(1, topo.LinkParams{Rate: topo.Gbit}), nil)
	if err != nil {
		return err
	}
	if err := network.Close(); err != nil {
		return err
	}
	return b.ready(ctx, all)
}
