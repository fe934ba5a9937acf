package mininet

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// things are what the driver made in the machine's own namespace, as far as it has not removed it again.
type things struct {
	interfaces map[string]int // to the kernel's number, 0 where the driver did not come to tell it
	bridges    []string       // of Open vSwitch
}

func (t *things) note(e event) {
	if e.Interface != "" {
		t.interfaces[e.Interface] = e.Index
	}
	if e.Bridge != "" {
		t.bridges = append(t.bridges, e.Bridge)
	}
}

func (t *things) forget(e event) {
	delete(t.interfaces, e.Interface)
	t.bridges = slices.DeleteFunc(t.bridges, func(name string) bool { return name == e.Bridge })
}

// remove removes what a driver that was killed has left. One that ended by itself has left nothing.
func (t *things) remove() error {
	var errs []error
	for name, index := range t.interfaces {
		i, err := net.InterfaceByName(name)
		if err != nil || index != 0 && i.Index != index {
			continue // it has gone, or is another by now
		}
		if out, err := exec.Command("ip", "link", "del", "dev", name).CombinedOutput(); err != nil {
			if _, gone := net.InterfaceByName(name); gone == nil {
				errs = append(errs, fmt.Errorf("remove %s: %w: %s", name, err, bytes.TrimSpace(out)))
			}
		}
	}
	for _, name := range t.bridges {
		if out, err := exec.Command("ovs-vsctl", "--timeout=10", "--if-exists", "del-br", name).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("remove bridge %s: %w: %s", name, err, bytes.TrimSpace(out)))
		}
	}
	return errors.Join(errs...)
}

// endShell waits for the shell of a node to end, which it does when the driver is gone, and kills it if it does not.
func endShell(name string, pid int) error {
	// Its name is in its command line, so that no other process of the same number is meant.
	marker := append([]byte("mininet:"+name), 0)
	deadline := time.Now().Add(2 * time.Second)
	for {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return nil
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if !bytes.Contains(line, marker) {
			return unix.Close(fd)
		}
		if time.Now().After(deadline) {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 2000)
		unix.Close(fd)
		if err == nil && time.Now().After(deadline.Add(5*time.Second)) {
			return fmt.Errorf("the shell of %s (process %d) does not end", name, pid)
		}
	}
}
