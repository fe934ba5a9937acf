package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// A Live hands captures on while they grow: to Wireshark, by a pipe. Each scenario is a section of its own, with its
// interfaces, its names and its packets in the order of time.
//
//	h1-eth0 ──▶ h1-eth0.pcapng ─┐
//	                            ├─ follower ──▶ pipe ──▶ tshark -i -
//	s1-eth1 ──▶ s1-eth1.pcapng ─┘
//
// It reads the files that the captures write, so that a reader that is slow, or goes, holds nothing up that the
// verdict rests on.
type Live struct {
	mu  sync.Mutex
	w   io.Writer
	err error // of the first write that failed
}

// NewLive writes to w, which nobody else may write to meanwhile.
func NewLive(w io.Writer) *Live { return &Live{w: w} }

// Write hands bytes on; after the first failure nothing any more.
func (l *Live) Write(b []byte) (int, error) {
	l.mu.Lock()
	err := l.err
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := l.w.Write(b) // for as long as the reader likes: others may ask for the error meanwhile
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	return n, err
}

// Gone says that the reader went before the end, in a way that is its own affair.
func (l *Live) Gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Is(l.err, syscall.EPIPE) || errors.Is(l.err, io.ErrClosedPipe)
}

// Err is the error of the first write that failed, nil where the reader just went.
func (l *Live) Err() error {
	if l.Gone() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return fmt.Errorf("live capture: %w", l.err)
	}
	return nil
}

const (
	// liveTick is how often the files are looked at.
	liveTick = 100 * time.Millisecond
	// liveLag is how long packets are held back, so that those of several interfaces are in order: the kernel keeps a block
	// of a ring for retire, and its reader may be late.
	liveLag = retire + 200*time.Millisecond
)

// following is one scenario's captures being handed on.
type following struct {
	complete chan struct{} // closed when the files have their ends
	done     chan struct{} // closed when all has been written
	once     sync.Once
}

// follow hands the captures on from here to the call of end.
func (l *Live) follow(captures []*nodeCapture) (*following, error) {
	var files []*os.File
	var sources []io.Reader
	shut := func() {
		for _, f := range files {
			f.Close()
		}
	}
	for _, c := range captures {
		f, err := os.Open(c.path)
		if err != nil {
			shut()
			return nil, fmt.Errorf("live capture: %w", err)
		}
		files, sources = append(files, f), append(sources, f)
	}
	f := &following{complete: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer shut()
		follower, err := pcapng.NewFollower(l, sources)
		tick := time.NewTicker(liveTick)
		defer tick.Stop()
		for err == nil {
			select {
			case <-tick.C:
				err = follower.Until(time.Now().Add(-liveLag))
			case <-f.complete:
				_ = follower.Close() // what fails is in l.err; a capture that broke off is in the report
				return
			}
		}
	}()
	return f, nil
}

// end waits until everything has been handed on, or ctx ends: a reader may take its time.
func (f *following) end(ctx context.Context) {
	if f == nil {
		return
	}
	f.once.Do(func() { close(f.complete) })
	select {
	case <-f.done:
	case <-ctx.Done():
	}
}
