package mininet

import (
	"context"
	"fmt"
	"os/exec"
	"sync"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// remedyNetem is what to do where netem is missing.
const remedyNetem = "modprobe sch_netem (RHEL: dnf install kernel-modules-extra); where the kernel has no such module, run it as `wireproof vm -- wireproof …`, " +
	"in a kernel that has, or in own namespaces with --engine user"

// found is the Python that has Mininet: to ask takes some tenths of a second, and one that was found stays.
var found struct {
	sync.Mutex
	python string
}

func interpreter(ctx context.Context) (string, error) {
	found.Lock()
	defer found.Unlock()
	if found.python != "" {
		return found.python, nil
	}
	python, err := harness.MininetPython(ctx)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w: apt-get install mininet (Debian, Ubuntu), or see mininet.org/download", err, ErrMissing)
	}
	found.python = python
	return python, nil
}

// Ready says whether this machine can bring t up in Mininet, without touching anything: Mininet itself, root, and the
// kernel's netem where a link delays or loses. The error tells what to install or run: ErrCannot, harness.ErrNotRoot,
// harness.ErrKernel.
func Ready(ctx context.Context, t topo.Topo) error {
	if _, err := newSpec(t, SwitchAuto); err != nil {
		return fmt.Errorf("mininet: %s: %w", t.Name, err)
	}
	if c := harness.Probe(ctx, "root")[0]; !c.OK {
		return fmt.Errorf("mininet: %s: %w: %s", c.Detail, harness.ErrNotRoot, c.Remedy)
	}
	if _, err := interpreter(ctx); err != nil {
		return fmt.Errorf("mininet: %w", err)
	}
	for _, program := range []string{"mnexec", "ifconfig", "ethtool", "tc", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("mininet: %w: %w: apt-get install mininet net-tools ethtool iproute2", err, ErrMissing)
		}
	}
	if links := needsNetem(t); links != "" {
		if c := harness.Probe(ctx, "netem")[0]; !c.OK {
			return fmt.Errorf("mininet: links %s delay or lose, which Mininet leaves to the kernel's module sch_netem, and that is %w: %s", links, harness.ErrKernel, remedyNetem)
		}
	}
	return nil
}
