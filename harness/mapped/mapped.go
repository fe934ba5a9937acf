// Package mapped offers a folder whose large files can be looked at where the kernel keeps them, in its page cache
// (mmap(2)), rather than be read, which copies them.
package mapped

import (
	"fmt"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Least is the size, in bytes, from which on mapping a file costs less than reading it.
const Least = 1 << 20

// Dir is [os.DirFS] of a folder, but that Open returns a regular file of [Least] bytes and more as a *[File].
func Dir(name string) fs.FS { return dir{os.DirFS(name)} }

type dir struct{ fs.FS }

func (d dir) Open(name string) (fs.File, error) {
	f, err := d.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if file, ok := f.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() >= Least {
			return &File{file}, nil
		}
	}
	return f, nil
}

// File is an open file. Its methods may be called by several goroutines.
type File struct{ *os.File }

// View returns the first size bytes of the file where they lie, to be looked at until release is called; closing the
// file does not end that. What was looked at counts as memory of this process until forget is called. Looking
// at what the file no longer has, since it was cut, faults (SIGBUS): debug.SetPanicOnFault makes that a panic
// that can be recovered from. Not every file system can map its files, nor has a small machine room for each.
func (f *File) View(size int64) (b []byte, forget, release func(), err error) {
	if size > math.MaxInt {
		return nil, nil, nil, fmt.Errorf("file %s: map %d bytes: %w: read it instead", f.Name(), size, unix.ENOMEM)
	}
	if b, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, nil, nil, fmt.Errorf("file %s: map %d bytes: %w: read it instead", f.Name(), size, err)
	}
	// A fault takes in 64 KiB (fault_around_bytes), and not the 2 MiB of a huge page. A kernel without those refuses.
	unix.Madvise(b, unix.MADV_NOHUGEPAGE)
	forget = func() { unix.Madvise(b, unix.MADV_DONTNEED) } // can fail only for what is not mapped, as can the next
	return b, forget, func() { unix.Munmap(b) }, nil
}
