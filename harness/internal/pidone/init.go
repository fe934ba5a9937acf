package pidone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ready is what the process reports when it is.
const ready = "ready"

// init turns the process into the first process, if that is what it was started for, and does not return then.
func init() {
	size, err := strconv.Atoi(os.Getenv(env))
	if err != nil || os.Getpid() != 1 {
		return
	}
	os.Exit(serve(size))
}

func serve(size int) int {
	// Process 1 ends with its pipe alone. Only the starter can reach it with another signal, and SIGKILL is enough for it.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	hosts := make([]byte, size)
	if _, err := io.ReadFull(os.Stdin, hosts); err != nil {
		return 1 // the starter has gone
	}
	if err := mounts(hosts); err != nil {
		fmt.Fprint(os.Stdout, err)
		return 1
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			reap()
		}
	}()
	fmt.Fprint(os.Stdout, ready)
	os.Stdout.Close()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// reap waits for all orphans that have ended. Signals merge, so each may stand for several.
func reap() {
	for {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.EINTR && pid <= 0 {
			return
		}
	}
}

// mounts gives the namespace its name service and its /proc, without writing to any file system of the machine: the
// texts are in a tmpfs that lies over /proc for as long as it takes to bind them over files of the machine.
func mounts(hosts []byte) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	// What the machine mounts and unmounts later is seen here; nothing goes the other way.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("wireproof", "/proc", "tmpfs", flags, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	for _, f := range nameService(hosts) {
		if err := f.bind(); err != nil {
			return fmt.Errorf("mount over %s: %w", f.path, err)
		}
	}
	if err := unix.Unmount("/proc", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount tmpfs: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// A file is laid over one of the machine's. Where the machine has none, programs do without it.
type file struct {
	path string
	text []byte
}

// nameService is what makes names resolve as the network has them, and makes others fail at once: a question to a name
// server would go out into the network, or wait for an answer that cannot come.
func nameService(hosts []byte) []file {
	files := []file{
		{"/etc/hosts", hosts},
		{"/etc/resolv.conf", []byte("# A network of wireproof has no name server: see /etc/hosts.\n")},
		{"/run/nscd/socket", nil}, // the machine's cache, and its answers
	}
	if text, err := os.ReadFile("/etc/nsswitch.conf"); err == nil {
		files = append(files, file{"/etc/nsswitch.conf", hostsFromFiles(text)})
	}
	return files
}

// hostsFromFiles is a nsswitch.conf(5) in which hosts come from /etc/hosts alone.
func hostsFromFiles(text []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("hosts:")) {
			out.Write(line)
		}
	}
	out.WriteString("\nhosts: files\n")
	return out.Bytes()
}

// bind lays the file's text over its path. The tmpfs must be at /proc.
func (f file) bind() error {
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		if f.path == "/etc/hosts" {
			return fmt.Errorf("%w: create it, if empty", err)
		}
		return nil
	}
	from := "/proc/" + filepath.Base(f.path)
	if err := os.WriteFile(from, f.text, 0o644); err != nil {
		return err
	}
	return unix.Mount(from, f.path, "", unix.MS_BIND, "")
}

// MountSys gives the calling thread's mount namespace a /sys of its network namespace.
func MountSys() error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("sysfs", "/sys", "sysfs", flags, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return nil
}
