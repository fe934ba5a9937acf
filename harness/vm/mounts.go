package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hostView is where the guest sees all of the host's files, those too that a tmpfs lies over.
const hostView = "/run/host"

// ownFolders are those that the guest has to itself, empty, in its memory: where programs and daemons write what is of
// this machine's run alone, and make sockets, which hostfs cannot. One that does not exist is left out.
var ownFolders = []string{"/run", "/tmp", "/var/tmp", "/var/log", "/etc/openvswitch", "/var/lib/openvswitch"}

// hiddenBy returns the folder of own's below which name is, or "". A name that is one of own itself is not hidden: it is
// then the host's (see mountAll).
func hiddenBy(name string, own []string) string {
	for _, dir := range own {
		if strings.HasPrefix(name, dir+"/") {
			return dir
		}
	}
	return ""
}

// guestFolders returns the own folders of a guest to which the shared paths have to be visible. A folder that is itself
// shared, as /tmp is where the command starts there, stays the host's; /run never does.
func guestFolders(share []string) []string {
	return slices.DeleteFunc(slices.Clone(ownFolders), func(dir string) bool { return dir != "/run" && slices.Contains(share, dir) })
}

// mountAll makes the guest's view of the file system.
func mountAll(share []string) error {
	type mount struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}
	const quiet = unix.MS_NOSUID | unix.MS_NODEV
	mounts := []mount{
		{"proc", "/proc", "proc", quiet | unix.MS_NOEXEC, ""},
		{"sysfs", "/sys", "sysfs", quiet | unix.MS_NOEXEC, ""},
		{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=620,ptmxmode=666"},
		{"tmpfs", "/dev/shm", "tmpfs", quiet, "mode=1777"},
		{"tmpfs", "/run", "tmpfs", quiet, "mode=755"},
		{"hostfs", hostView, "hostfs", unix.MS_NOSUID, "/"},
	}
	// Where the keeper has a user namespace, the host's files are nobody's to it: mount(8) and all else that is
	// set-user-id would run as nobody. Here all are root.
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID, ""); err != nil {
		return fmt.Errorf("mount / without set-user-id: %w", err)
	}
	own := guestFolders(share)
	for _, dir := range own {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() || dir == "/run" {
			continue
		}
		mode := "mode=1777"
		if !slices.Contains([]string{"/tmp", "/var/tmp"}, dir) {
			mode = "mode=755"
		}
		mounts = append(mounts, mount{"tmpfs", dir, "tmpfs", quiet, mode})
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.target, "/dev/") || m.target == hostView {
			if err := os.MkdirAll(m.target, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err)
		}
	}
	for _, dir := range []string{"/run/lock", "/run/tmp"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	var errs []error
	for _, name := range share {
		if hiddenBy(name, own) != "" {
			errs = append(errs, bind(name))
		}
	}
	// Of what else a machine mounts, the kernel's own are used by some programs. Nothing here needs them.
	_ = unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", quiet|unix.MS_NOEXEC, "")
	_ = unix.Mount("bpf", "/sys/fs/bpf", "bpf", quiet|unix.MS_NOEXEC, "")
	for link, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(to, "/dev/"+link); err != nil && !errors.Is(err, fs.ErrExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// bind makes the host's file or folder of that name visible under it, where a tmpfs lies over it.
func bind(name string) error {
	from := hostView + name
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	if _, err := os.Stat(name); err == nil {
		return nil // inside one that is shared already
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	if info.IsDir() {
		err = os.Mkdir(name, 0o755)
	} else {
		err = os.WriteFile(name, nil, 0o644)
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	if err := unix.Mount(from, name, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	return nil
}

// modprobeRoot is where modprobe(8), called by name, finds the modules where the host has no /lib/modules to lie over.
const modprobeRoot = "/run/wireproof-root"

// mountModules makes the modules visible where programs look for them, and returns what the environment needs for it.
func mountModules(dir string) (env []string, err error) {
	if info, err := os.Stat("/lib/modules"); err == nil && info.IsDir() {
		return nil, unix.Mount(dir, "/lib/modules", "", unix.MS_BIND, "")
	}
	if err := os.MkdirAll(modprobeRoot+"/lib", 0o755); err != nil {
		return nil, err
	}
	return []string{"MODPROBE_OPTIONS=-d " + modprobeRoot}, os.Symlink(dir, modprobeRoot+"/lib/modules")
}
