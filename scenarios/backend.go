package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
)

// A Backend is what brings topologies up. Everything above it is the same.
type Backend string

const (
	// Namespaces, also the zero Backend, are network namespaces of our own: harness.Start.
	Namespaces Backend = "netns"
	// Mininet is real Mininet: mininet.Start. It is one network at a time.
	Mininet Backend = "mininet"
)

// Backends are all there are.
func Backends() []Backend { return []Backend{Namespaces, Mininet} }

// ParseBackend returns the back end of this name; "" is Namespaces.
func ParseBackend(s string) (Backend, error) {
	if s == "" {
		return Namespaces, nil
	}
	if b := Backend(s); slices.Contains(Backends(), b) {
		return b, nil
	}
	return "", fmt.Errorf("%w: unknown back end %q: use %s or %s", ErrUsage, s, Namespaces, Mininet)
}

// A network is what a back end brought up.
type network struct {
	*harness.Network
	close func() error
	lost  <-chan struct{} // closed when it is no longer what it was; nil: that cannot be
	why   func() error    // after lost
}

// start brings t up. ctx bounds the wait for other networks, upTimeout the work itself.
func (b Backend) start(ctx context.Context, t topo.Topo, o *harness.Options) (*network, error) {
	if b != Mininet {
		ctx, cancel := context.WithTimeout(ctx, upTimeout)
		defer cancel()
		n, err := harness.Start(ctx, t, o)
		if err != nil {
			return nil, err
		}
		return &network{Network: n, close: n.Close}, nil
	}
	if o.Engine != harness.EngineAuto {
		return nil, ownShaping(o.Engine)
	}
	limit := upTimeout
	if os.Getenv("WIREPROOF_VM") != "" {
		limit *= 10 // Mininet starts some programs for each link; user-mode-linux takes ten times as long for each
	}
	n, err := mininet.Start(ctx, t, &mininet.Options{Harness: *o, Limit: limit})
	if err != nil {
		return nil, err
	}
	return &network{Network: n.Network, close: n.Close, lost: n.Lost(), why: n.Err}, nil
}

// ready says why this machine cannot bring some of the scenarios up, each reason once, with the parts that it is about.
func (b Backend) ready(ctx context.Context, all []Scenario) error {
	if b != Mininet {
		return nil
	}
	parts := map[string][]string{} // by reason
	reasons := map[string]error{}
	var order []string
	some := false // can
	for _, s := range all {
		err := mininet.Ready(ctx, s.Topo)
		if s.Engine != harness.EngineAuto {
			err = ownShaping(s.Engine)
		}
		if err == nil {
			some = true
			continue
		}
		text := err.Error()
		if parts[text] == nil {
			order = append(order, text)
		}
		reasons[text] = err
		if !slices.Contains(parts[text], s.Part) {
			parts[text] = append(parts[text], s.Part)
		}
	}
	var errs []error
	for _, text := range order {
		err := reasons[text]
		if errors.Is(err, mininet.ErrCannot) || errors.Is(err, harness.ErrKernel) {
			noun := "part"
			if len(parts[text]) > 1 {
				noun = "parts"
			}
			err = fmt.Errorf("%s %s: %w", noun, strings.Join(parts[text], ", "), err)
			if some {
				err = fmt.Errorf("%w; the other parts run here, where they are named by themselves", err)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// ownShaping refuses an engine for Mininet.
func ownShaping(e harness.Engine) error {
	return fmt.Errorf("%w: --engine %s: Mininet shapes its links itself: leave it out", ErrUsage, e)
}

// hold keeps other processes from what the back end uses for the machine, until it is let go.
func (b Backend) hold(ctx context.Context) (letGo func(), err error) {
	if b != Mininet {
		return func() {}, nil
	}
	return mininet.Acquire(ctx, false)
}

// cannot says that an error is about the user's input or the machine, and that no other scenario could escape it.
func cannot(err error) bool {
	for _, kind := range []error{ErrUsage, harness.ErrNotRoot, harness.ErrKernel, mininet.ErrMissing, mininet.ErrBusy, mininet.ErrCannot} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
