package scenarios

import (
	"context"
	"errors"
	"fmt"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// Ready tells whether this machine can run these scenarios on that back end, by bringing up the smallest network that has
// everything in it: two hosts, a switch, a rate; and whether the engines asked for can do their links. The error says what is missing and what to do. It takes some ten
// milliseconds, and is asked before anything is written.
func Ready(ctx context.Context, b Backend, all []Scenario) error {
	network, err := harness.Start(ctx, topo.Linear(1, topo.LinkParams{Rate: topo.Gbit}), nil)
	if err != nil {
		return err
	}
	if err := network.Close(); err != nil {
		return err
	}
	if b != Mininet { // which shapes its links itself
		if err := checkEngines(ctx, all); err != nil {
			return err
		}
	}
	return b.ready(ctx, all)
}

// checkEngines tells of each part what the engine that was asked for cannot do.
func checkEngines(ctx context.Context, all []Scenario) error {
	told := map[string]bool{}
	var errs []error
	for _, s := range all {
		err := harness.CheckEngines(ctx, s.Topo, &harness.Options{Engine: s.Engine})
		if err == nil || told[s.Part] {
			continue
		}
		told[s.Part] = true
		errs = append(errs, fmt.Errorf("%w: part %s: %w", ErrUsage, s.Part, err))
	}
	return errors.Join(errs...)
}
