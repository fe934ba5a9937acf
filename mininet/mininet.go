package mininet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// A Switch is what Mininet uses for switches.
type Switch string

const (
	// SwitchAuto, the zero Switch, is Open vSwitch where it runs, with the kernel's datapath or else the one in user space,
	// and a Linux bridge elsewhere.
	SwitchAuto Switch = ""
	// SwitchBridge is the kernel's bridge.
	SwitchBridge Switch = "bridge"
	// SwitchOVS is Open vSwitch with the kernel's datapath.
	SwitchOVS Switch = "ovs"
	// SwitchOVSUser is Open vSwitch with the datapath in user space. Hosts' tx checksum offload is off with it, or no TCP
	// segment gets through.
	SwitchOVSUser Switch = "ovs-user"
)

// ErrMissing: Mininet, or a program that it needs, is not installed. The text says what to install.
var ErrMissing = errors.New("mininet is not installed")

// Options say how a topology is brought up in Mininet. The zero value, and a nil *Options, are good defaults.
type Options struct {
	// Switch of all switches. Zero: SwitchAuto.
	Switch Switch
	// Limit is the longest time that Mininet may take to come up, once it is this network's turn. Zero: as ctx allows.
	Limit time.Duration
	// Harness is for what package harness does with the hosts. Its engines are not heeded: Mininet shapes the links.
	Harness harness.Options
}

// A Network is a topology that is up in Mininet. Everything but Close is the harness's.
type Network struct {
	*harness.Network
	driver *driver
	slot   func()
	once   sync.Once
	err    error
}

// slot is for one network at a time in this process: their names collide.
var slot = make(chan struct{}, 1)

// Start brings t up in Mininet and returns when every switch forwards. It waits while another network of this process
// is up, and refuses with ErrBusy where another process has one. A failed Start leaves nothing behind.
// Errors: those of Ready, ErrBusy, *topo.Mistake, ctx's. ctx bounds Start alone.
func Start(ctx context.Context, t topo.Topo, o *Options) (*Network, error) {
	if o == nil {
		o = &Options{}
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("mininet: %s: %w", t.Name, err)
	}
	asked, err := newSpec(t, o.Switch)
	if err != nil {
		return nil, fmt.Errorf("mininet: %s: %w", t.Name, err)
	}
	if err := Ready(ctx, t); err != nil {
		return nil, err
	}
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("mininet: %s: another network of this program is up: %w", t.Name, context.Cause(ctx))
	}
	release, err := Acquire(ctx, false)
	if err != nil {
		<-slot
		return nil, fmt.Errorf("mininet: %s: %w", t.Name, err)
	}
	if o.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Limit, fmt.Errorf("it was not up within %v", o.Limit))
		defer cancel()
	}
	n := &Network{slot: func() { release(); <-slot }}
	if err := n.start(ctx, t, asked, o); err != nil {
		return nil, fmt.Errorf("mininet: %s: %w", t.Name, errors.Join(err, n.Close()))
	}
	return n, nil
}

func (n *Network) start(ctx context.Context, t topo.Topo, asked spec, o *Options) (err error) {
	if n.driver, err = startDriver(ctx, asked); err != nil {
		return err
	}
	up, err := n.driver.waitUp(ctx)
	if err != nil {
		return err
	}
	nodes := make(map[string]harness.Attached)
	for name, node := range up.Nodes {
		nodes[name] = harness.Attached{PID: node.PID, Bridge: node.Bridge}
	}
	if err := sameNames(t, up.Nodes); err != nil {
		return err
	}
	n.Network, err = harness.Attach(ctx, t, nodes, &o.Harness)
	return err
}

// sameNames checks that Mininet has named the interfaces as the topology does.
func sameNames(t topo.Topo, nodes map[string]nodeEvent) error {
	want := make(map[string][]string)
	for _, i := range t.Interfaces() {
		want[i.Node] = append(want[i.Node], i.Name)
	}
	for node, names := range want {
		got := slices.Sorted(slices.Values(nodes[node].Interfaces))
		slices.Sort(names)
		if !slices.Equal(got, names) {
			return fmt.Errorf("%s has interfaces %s in Mininet, and is to have %s", node, strings.Join(got, ", "), strings.Join(names, ", "))
		}
	}
	return nil
}

// Switches says what the switches are: SwitchBridge, SwitchOVS or SwitchOVSUser.
func (n *Network) Switches() Switch { return n.driver.up.Switch }

// Seconds is how long Mininet itself took to build and start the network.
func (n *Network) Seconds() float64 { return n.driver.up.Seconds }

// StopSeconds is, after Close, how long Mininet took to stop; zero if it did not come to that.
func (n *Network) StopSeconds() float64 {
	n.driver.mu.Lock()
	defer n.driver.mu.Unlock()
	return n.driver.stopped
}

// PID is the driver's process: Mininet's own, the parent of the hosts' shells.
func (n *Network) PID() int { return n.driver.cmd.Process.Pid }

// Lost is closed when the network is no longer what it was: a host's or switch's shell has died, or the driver. Err then
// says which.
func (n *Network) Lost() <-chan struct{} { return n.driver.lost }

// Err is why the network was lost; nil: it was not.
func (n *Network) Err() error { return n.driver.lostError() }

// stopLimit is how long Mininet may take to stop, and how much more for each link: it runs two programs for each. Where it took
// long to come up, on a busy machine or in a guest, it may take twice that long to stop.
const (
	stopLimit   = 30 * time.Second
	stopForLink = 200 * time.Millisecond
)

// Close ends what runs in the network, has Mininet stop, and removes what it left. That the network was lost before is
// no error of Close's. It is idempotent.
func (n *Network) Close() error {
	n.once.Do(func() {
		defer n.slot()
		var errs []error
		limit := stopLimit
		if n.Network != nil {
			errs = append(errs, n.Network.Close())
			limit += time.Duration(len(n.Topo().Links)) * stopForLink
		}
		if n.driver != nil {
			limit += 2 * time.Duration(n.driver.seconds()*float64(time.Second))
			errs = append(errs, n.driver.stop(limit))
		}
		n.err = errors.Join(errs...)
	})
	return n.err
}
