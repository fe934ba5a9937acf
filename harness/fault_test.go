package harness_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/topo"
)

// Whichever operation fails, Start says so, and leaves nothing.
func TestFailEverywhere(t *testing.T) {
	rate := topo.LinkParams{Rate: topo.Gbit}
	delay := topo.LinkParams{Delay: time.Millisecond}
	loss := topo.LinkParams{Rate: topo.Gbit, LossPercent: 1}
	for _, c := range []struct {
		name   string
		topo   topo.Topo
		engine harness.Engine
		tun    bool
		least  int64
	}{
		{"htb", topo.Linear(1, rate), harness.EngineAuto, true, 40},
		{"user", topo.Linear(1, delay), harness.EngineAuto, true, 40},
		{"user-packet", cable(delay, delay), harness.EngineAuto, false, 40},
		{"user-bypass", cable(topo.LinkParams{}, topo.LinkParams{}), harness.EngineUser, true, 40},
		{"bpf", cable(loss, loss), harness.EngineBPF, true, 40},
	} {
		t.Run(c.name, func(t *testing.T) { failEverywhere(t, c.topo, c.engine, c.tun, c.least) })
	}
}

func failEverywhere(t *testing.T, impaired topo.Topo, engine harness.Engine, tun bool, least int64) {
	harnesstest.Require(t, "root")
	if engine == harness.EngineBPF {
		harnesstest.Require(t, "bpf")
	}
	harnesstest.NoLeaks(t)
	injected := errors.New("injected")
	for nth := int64(1); ; nth++ {
		var count atomic.Int64
		var failed atomic.Pointer[string]
		remove := fault.Set(func(op string) error {
			if op == "probe bypass" { // then there is none, and no error
				return nil
			}
			if count.Add(1) == nth {
				failed.Store(&op)
				return injected
			}
			if !tun && strings.HasPrefix(op, "make TAP ") {
				return relay.ErrNoTUN
			}
			return nil
		})
		n, err := harness.Start(within(t), impaired, &harness.Options{Engine: engine})
		if err == nil {
			err = n.Host("h1").Command(within(t), "true").Run()
			closing := n.Close()
			if closing != nil && !errors.Is(closing, injected) {
				t.Errorf("operation %d: close: %v", nth, closing)
			}
			err = errors.Join(err, closing)
		}
		remove()
		if failed.Load() == nil {
			if err != nil {
				t.Errorf("nothing was injected, and yet: %v", err)
			}
			if nth < least {
				t.Errorf("only %d operations", nth-1)
			}
			return
		}
		if !errors.Is(err, injected) {
			t.Errorf("operation %d, %s: got %v", nth, *failed.Load(), err)
		}
	}
}

// A kernel without a feature is told as such, with the feature's name.
func TestKernelLacks(t *testing.T) {
	harnesstest.Require(t, "root")
	shaped := topo.Linear(1, topo.LinkParams{Rate: topo.Gbit})
	for _, c := range []struct {
		op    string
		errno unix.Errno
		want  string
	}{
		{"add veth ", unix.EOPNOTSUPP, ": kernel lacks veth: load the module"},
		{"add bridge ", unix.EOPNOTSUPP, "start linear: switch s1: add bridge s1: kernel lacks bridge: "},
		{"add htb to h1", unix.ENOENT, "start linear: link h1-s1: add htb to h1-eth0: kernel lacks sch_htb: "},
		{"make network namespace", unix.EPERM, ": make network namespace: operation not permitted: run it as root"},
	} {
		remove := fault.Set(func(op string) error {
			if strings.HasPrefix(op, c.op) {
				return c.errno
			}
			return nil
		})
		_, err := harness.Start(within(t), shaped, nil)
		remove()
		sentinel := harness.ErrKernel
		if c.errno == unix.EPERM {
			sentinel = harness.ErrNotRoot
		}
		if !errors.Is(err, sentinel) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v", c.op, err)
		}
	}
}
