package vm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// shared returns the host's paths that the command needs to see also where the guest has folders of its own, each
// absolute and existing, folders before what is in them: where the command starts, and the Go module that this is in, where its
// program is, what its arguments name, and what the caller lists. go test builds a test's program in /tmp, and tells it files beside it.
func shared(dir, program string, o Options) []string {
	var all []string
	add := func(name string) {
		if name = filepath.Clean(name); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	// near shares the folder of a file, which may be made later, or only the file where the folder is the guest's own.
	near := func(name string) {
		parent := filepath.Dir(name)
		if info, err := os.Stat(name); err == nil && (info.IsDir() || slices.Contains(ownFolders, parent)) {
			parent = name
		}
		if info, err := os.Stat(parent); err == nil && !slices.Contains(ownFolders, parent) && (info.IsDir() || parent == name) {
			add(parent)
		}
	}
	add(dir)
	if module := moduleOf(dir); module != "" {
		add(module)
	}
	if program != "" {
		near(program)
	}
	for _, name := range o.Share {
		add(name)
	}
	for _, arg := range o.Command[1:] {
		// PATH, --flag=PATH
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if filepath.IsAbs(arg) {
			near(filepath.Clean(arg))
		}
	}
	for _, pair := range o.Env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			for _, d := range filepath.SplitList(value) {
				if info, err := os.Stat(d); filepath.IsAbs(d) && err == nil && info.IsDir() && !slices.Contains(ownFolders, filepath.Clean(d)) {
					add(d)
				}
			}
		}
		if value, ok := strings.CutPrefix(pair, "GOCOVERDIR="); ok && filepath.IsAbs(value) {
			near(value)
		}
	}
	all = slices.DeleteFunc(all, func(name string) bool {
		return hiddenBy(name, ownFolders) == "" && !slices.Contains(ownFolders, name)
	})
	slices.Sort(all)
	return all
}

// sharedWithOwn is shared, and what this program needs itself: its folder, since the guest's kernel loads modules by it.
func sharedWithOwn(dir, program, own string, o Options) []string {
	all := append(shared(dir, program, o), shared(filepath.Dir(own), own, Options{Command: []string{own}})...)
	slices.Sort(all)
	return slices.Compact(all)
}

// moduleOf returns the folder of the Go module that dir is in: go test starts a test in its package's folder, and tests read
// what lies beside that. Empty: it is in none.
func moduleOf(dir string) string {
	for ; ; dir = filepath.Dir(dir) {
		if slices.Contains(ownFolders, dir) || dir == filepath.Dir(dir) {
			return ""
		}
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && info.Mode().IsRegular() {
			return dir
		}
	}
}
