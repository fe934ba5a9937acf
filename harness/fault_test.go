package harness_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/topo"
)

// Whichever operation fails, Start says so, and leaves nothing.
func TestFailEverywhere(t *testing.T) {
	harnesstest.Require(t, "root")
	harnesstest.NoLeaks(t)
	shaped := topo.Linear(1, topo.LinkParams{Rate: topo.Gbit})
	injected := errors.New("injected")
	for nth := int64(1); ; nth++ {
		var count atomic.Int64
		var failed atomic.Pointer[string]
		remove := fault.Set(func(op string) error {
			if count.Add(1) == nth {
				failed.Store(&op)
				return injected
			}
			return nil
		})
		n, err := harness.Start(within(t), shaped, nil)
		if err == nil {
			err = n.Host("h1").Command(within(t), "true").Run()
			if closing := n.Close(); closing != nil {
				t.Errorf("operation %d: close: %v", nth, closing)
			}
		}
		remove()
		if failed.Load() == nil {
			if err != nil {
				t.Errorf("nothing was injected, and yet: %v", err)
			}
			if nth < 40 {
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
