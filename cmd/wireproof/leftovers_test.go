package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A mark tells the processes of one run from all others on the machine: it stands in their environment, and is
// handed on to whatever they start.
type mark string

var marks atomic.Int64

func newMark() mark {
	return mark(fmt.Sprintf("WIREPROOF_TEST_MARK=%d-%d", os.Getpid(), marks.Add(1)))
}

// pids returns the marked processes that there are, zombies left out.
func (m mark) pids() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+string(m)+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// namespaces returns the network namespaces that the marked processes hold open or have threads in, but for the test's own.
func (m mark) namespaces() map[string]bool {
	own, _ := os.Readlink("/proc/self/ns/net")
	all := map[string]bool{}
	for _, pid := range m.pids() {
		for _, task := range tasks(pid) {
			if ns, err := os.Readlink(task + "/ns/net"); err == nil && ns != own {
				all[ns] = true
			}
		}
		open, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range open {
			if ns, err := os.Readlink(fd); err == nil && strings.HasPrefix(ns, "net:[") && ns != own {
				all[ns] = true
			}
		}
	}
	return all
}

func tasks(pid int) []string {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	return all
}

// A machine is what a run could leave behind outside of its processes.
type machine map[string]bool

func lookAround() machine {
	all := machine{}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		all["interface "+i.Name] = true
	}
	named, _ := os.ReadDir("/run/netns")
	for _, n := range named {
		all["named namespace "+n.Name()] = true
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			all["mount "+fields[4]] = true
		}
	}
	return all
}

// wantNothingLeft waits until nothing of the marked run is there any more: no process, no thread in one of its network
// namespaces, no interface, mount or named namespace that was not there before.
//
// The kernel gives the number of a namespace that is gone to the next one, so only threads that are older than the
// end of the run can be in one of its namespaces.
func wantNothingLeft(t *testing.T, m mark, namespaces map[string]bool, ended time.Time, before machine) {
	t.Helper()
	var left []string
	if eventually(func() bool {
		left = nil
		for _, pid := range m.pids() {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			left = append(left, fmt.Sprintf("process %d %q", pid, command))
		}
		left = append(left, inNamespaces(namespaces, ended)...)
		for what := range lookAround() {
			if !before[what] {
				left = append(left, what)
			}
		}
		return len(left) == 0
	}) {
		return
	}
	t.Errorf("left behind: %s", strings.Join(left, "; "))
}

func inNamespaces(namespaces map[string]bool, before time.Time) []string {
	if len(namespaces) == 0 {
		return nil
	}
	var found []string
	threads, _ := filepath.Glob("/proc/[0-9]*/task/*")
	for _, thread := range threads {
		ns, err := os.Readlink(thread + "/ns/net")
		if err != nil || !namespaces[ns] {
			continue
		}
		if info, err := os.Stat(thread); err == nil && info.ModTime().Before(before) {
			found = append(found, fmt.Sprintf("thread %s in %s", thread, ns))
		}
	}
	return found
}

// The twin: what is left is seen.
func TestLeftoversAreSeen(t *testing.T) {
	m := newMark()
	if pids := m.pids(); len(pids) != 0 {
		t.Fatalf("processes %v have a mark that nobody was given", pids)
	}
	cmd := sleeper(t)
	cmd.Env = append(os.Environ(), string(m))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { pids := m.pids(); return len(pids) == 1 && pids[0] == cmd.Process.Pid }) {
		t.Errorf("process %d is not among %v", cmd.Process.Pid, m.pids())
	}
	own, _ := os.Readlink("/proc/self/ns/net")
	if found := inNamespaces(map[string]bool{own: true}, time.Now().Add(time.Hour)); len(found) == 0 {
		t.Error("no thread is in the test's own network namespace")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if pids := m.pids(); len(pids) != 0 {
		t.Errorf("processes %v after the only one has ended", pids)
	}
	if seen := lookAround(); !seen["interface lo"] || !seen["mount /proc"] {
		t.Errorf("lo and /proc are not among %v", seen)
	}
}
