package flow

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// ErrNoFiles is in the chain of the error of [Files] for a folder without any
// regular file.
var ErrNoFiles = errors.New("no regular file")

// ReaderAtCloser is what an opened [File] offers.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Viewer is what an opened [File] may be too: View returns its first size bytes where they lie, so that they are compared
// without being read; those of harness/mapped do. They stay until release, be that after Close; forget is
// called for the memory that looking at them took. After an error the file is read.
type Viewer interface {
	View(size int64) (b []byte, forget, release func(), err error)
}

// File is a file to look for. It is read in pieces and never held whole.
type File struct {
	Name string // as claims name it
	Size int64  // bytes
	// Open opens the content, which must not change while it is open. Each
	// value it returns is closed by whoever called Open.
	Open func() (ReaderAtCloser, error)
}

// Files returns the named files of fsys, in the order named; with no names, all
// regular files in its root, in the order of their names. The files of fsys
// must implement [io.ReaderAt], as those of [os.DirFS] and [embed.FS] do.
func Files(fsys fs.FS, names ...string) ([]File, error) {
	if len(names) == 0 {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		for _, e := range entries {
			if e.Type().IsRegular() {
				names = append(names, e.Name())
			}
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("list files: %w in the folder: name one that holds the files that were sent", ErrNoFiles)
		}
		sort.Strings(names)
	}
	files := make([]File, 0, len(names))
	for _, name := range names {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", name, err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("file %s: is %s: name a regular file", name, strings.TrimSpace(kindOf(info.Mode())))
		}
		files = append(files, File{Name: path.Base(name), Size: info.Size(), Open: opener(fsys, name)})
	}
	return files, nil
}

func kindOf(m fs.FileMode) string {
	if m.IsDir() {
		return "a folder"
	}
	return "not a regular file (" + m.String() + ")"
}

func opener(fsys fs.FS, name string) func() (ReaderAtCloser, error) {
	return func() (ReaderAtCloser, error) {
		f, err := fsys.Open(name)
		if err != nil {
			return nil, err
		}
		r, ok := f.(ReaderAtCloser)
		if !ok {
			f.Close()
			return nil, fmt.Errorf("file %s: cannot be read at an offset: use a file system whose files implement io.ReaderAt", name)
		}
		return r, nil
	}
}
