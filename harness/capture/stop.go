package capture

import (
	"context"
	"fmt"
	"time"
)

const (
	// stopLimit is how long Stop waits for markers when neither its context nor Options say it.
	stopLimit = time.Minute
	// closeLimit is how long Stop waits, after its context has ended and the kernel
	// has handed the last block over, for the reader to write what is in the ring: a
	// disk takes a moment, a pipe without a reader takes for ever.
	closeLimit = 2 * time.Second
)

// Stats returns the counters so far. Complete is true only in what Stop returns.
func (c *Capture) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ring != nil {
		c.count()
	}
	return Stats{
		Packets:   c.packets.Load(),
		Bytes:     c.bytes.Load(),
		Truncated: c.truncated.Load(),
		Dropped:   c.dropped,
		Freezes:   c.freezes,
		Downs:     c.downs.Load(),
	}
}

// Stop ends the capture. It sends marker frames out of the interface and through
// every far sender, and reads until all of them have come, or until ctx ends (a
// ctx without a deadline: Options.StopLimit), or until they never can, because an
// interface is down or gone; then it takes the ring off the interface, writes
// what is left in it and the statistics, and releases everything. Stats.Complete
// is true only when every marker came, nothing was dropped or cut, and all was
// written.
//
// A marker stands behind what was sent before it as long as the link keeps the
// order: a queueing discipline that sorts by flow (fq_codel) or delays by chance
// (netem with jitter) may let it pass. Wait there for the connections to close
// before Stop.
//
// The error is that of writing the file; an incomplete capture is no error. A
// second call waits for the first and returns the same. If w never returns from
// a Write, Stop returns two seconds and twice the retire time after ctx has ended, and
// the rest is released when w returns.
func (c *Capture) Stop(ctx context.Context) (Stats, error) {
	c.stop.Do(func() { c.result, c.failed = c.end(ctx) })
	return c.result, c.failed
}

func (c *Capture) end(ctx context.Context) (Stats, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.stopLimit)
		defer cancel()
	}
	missed := c.pass(ctx, posts(c.near, c.far), time.Second)
	c.finish()
	select {
	case <-c.done:
	case <-ctx.Done():
		timer := time.NewTimer(closeLimit + 2*c.retire)
		defer timer.Stop()
		select {
		case <-c.done:
		case <-timer.C:
			s := c.Stats()
			s.Reason = "the writer does not return from a write: see what reads its other end"
			return s, fmt.Errorf("capture %s: %s", c.name, s.Reason)
		}
	}
	s := c.Stats()
	switch {
	case c.err != nil:
		s.Reason = c.err.Error()
		return s, fmt.Errorf("capture %s: %w", c.name, c.err)
	case missed != nil:
		s.Reason = "stop barrier: " + missed.Error()
	case s.Dropped > 0:
		s.Reason = fmt.Sprintf("the ring had no room for %d packets: use a larger one", s.Dropped)
	case s.Truncated > 0:
		s.Reason = fmt.Sprintf("%d packets are cut: use a larger snap length, or larger blocks", s.Truncated)
	default:
		s.Complete = true
	}
	return s, nil
}
