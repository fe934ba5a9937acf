package mininet

import (
	"context"
	"errors"

	"github.com/wireproof/wireproof/harness/topo"
)

// StartHalf starts t with a last link that tc(8) refuses, so that Mininet fails when all else is there.
func StartHalf(ctx context.Context, t topo.Topo) error {
	asked, err := newSpec(t, SwitchBridge)
	if err != nil {
		return err
	}
	asked.Links[len(asked.Links)-1].BA.Delay = "bogus"
	release, err := Acquire(ctx, false)
	if err != nil {
		return err
	}
	n := &Network{slot: release}
	return errors.Join(n.start(ctx, t, asked, &Options{}), n.Close())
}
