package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A moduleTree is a folder of a kernel's modules with the indexes that depmod(8) wrote. The guest's kernel asks for a
// module when something first needs it (request_module: a qdisc, a link's kind, a netlink family), and so a boot loads none.
type moduleTree struct {
	dir string
}

// load loads the module of that name or alias and what it needs first. It wraps fs.ErrNotExist where there is none.
func (t moduleTree) load(name string) error {
	dep, err := os.ReadFile(filepath.Join(t.dir, "modules.dep"))
	if err != nil {
		return err
	}
	files, ok := moduleFiles(string(dep), name)
	if !ok {
		aliases, err := os.ReadFile(filepath.Join(t.dir, "modules.alias"))
		if err != nil {
			return err
		}
		real, found := moduleAlias(string(aliases), name)
		if !found {
			return fmt.Errorf("module %s: %w in %s", name, fs.ErrNotExist, t.dir)
		}
		if files, ok = moduleFiles(string(dep), real); !ok {
			return fmt.Errorf("module %s, by its alias %s: %w in %s", real, name, fs.ErrNotExist, t.dir)
		}
	}
	for _, file := range files {
		if err := t.insert(file); err != nil {
			return fmt.Errorf("module %s: %s: %w", name, file, err)
		}
	}
	return nil
}

func (t moduleTree) insert(file string) error {
	f, err := os.Open(filepath.Join(t.dir, file))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// moduleFiles returns a module's file and those that it needs, in the order to load them, from the text of modules.dep
// (depmod(8)): "kernel/net/sched/act_x.ko: kernel/a.ko kernel/b.ko", where a later one is needed by an earlier one.
func moduleFiles(dep, name string) ([]string, bool) {
	want := moduleName(name)
	for line := range strings.Lines(dep) {
		file, needs, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || moduleName(path.Base(file)) != want {
			continue
		}
		fields := strings.Fields(needs)
		files := make([]string, 0, len(fields)+1)
		for i := len(fields) - 1; i >= 0; i-- {
			files = append(files, fields[i])
		}
		return append(files, file), true
	}
	return nil, false
}

// moduleAlias returns the module that an alias stands for, from the text of modules.alias: "alias PATTERN MODULE".
func moduleAlias(aliases, name string) (string, bool) {
	for line := range strings.Lines(aliases) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "alias" {
			continue
		}
		if fields[1] == name {
			return fields[2], true
		}
		if match, err := path.Match(fields[1], name); err == nil && match {
			return fields[2], true
		}
	}
	return "", false
}

// moduleName is the kernel's name of a module, of a file or as people write it: dashes count as underlines.
func moduleName(name string) string {
	name, _, _ = strings.Cut(name, ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// deviceNodes makes the nodes in /dev whose opening loads a module (modules.devname): /dev/net/tun, /dev/fuse, ….
func (t moduleTree) deviceNodes() error {
	text, err := os.ReadFile(filepath.Join(t.dir, "modules.devname"))
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(string(text)) {
		var module, name string
		var kind rune
		var major, minor uint32
		if n, _ := fmt.Sscanf(line, "%s %s %c%d:%d", &module, &name, &kind, &major, &minor); n != 5 || module == "#" {
			continue
		}
		mode := uint32(unix.S_IFCHR)
		if kind == 'b' {
			mode = unix.S_IFBLK
		}
		file := filepath.Join("/dev", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := unix.Mknod(file, mode|0o666, int(unix.Mkdev(major, minor))); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("make %s: %w", file, err))
		}
	}
	return errors.Join(errs...)
}
