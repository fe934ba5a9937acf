package peers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// part is a file that is being received: .NAME.part, locked, and renamed to
// NAME once it is whole.
type part struct {
	f           *os.File
	path, final string
	size        int64 // bytes in it
}

// partPath is where NAME is received. A name so long that the addition would
// not fit is cut, and told apart by its digest.
func partPath(dir, name string) string {
	const most = 255 - len("..part")
	if len(name) > most {
		name = fmt.Sprintf("%s~%x", name[:most-33], sha256.Sum256([]byte(name)))[:most]
	}
	return filepath.Join(dir, "."+name+".part")
}

// openPart opens the file to receive name in. With resume, one that is there
// keeps its bytes, and where there is none the result is nil.
func openPart(dir, name string, resume bool) (*part, error) {
	path := partPath(dir, name)
	// Not a symbolic link, and not a pipe that open would wait for.
	flags := os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	if !resume {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if resume && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: choose a folder that you can write to", err)
	}
	p := &part{f: f, path: path, final: filepath.Join(dir, name)}
	if err := p.lock(resume); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) lock(resume bool) error {
	info, err := p.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: remove it", p.path)
	}
	if err := unix.Flock(int(p.f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another transfer is writing %s: wait for it or use another folder", p.path)
	}
	// The one that held the lock may have renamed the file before we had it.
	if now, err := os.Lstat(p.path); err != nil || !os.SameFile(info, now) {
		return fmt.Errorf("another transfer was writing %s: try again", p.path)
	}
	if resume {
		p.size = info.Size()
		return nil
	}
	return p.f.Truncate(0)
}

// restart empties the file.
func (p *part) restart() error {
	p.size = 0
	return p.f.Truncate(0)
}

// commit makes the file appear under its name.
func (p *part) commit() error {
	if err := os.Rename(p.path, p.final); err != nil {
		os.Remove(p.path)
		p.f.Close()
		return err
	}
	return p.f.Close() // some file systems report a full disk only here
}

// abandon closes the file; one without bytes, or one that is of no use, goes.
func (p *part) abandon(keep bool) {
	if !keep || p.size == 0 {
		os.Remove(p.path)
	}
	p.f.Close()
}

// diskError makes err say what to do about a file that could not be written.
func diskError(path string, err error) error {
	if err == nil {
		return nil
	}
	var already *fs.PathError
	if !errors.As(err, &already) {
		err = &fs.PathError{Op: "write", Path: path, Err: err}
	}
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w: free space there or choose another folder", err)
	case errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: remove files of yours there or choose another folder", err)
	case errors.Is(err, unix.EFBIG):
		return fmt.Errorf("%w: raise the file size limit (ulimit -f) or choose another file system", err)
	}
	return err
}
