package peers

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A body is what follows an accepted answer: bytes [offset, size) of a file.
type body struct {
	file         fs.File
	info         fs.FileInfo
	offset, size int64
	digests      *digestCache
}

// send writes the body and returns the digests for its trailer: of what was
// sent, and, where the offset is not zero, of the whole file.
func (b *body) send(l *link, buffer int) (sent, whole [sha256.Size]byte, err error) {
	f, isFile := b.file.(*os.File)
	key, hasKey := keyOf(b.info)
	if isFile && hasKey && l.raw != nil && buffer == 0 {
		sent, whole, err = b.sendFile(l, f, key)
	} else {
		sent, whole, err = b.copy(l, buffer)
	}
	if err == nil {
		err = unchanged(b.file, b.info)
	}
	if err == errChanged && hasKey {
		b.digests.drop(key)
	}
	return sent, whole, err
}

// sendFile writes the file in large pieces and digests it from the page cache
// while the socket is full, or not at all where the digest is known.
func (b *body) sendFile(l *link, f *os.File, key fileKey) (sent, whole [sha256.Size]byte, err error) {
	todo := []*digest{b.digests.get(key, b.offset)}
	if b.offset > 0 {
		todo = append(todo, b.digests.get(key, 0))
	}
	var quit atomic.Bool
	var beside sync.WaitGroup
	if manyProcessors {
		beside.Go(func() {
			for _, d := range todo {
				d.finish(f, b.size, func() error { // an error is met again below
					if quit.Load() {
						return net.ErrClosed
					}
					return l.alive()
				})
			}
		})
	}
	err = pump(l, f, b.offset, b.size-b.offset, func() (bool, error) {
		for _, d := range todo {
			if more, err := d.step(f, b.size); more || err != nil {
				return more, err
			}
		}
		return false, nil
	}, func(sent int64) error { return todo[0].catchUp(f, sent) })
	quit.Store(err != nil)
	beside.Wait()
	if err != nil {
		return sent, whole, err
	}
	for i, sum := range []*[sha256.Size]byte{&sent, &whole}[:len(todo)] {
		if *sum, err = todo[i].finish(f, b.size, l.working); err != nil {
			return sent, whole, err
		}
	}
	return sent, whole, nil
}

// pieceSize is what is read and written at a time: it stays in a processor's cache.
const pieceSize = 256 << 10

// pump sends n bytes of f from an offset on, by reading and writing: where
// interfaces cut and checksum segments in software, as those of emulated networks do,
// sendfile(2) reached 0.62 of iperf3's throughput and this reaches 0.84; with
// offloads on both are alike (docs/performance.md). Where the socket is full it
// calls spare, again and again until that has nothing to do, before it waits; and
// after each piece it calls passed with the offset that it has come to.
func pump(l *link, f *os.File, offset, n int64, spare func() (bool, error), passed func(offset int64) error) error {
	src, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	buf := make([]byte, pieceSize)
	var have []byte
	err = src.Control(func(in uintptr) { // keeps f open
		werr := l.raw.Write(func(out uintptr) bool {
			for n > 0 && !l.dead.Load() {
				if len(have) == 0 {
					k, err := unix.Pread(int(in), buf[:min(n, int64(len(buf)))], offset)
					if err == unix.EINTR {
						continue
					}
					if err != nil {
						failed = os.NewSyscallError("pread", err)
						return true
					}
					if k == 0 {
						failed = errChanged // the file ends before its size
						return true
					}
					have = buf[:k]
				}
				k, err := unix.Write(int(out), have)
				switch {
				case err == unix.EINTR:
				case err == unix.EAGAIN:
					more, err := spare()
					if failed = err; err != nil {
						return true
					} else if !more {
						return false
					}
				case err != nil:
					failed = os.NewSyscallError("write", err)
					return true
				default:
					have = have[k:]
					n -= int64(k)
					offset += int64(k)
					l.moved.Add(int64(k))
					if failed = passed(offset); failed != nil {
						return true
					}
				}
			}
			return true
		})
		if failed == nil {
			failed = werr
		}
	})
	if failed == nil {
		failed = err
	}
	if failed == nil {
		failed = l.alive()
	}
	return l.why(failed)
}

// copy reads the file and writes it, and digests what passes.
func (b *body) copy(l *link, buffer int) (sent, whole [sha256.Size]byte, err error) {
	if buffer == 0 {
		buffer = 256 << 10
	}
	part, all := sha256.New(), sha256.New()
	buf := make([]byte, buffer)
	for left := b.offset; left > 0; { // there may be no seeking, and the whole digest needs these too
		n, err := b.read(buf, left)
		if err != nil {
			return sent, whole, err
		}
		if err := l.working(); err != nil {
			return sent, whole, err
		}
		all.Write(buf[:n])
		left -= int64(n)
	}
	for left := b.size - b.offset; left > 0; {
		n, err := b.read(buf, left)
		if err != nil {
			return sent, whole, err
		}
		part.Write(buf[:n])
		if b.offset > 0 {
			all.Write(buf[:n])
		}
		if _, err := l.Write(buf[:n]); err != nil {
			return sent, whole, err
		}
		left -= int64(n)
	}
	part.Sum(sent[:0])
	all.Sum(whole[:0])
	return sent, whole, nil
}

// read reads up to left bytes; the file must have them.
func (b *body) read(buf []byte, left int64) (int, error) {
	n, err := b.file.Read(buf[:min(int64(len(buf)), left)])
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		return 0, errChanged
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}
