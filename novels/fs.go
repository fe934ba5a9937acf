package novels

import (
	"bytes"
	"io"
	"io/fs"
	"sync"
	"time"
)

// texts makes each novel once in a process, when it is first opened. All five
// together are 14 MB.
var texts = func() []func() []byte {
	made := make([]func() []byte, len(recipes))
	for i, r := range recipes {
		made[i] = sync.OnceValue(func() []byte { return compose(r) })
	}
	return made
}()

// modified is the time that all of them bear: a fixed one, as the bytes are.
var modified = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// FS is a file system with the five novels in its root. A novel is generated
// when it is first opened, once in a process; files also implement io.ReaderAt,
// io.Seeker and io.WriterTo. It is safe for concurrent use; a file is not, but
// for its ReadAt.
func FS() fs.FS { return corpus{} }

type corpus struct{}

// Open implements fs.FS.
func (corpus) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return &root{entries: entries()}, nil
	}
	for i, r := range recipes {
		if r.File == name {
			return &file{Reader: bytes.NewReader(texts[i]()), info: info{r.File, r.Size}}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// entries lists the novels by name, which is also the order of their numbers.
func entries() []fs.DirEntry {
	list := make([]fs.DirEntry, len(recipes))
	for i, r := range recipes {
		list[i] = fs.FileInfoToDirEntry(info{r.File, r.Size})
	}
	return list
}

// file is an open novel.
type file struct {
	*bytes.Reader
	info
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// Size is fs.FileInfo's and bytes.Reader's alike.
func (f *file) Size() int64 { return f.info.size }

type info struct {
	name string
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return modified }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

// root is the open folder.
type root struct {
	entries []fs.DirEntry
	at      int
}

type rootInfo struct{ info }

func (rootInfo) Name() string      { return "." }
func (rootInfo) Mode() fs.FileMode { return fs.ModeDir | 0o555 }
func (rootInfo) IsDir() bool       { return true }

func (r *root) Stat() (fs.FileInfo, error) { return rootInfo{}, nil }
func (r *root) Close() error               { return nil }
func (r *root) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (r *root) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := r.entries[r.at:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	r.at += len(rest)
	return append([]fs.DirEntry{}, rest...), nil
}
