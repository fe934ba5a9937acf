package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	guestArgument = "wireproof-vm-init"       // the first argument of the guest's process 1
	modprobeName  = "/run/wireproof-modprobe" // what the guest's kernel runs to load a module
	keeperEnv     = "WIREPROOF_VM_KEEPER"     // marks the keeper
	guestEnvName  = "WIREPROOF_VM"            // tells programs in the guest where they are
)

// init turns the process into what it was started for, and does not return then.
func init() {
	switch {
	case os.Getpid() == 1 && len(os.Args) > 2 && os.Args[1] == guestArgument: // linux.uml appends arguments of its own
		guestMain(os.Args[2])
	case os.Args[0] == modprobeName:
		os.Exit(modprobeMain(os.Args[1:]))
	case os.Getenv(keeperEnv) != "":
		os.Exit(keeperMain())
	}
}

// modprobeMain is modprobe(8) as the kernel calls it (call_modprobe of kernel/kmod.c): -q -- NAME.
func modprobeMain(args []string) int {
	release, err := kernelRelease()
	if err != nil || len(args) == 0 {
		return 1
	}
	modules, err := os.Readlink(modprobeName + ".modules")
	if err != nil {
		return 1
	}
	if err := (moduleTree{filepath.Join(modules, release)}).load(args[len(args)-1]); err != nil {
		return 1
	}
	return 0
}

func kernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// guestMain is process 1 of the guest. When it returns from the command it has told the exit status, and powers off.
func guestMain(configName string) {
	// Caught and dropped: a signal that is ignored would stay ignored in the command.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	err := func() error {
		c, err := readConfig(configName)
		if err != nil {
			return err
		}
		line, err := openLine("/dev/ttyS0")
		if err != nil {
			return err
		}
		w := &frameWriter{w: line}
		if err := prepare(&c); err != nil {
			return w.write(kindFailed, fmt.Appendf(nil, "prepare the guest: %v", err))
		}
		return serveCommand(c, line, w)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "wireproof:", err) // to the kernel's console
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	os.Exit(1) // not reached: process 1 that ends is a panic, which ends the guest too
}

// prepare makes the guest a machine: file systems, modules, loopback, name.
func prepare(c *config) error {
	unix.Umask(0)
	if err := mountAll(c.Share); err != nil {
		return err
	}
	unix.Umask(0o022)
	release, err := kernelRelease()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Modules, release, "modules.dep")); err != nil {
		return fmt.Errorf("modules of the guest's kernel %s: %w: reinstall user-mode-linux", release, err)
	}
	if err := os.Symlink(c.Program, modprobeName); err != nil {
		return err
	}
	if err := os.Symlink(c.Modules, modprobeName+".modules"); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte(modprobeName), 0o644); err != nil {
		return fmt.Errorf("set the kernel's modprobe: %w", err)
	}
	_ = os.WriteFile("/proc/sys/kernel/hotplug", []byte("\n"), 0o644) // one process less for each interface
	env, err := mountModules(c.Modules)
	if err != nil {
		return fmt.Errorf("show the modules: %w", err)
	}
	c.Env = append(c.Env, env...)
	modules := moduleTree{filepath.Join(c.Modules, release)}
	if err := modules.deviceNodes(); err != nil {
		return err
	}
	// The one module that is not left until it is asked for: its settings in /proc/sys are looked for on any machine.
	if err := modules.load("ipv6"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := unix.Sethostname([]byte(c.Host)); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	if err := interfaceUp("lo"); err != nil {
		return err
	}
	if c.OpenVSwitch {
		if err := startOpenVSwitch(c.Env); err != nil {
			return fmt.Errorf("start Open vSwitch: %w", err)
		}
	}
	return nil
}

func interfaceUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

// openLine opens a serial line for bytes as they are.
func openLine(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if err := makeRaw(int(f.Fd()), false); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: make it raw: %w", name, err)
	}
	return f, nil
}

// makeRaw sets a terminal to pass bytes as they are (cfmakeraw(3)), or, with echo, only its output.
func makeRaw(fd int, outputOnly bool) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Oflag &^= unix.OPOST
	if !outputOnly {
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CLOCAL
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	}
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// pathOf returns the value of PATH in an environment.
func pathOf(env []string) string {
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	return path
}
