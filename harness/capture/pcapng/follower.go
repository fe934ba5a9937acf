package pcapng

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"time"
)

// Follower writes files that grow, each made by a [Writer], as one file: what Merge
// does, while they are being written. Its methods are not to be called concurrently.
type Follower struct {
	m   merger
	err error
}

// NewFollower writes the section, the interfaces and the names, which the files must
// have by then.
func NewFollower(w io.Writer, sources []io.Reader) (*Follower, error) {
	f := &Follower{m: merger{out: bufio.NewWriterSize(w, mergeBuffer)}}
	for i, r := range sources {
		if err := f.m.add(r); err != nil {
			return nil, fmt.Errorf("follow captures: file %d: %w", i+1, err)
		}
	}
	if err := f.m.begin(); err != nil {
		return nil, fmt.Errorf("follow captures: %w", err)
	}
	return f, f.done(nil)
}

// Until writes what the files have by now of packets up to that time. Packets of
// several files are in order as long as none that is older comes into a file later.
func (f *Follower) Until(t time.Time) error {
	return f.until(t.UnixNano())
}

func (f *Follower) until(limit int64) error {
	if f.err != nil {
		return f.err
	}
	for _, s := range f.m.sources {
		if s.packet == nil {
			if err := f.m.advance(s); err != nil {
				return f.done(err)
			}
		}
	}
	return f.done(f.m.packetsUntil(limit))
}

// Close writes the rest and the statistics, when the files have their ends. It does
// not close them.
func (f *Follower) Close() error {
	if err := f.until(math.MaxInt64); err != nil {
		return err
	}
	return f.done(f.m.close())
}

// done flushes, and keeps the first error.
func (f *Follower) done(err error) error {
	if err == nil {
		err = f.m.out.Flush()
	}
	if err != nil {
		f.err = fmt.Errorf("follow captures: %w", err)
	}
	return f.err
}
