package vm

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Each guest has a processor to itself as long as there are any, and one guest more has them all.
func TestGuestsSettleApart(t *testing.T) {
	type place struct {
		taken *net.UnixListener
		cpus  unix.CPUSet
	}
	next := func() place {
		done := make(chan place)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with its affinity
			p := place{taken: settle()}
			if err := unix.SchedGetaffinity(0, &p.cpus); err != nil {
				t.Error(err)
			}
			done <- p
		}()
		return <-done
	}
	var allowed, used unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	for range allowed.Count() + 1 {
		p := next()
		if p.taken == nil {
			sockets, err := os.ReadFile("/proc/net/unix") // other guests run, it may be
			if taken := strings.Count(string(sockets), "@wireproof-vm-processor-"); err != nil || taken < allowed.Count() {
				t.Errorf("none is left of %d processors, of which %d are taken, %v", allowed.Count(), taken, err)
			}
			if p.cpus != allowed {
				t.Errorf("with every processor taken, processors %v are left, not all of %v", p.cpus, allowed)
			}
			return
		}
		defer p.taken.Close()
		if p.cpus.Count() != 1 {
			t.Errorf("a guest has %d processors", p.cpus.Count())
		}
		for cpu := range len(allowed) * 64 {
			if p.cpus.IsSet(cpu) && used.IsSet(cpu) {
				t.Errorf("processor %d is given out twice", cpu)
			}
			if p.cpus.IsSet(cpu) {
				used.Set(cpu)
			}
		}
	}
	t.Errorf("of %d processors, %d were given out", allowed.Count(), used.Count())
}
