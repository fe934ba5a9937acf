package harnesstest

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// leakLimit is how long things may take to go at the end of a test: long, since only a failure waits that long. Only this
// package's own tests change it.
var leakLimit = 30 * time.Second

// NoLeaks notes what there is now, and fails the test if at its end (after later clean-ups) there is more: goroutines,
// file descriptors, child processes, interfaces of the machine's own namespace, mounts. Call it first in a test; not in
// one that runs in parallel with others.
func NoLeaks(tb testing.TB) {
	tb.Helper()
	// What Go opens once and keeps, at the first use: the poller's descriptors.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	routines := goleak.IgnoreCurrent()
	before := state()
	tb.Cleanup(func() {
		deadline := time.Now().Add(leakLimit)
		var left []string
		for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
			left = more(before, state())
			if len(left) == 0 || time.Now().After(deadline) {
				break
			}
			time.Sleep(wait)
		}
		for _, l := range left {
			tb.Errorf("left behind: %s", l)
		}
		err := goleak.Find(routines) // waits a moment itself
		for err != nil && time.Now().Before(deadline) {
			err = goleak.Find(routines)
		}
		if err != nil {
			tb.Errorf("left behind: %v", err)
		}
	})
}

// state lists what could be left behind.
func state() []string {
	var all []string
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		// The directory's own descriptor is gone by now.
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			all = append(all, fmt.Sprintf("descriptor %s of %s", fd.Name(), to))
		}
	}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		children, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		for child := range strings.FieldsSeq(string(children)) {
			all = append(all, "process "+child)
		}
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		all = append(all, "interface "+i.Name)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for mount := range strings.Lines(string(mounts)) {
		all = append(all, "mount "+strings.TrimSpace(mount))
	}
	return all
}

// more lists what is in after and was not in before.
func more(before, after []string) []string {
	slices.Sort(before)
	var left []string
	for _, a := range after {
		if _, was := slices.BinarySearch(before, a); !was {
			left = append(left, a)
		}
	}
	return left
}
