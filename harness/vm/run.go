package vm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Run boots a guest, runs the command in it as root, and returns when the command has ended and nothing of the guest is
// left. When the context ends before, the command gets SIGTERM, and after the grace the guest is stopped; the error is
// then the context's cause. Other errors wrap this package's.
func Run(ctx context.Context, o Options) (Result, error) {
	if len(o.Command) == 0 {
		return Result{}, fmt.Errorf("%w: none was given", ErrCommand)
	}
	if os.Getenv(guestEnvName) != "" {
		return Result{}, fmt.Errorf("%w: this is the guest of another vm already, and user-mode-linux does not run in itself: run the command without vm", ErrPtrace)
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.Memory < leastMemory {
		return Result{}, fmt.Errorf("%w: a guest with %s cannot boot: give it %s or more", ErrMemory, size(o.Memory), size(leastMemory))
	}
	if err := find(&o); err != nil {
		return Result{}, err
	}
	memory, err := memoryFolder(o.Memory)
	if err != nil {
		return Result{}, err
	}
	c, err := o.config()
	if err != nil {
		return Result{}, err
	}
	xstate, err := hostXState()
	if err != nil {
		return Result{}, err
	}
	work, err := workFolder(c)
	if err != nil {
		return Result{}, err
	}
	s, err := startSession(o, c, work, memory, xstate)
	if err != nil {
		return Result{}, errors.Join(err, os.RemoveAll(work))
	}
	return s.run(ctx)
}

// find completes the options with where user-mode-linux is.
func find(o *Options) error {
	const remedy = "run as root: apt-get install user-mode-linux"
	if o.Kernel == "" {
		o.Kernel = "linux.uml"
	}
	path, err := exec.LookPath(o.Kernel)
	if errors.Is(err, exec.ErrNotFound) && o.Kernel == "linux.uml" {
		path, err = exec.LookPath("/usr/bin/linux.uml") // a PATH without it
	}
	if err != nil {
		return fmt.Errorf("%w: %w: %s", ErrNotInstalled, err, remedy)
	}
	if err := loadsShim(path); err != nil {
		return err
	}
	o.Kernel = path
	if o.Modules == "" {
		o.Modules = "/usr/lib/uml/modules"
	}
	if found, err := filepath.Glob(filepath.Join(o.Modules, "*", "modules.dep")); err != nil || len(found) == 0 {
		return fmt.Errorf("%w: no modules in %s: %s", ErrNotInstalled, o.Modules, remedy)
	}
	return nil
}

// config is what the guest is told.
func (o *Options) config() (config, error) {
	var err error
	c := config{Command: o.Command, Modules: o.Modules, OpenVSwitch: o.OpenVSwitch}
	if c.Program, err = os.Executable(); err != nil {
		return c, err
	}
	if c.Dir, err = filepath.Abs(o.Dir); err != nil {
		return c, err
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	c.Env = guestEnv(o.Env, filepath.Dir(c.Program), guestFolders([]string{c.Dir}))
	for i, name := range o.Share {
		if o.Share[i], err = filepath.Abs(name); err == nil {
			_, err = os.Stat(o.Share[i])
		}
		if err != nil {
			return c, fmt.Errorf("share %s: %w: share what exists", name, err)
		}
	}
	program, err := lookPath(o.Command[0], c.Dir, pathOf(c.Env))
	if errors.Is(err, fs.ErrNotExist) && o.Command[0] == ownName {
		// This program, under whatever name it was started.
		c.Command = append([]string{c.Program}, o.Command[1:]...)
		program, err = c.Program, nil
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrCommand, err)
	}
	c.Share = sharedWithOwn(c.Dir, program, c.Program, *o)
	if c.Host, err = os.Hostname(); err != nil {
		return c, err
	}
	c.Terminal, c.Rows, c.Columns = terminals(o.Stdin, o.Stdout, o.Stderr)
	return c, nil
}

// guestEnv is the caller's environment with what is different in the guest: it is root's, on a machine of its own.
func guestEnv(env []string, programs string, own []string) []string {
	var out []string
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "PATH":
			path = value
		case name == "TMPDIR" || name == "XDG_RUNTIME_DIR" || strings.HasPrefix(name, "SUDO_"):
		default:
			out = append(out, pair)
		}
	}
	// An ordinary user's PATH has no sbin, where ip and ovs-vswitchd are. This program's folder is last, so that
	// "wireproof vm -- wireproof run" runs what was called.
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", programs} {
		if !strings.Contains(":"+path+":", ":"+dir+":") {
			path += ":" + dir
		}
	}
	out = append(out, "PATH="+path, guestEnvName+"=1")
	if hiddenBy("/tmp/x", own) == "" {
		out = append(out, "TMPDIR=/run/tmp") // /tmp is the host's
	}
	return out
}

// lookPath finds a program as the guest will: in the host's files, by the guest's PATH.
func lookPath(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	for _, d := range filepath.SplitList(path) {
		if full := filepath.Join(d, name); filepath.IsAbs(full) && executable(full) == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s: %w: it is in no folder of PATH: install it, or write its path", name, fs.ErrNotExist)
}

func executable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "execute", Path: name, Err: fs.ErrPermission}
	}
	return nil
}

// workFolder makes the guest's folder on the host: its init, its configuration, and linux.uml's socket. The name is in
// the kernel's command line and in a socket's address, so it is short and plain.
func workFolder(c config) (string, error) {
	var errs []error
	for _, dir := range []string{os.TempDir(), "/tmp", "/dev/shm"} {
		if len(dir) > 60 || strings.ContainsAny(dir, " \t\n\"'\\=,:") {
			continue
		}
		work, err := os.MkdirTemp(dir, "wireproof-vm-*")
		if err == nil {
			if err = os.Symlink(c.Program, filepath.Join(work, "init")); err == nil {
				if err = c.write(filepath.Join(work, "config.json")); err == nil {
					return work, nil
				}
			}
			err = errors.Join(err, os.RemoveAll(work))
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("make a folder for the guest: %w: set TMPDIR to one that can be written", errors.Join(errs...))
}

// kernelArguments are linux.uml's.
func kernelArguments(work string, memory int64) []string {
	return []string{
		"mem=" + strconv.FormatInt(memory>>10, 10) + "K",
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
		"init=" + filepath.Join(work, "init"),
		"con=null", fmt.Sprintf("con0=null,fd:%d", fdLog), "ssl=null", fmt.Sprintf("ssl0=fd:%d,fd:%d", fdLineIn, fdLineOut),
		"uml_dir=" + work, "panic=-1",
		"--", guestArgument, filepath.Join(work, "config.json"),
	}
}

const (
	ownName      = "wireproof"
	defaultGrace = 5 * time.Second
	bootLimit    = time.Minute // a boot takes a second or two; a machine that is very busy takes longer
)
