package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// countedAt is how long the kernel has to run before the switch may count its processors. Open vSwitch 3.1 counts them if
// ten seconds have passed since the last time, by the monotonic clock, and takes 0 for the time before the first: a younger
// kernel has no processors then, the switch starts no thread for new flows, and its first bridge forwards nothing.
const countedAt = 10 * time.Second

// waitUptime waits until the guest's monotonic clock is past d.
func waitUptime(d time.Duration) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	time.Sleep(d - time.Duration(now.Nano()))
	return nil
}

// startOpenVSwitch starts Open vSwitch in the guest: its database, empty, and its switch, as Debian's service does. Each
// program returns once it serves. Their files are in folders that are the guest's own.
func startOpenVSwitch(env []string) error {
	const (
		database = "/etc/openvswitch/conf.db"
		schema   = "/usr/share/openvswitch/vswitch.ovsschema"
		socket   = "/run/openvswitch/db.sock"
	)
	if err := os.Setenv("PATH", pathOf(env)); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/openvswitch", 0o755); err != nil {
		return err
	}
	if err := waitUptime(countedAt); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"ovsdb-tool", "create", database, schema},
		{"ovsdb-server", database, "--remote=punix:" + socket, "--pidfile", "--detach", "--no-chdir"},
		{"ovs-vsctl", "--no-wait", "init"},
		{"ovs-vswitchd", "--pidfile", "--detach", "--no-chdir"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env, cmd.Dir = env, "/"
		// Into a file, not a pipe: what a daemon keeps open would not end.
		said, err := os.CreateTemp("/run", "openvswitch-*")
		if err != nil {
			return err
		}
		cmd.Stdout, cmd.Stderr = said, said
		err = cmd.Run()
		text, _ := os.ReadFile(said.Name())
		said.Close()
		_ = os.Remove(said.Name())
		switch {
		case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w: run as root on the host: apt-get install openvswitch-switch", command[0], err)
		case err != nil:
			return fmt.Errorf("%s: %w: %s", command[0], err, strings.TrimSpace(string(text)))
		}
	}
	return nil
}
