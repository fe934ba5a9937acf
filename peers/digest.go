package peers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// digestUnit is how much is digested between two looks at the network, in
// bytes: about 40 µs, and small enough for the processor's cache.
const digestUnit = 64 << 10

// digest is the SHA-256 of a range of a file, computed in small steps by
// whoever has time: a network peer that waits for its socket digests meanwhile.
// Several connections that serve one file share one digest. It is safe for
// concurrent use.
type digest struct {
	mu   sync.Mutex
	h    hash.Hash
	pos  atomic.Int64 // moves under mu
	sum  [sha256.Size]byte
	done atomic.Bool
}

func newDigest(from int64) *digest {
	d := &digest{h: sha256.New()}
	d.pos.Store(from)
	return d
}

// mostBehind bounds how far a digest falls behind a network that is faster, in
// bytes: the other end waits for the rest of it after the last byte, about
// 2 s for this much, and must not take that for the end of all progress.
const mostBehind = 4 << 30

// catchUp digests until no more than mostBehind bytes before end are left.
func (d *digest) catchUp(f io.ReaderAt, end int64) error {
	for end-d.pos.Load() > mostBehind {
		if more, err := d.step(f, end); err != nil || !more {
			return err
		}
	}
	return nil
}

var units = sync.Pool{New: func() any { return new([digestUnit]byte) }}

// step digests one more unit of f, if there is a whole one before end: smaller
// ones would keep up with the network only to make its reads small. It reports
// whether there was something to do; where another goroutine is at it, there
// was not.
func (d *digest) step(f io.ReaderAt, end int64) (bool, error) {
	if d.done.Load() || !d.mu.TryLock() {
		return false, nil
	}
	defer d.mu.Unlock()
	if end-d.pos.Load() < digestUnit {
		return false, nil
	}
	return d.stepLocked(f, end)
}

func (d *digest) stepLocked(f io.ReaderAt, end int64) (bool, error) {
	pos := d.pos.Load()
	if pos >= end {
		return false, nil
	}
	buf := units.Get().(*[digestUnit]byte)
	defer units.Put(buf)
	n, err := f.ReadAt(buf[:min(digestUnit, end-pos)], pos)
	d.h.Write(buf[:n])
	d.pos.Store(pos + int64(n))
	if n == 0 {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return false, fmt.Errorf("digest at offset %d of %d: %w", pos, end, err)
	}
	return true, nil
}

// finish digests what is left up to end and returns the sum. alive is asked
// now and then, and ends it.
func (d *digest) finish(f io.ReaderAt, end int64, alive func() error) ([sha256.Size]byte, error) {
	for !d.done.Load() {
		if err := alive(); err != nil {
			return d.sum, err
		}
		d.mu.Lock()
		err := d.some(f, end)
		d.mu.Unlock()
		if err != nil {
			return d.sum, err
		}
	}
	return d.sum, nil
}

func (d *digest) some(f io.ReaderAt, end int64) error {
	if d.done.Load() {
		return nil
	}
	for range 64 {
		if more, err := d.stepLocked(f, end); err != nil {
			return err
		} else if !more {
			d.h.Sum(d.sum[:0])
			d.done.Store(true)
			return nil
		}
	}
	return nil
}

// fileKey is a file's identity and version. Where it stays the same, so do the
// bytes.
type fileKey struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func keyOf(info fs.FileInfo) (fileKey, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileKey{}, false
	}
	return fileKey{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}, true
}

// settled says whether a change from now on would show in the key: file times
// are no finer than a clock tick, on some file systems than two seconds.
func (k fileKey) settled() bool {
	return time.Since(time.Unix(k.ctime.Unix())) > 2*time.Second
}

// digestCache keeps the digests of ranges that end where their file does.
type digestCache struct {
	mu sync.Mutex
	m  map[rangeKey]*digest
}

type rangeKey struct {
	file fileKey
	from int64
}

const digestCacheSize = 4096

// get returns the digest of the file from an offset on, begun or done before
// where the cache has it.
func (c *digestCache) get(k fileKey, from int64) *digest {
	if !k.settled() {
		return newDigest(from)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.m[rangeKey{k, from}]
	if d == nil {
		if c.m == nil || len(c.m) >= digestCacheSize {
			c.m = make(map[rangeKey]*digest)
		}
		d = newDigest(from)
		c.m[rangeKey{k, from}] = d
	}
	return d
}

// drop forgets what is known of a file that changed.
func (c *digestCache) drop(k fileKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.m {
		if r.file == k {
			delete(c.m, r)
		}
	}
}

// errChanged says that a file is not the one any more that was announced.
var errChanged = errors.New("the file changed while it was served: the connection is cut, so that nobody takes it for whole: ask again")

// unchanged reports errChanged where f is no longer the file of info.
func unchanged(f fs.File, info fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	before, ok := keyOf(info)
	after, _ := keyOf(now)
	if ok && before != after || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		return errChanged
	}
	return nil
}
