package extract

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxOpen bounds the files that are open at once, and bufferLen what waits for each.
const (
	maxOpen   = 64
	bufferLen = 64 << 10
)

// shelf holds the open files, the one used longest ago first.
type shelf struct {
	dir    string
	open   []*output
	err    error // the first failure
	failed func(error)
}

func (s *shelf) fail(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("write: %w", err)
		s.failed(s.err)
	}
}

func (s *shelf) close() {
	for len(s.open) > 0 {
		s.open[0].shut()
	}
}

// output is a file that is written from its beginning to its end, with holes. It is opened when there is something
// to write, and closed when others need the room.
type output struct {
	*shelf
	name func() string // of path, where that is not yet known
	path string
	f    *os.File
	made bool
	buf  []byte // of what is before pos
	pos  int64
	end  int64
}

// Bytes implements flow.Sink.
func (o *output) Bytes(_ int64, b []byte, _ uint64, _ time.Time) { o.Write(b) }

// Missing implements flow.Sink: a hole in the file, too.
func (o *output) Missing(_, n int64) { o.Seek(n, io.SeekCurrent) }

// Done implements flow.Sink.
func (o *output) Done() { o.shut() }

// Write implements io.Writer. A failure is kept by the shelf, and ends the run.
func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if o.f == nil {
		o.begin()
	}
	if len(o.buf)+len(b) > bufferLen {
		o.flush()
	}
	o.pos += int64(len(b))
	if len(b) > bufferLen {
		if o.f != nil {
			_, err := o.f.WriteAt(b, o.pos-int64(len(b)))
			o.fail(err)
		}
	} else {
		o.buf = append(o.buf, b...)
	}
	o.end = o.pos
	return len(b), o.err
}

// Seek implements io.Seeker, forward only.
func (o *output) Seek(n int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || n < 0 {
		return 0, errors.New("seek: only forward from here")
	}
	o.flush()
	o.pos += n
	o.end = o.pos
	return o.pos, nil
}

func (o *output) begin() {
	if o.path == "" {
		o.path = o.name()
	}
	if len(o.open) >= maxOpen {
		o.open[0].shut()
	}
	flag := os.O_RDWR
	if !o.made {
		flag |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Join(o.dir, o.path), flag, 0o644)
	if err != nil {
		o.fail(err)
		return
	}
	o.f, o.made = f, true
	o.open = append(o.open, o)
}

func (o *output) flush() {
	if len(o.buf) == 0 || o.f == nil {
		return
	}
	_, err := o.f.WriteAt(o.buf, o.pos-int64(len(o.buf)))
	o.fail(err)
	o.buf = o.buf[:0]
}

// shut closes the file until it is needed again.
func (o *output) shut() {
	if o.f == nil {
		return
	}
	o.flush()
	o.fail(o.f.Close())
	o.f, o.buf = nil, nil
	if i := slices.Index(o.open, o); i >= 0 {
		o.open = slices.Delete(o.open, i, i+1)
	}
}

// finish makes the file as long as the stream was, and be it empty.
func (o *output) finish() error {
	if o.f == nil {
		o.begin()
	}
	if o.f != nil {
		o.flush()
		o.fail(o.f.Truncate(o.end))
	}
	o.shut()
	return o.err
}
