package capture

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// barrier waits for a set of markers to come out of the ring.
type barrier struct {
	id   barrierID
	all  chan struct{} // closed when every marker has come
	mu   sync.Mutex
	seen []bool
	left int
}

func newBarrier(n int) *barrier {
	return &barrier{id: newBarrierID(), all: make(chan struct{}), seen: make([]bool, n), left: n}
}

// came notes a marker that came out of the ring.
func (b *barrier) came(number uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(number) >= int64(len(b.seen)) || b.seen[number] {
		return
	}
	b.seen[number] = true
	if b.left--; b.left == 0 {
		close(b.all)
	}
}

func (b *barrier) missing(number int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.seen[number]
}

// post is one marker of a barrier: who sends it, and on which processor.
type post struct {
	sender *Sender
	cpu    int // -1: any
}

// posts lists the markers that stand behind everything that was sent before.
//
// Out of the near interface one is enough: the tap sees a frame as it leaves the
// queueing discipline, so the marker comes last. What the far end sends passes
// one more queue, the receive backlog, and each processor has its own
// (net/core/dev.c, enqueue_to_backlog): a marker may overtake a frame that
// another processor has not yet handed on. So there is one for each processor.
func posts(near *Sender, far []*Sender) []post {
	list := []post{{near, -1}}
	if len(far) == 0 {
		return list
	}
	var set unix.CPUSet
	cpus := []int{-1}
	if unix.SchedGetaffinity(0, &set) == nil && set.Count() > 1 {
		cpus = cpus[:0]
		for cpu := 0; len(cpus) < set.Count(); cpu++ {
			if set.IsSet(cpu) {
				cpus = append(cpus, cpu)
			}
		}
	}
	for _, s := range far {
		for _, cpu := range cpus {
			list = append(list, post{s, cpu})
		}
	}
	return list
}

// pass sends the markers of list and waits until all have come. Markers that
// stay away are sent again, ever more rarely: a link may lose them, and a full
// queue drops them; rarest is the longest pause between two rounds. The error
// says why they did not come: ctx ended, or they never can.
func (c *Capture) pass(ctx context.Context, list []post, rarest time.Duration) error {
	b := newBarrier(len(list))
	c.barrier.Store(b)
	defer c.barrier.Store(nil)
	c.wakeUp()
	begun := time.Now()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, rarest) {
		if err := b.send(list); err != nil {
			return err
		}
		// A device without carrier swallows frames and reports nothing. Carrier can be
		// late on a link just made: the kernel looks once in a second
		// (net/core/link_watch.c).
		if time.Since(begun) > carrierLimit {
			for _, p := range list {
				if f, err := p.sender.flags(); err == nil && f&unix.IFF_RUNNING == 0 {
					return fmt.Errorf("%s: %w: no carrier: is the other end up?", p.sender.name, ErrDown)
				}
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-b.all:
			timer.Stop()
			return nil
		case <-c.broken:
			timer.Stop()
			return errWriteFailed
		case <-ctx.Done():
			timer.Stop()
			b.mu.Lock()
			left := b.left
			b.mu.Unlock()
			return fmt.Errorf("%d of %d markers did not come: %w: give more time, or check the link", left, len(list), context.Cause(ctx))
		case <-timer.C:
		}
	}
}

// carrierLimit is how long an interface may be without carrier.
const carrierLimit = 1500 * time.Millisecond

var errWriteFailed = errors.New("the file cannot be written")

// send sends those markers of list that have not come yet.
func (b *barrier) send(list []post) error {
	result := make(chan error, 1)
	go func() {
		// Not unlocked: a thread that has been moved between processors ends here.
		runtime.LockOSThread()
		result <- func() error {
			var frame [markerLen]byte
			for i, p := range list {
				if !b.missing(i) {
					continue
				}
				if p.cpu >= 0 {
					var set unix.CPUSet
					set.Set(p.cpu)
					unix.SchedSetaffinity(0, &set) // a processor gone offline has an empty queue
				}
				putMarker(&frame, p.sender.hardware, b.id, uint32(i))
				err := p.sender.send(frame[:])
				switch {
				case err == nil, errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EAGAIN):
					// Queue full: the next round tries again.
				case errors.Is(err, unix.ENETDOWN):
					return fmt.Errorf("%s: %w: bring it up", p.sender.name, ErrDown)
				case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
					return fmt.Errorf("%s: %w", p.sender.name, ErrNoInterface)
				default:
					return fmt.Errorf("%s: send marker: %w", p.sender.name, err)
				}
			}
			return nil
		}()
	}()
	return <-result
}
