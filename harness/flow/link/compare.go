package link

import (
	"context"
	"fmt"
	"io"
)

// Compare matches the frames that one end of a link sent with those that the other received. sent and
// received are captures, pcapng with the direction of each frame (epb_flags), at the interfaces of the
// two ends; what went the other way is passed over.
//
// Frames are the same if all their bytes are. Identical frames are matched in the order in which
// they were sent: which of them was lost, nobody can tell. A TCP or UDP checksum that the sender left
// to its network card (tx offload) may have been filled in on the way, and the packet behind its IP header been damaged after that. A frame of which one bit was
// inverted is recognised; one damaged more than that, if it is the only one of its length that came and
// the only one missing.
//
// Both captures are read once, front to back, side by side, as their time stamps have it. Memory is bounded
// by Options.Window: each frame sent takes about 100 bytes as long as it is one of the last so many.
//
// An error means that nothing can be said: an input is no capture (ErrNotCapture), cannot be read, or
// ctx was cancelled. A capture that breaks off or is otherwise wanting is no error: Evidence.Problems
// tells.
func Compare(ctx context.Context, sent, received io.Reader, o Options) (Evidence, error) {
	o = o.withDefaults()
	a, err := openSide(stopper{ctx, sent}, outbound, o.SentInterface)
	if err != nil {
		return Evidence{}, fmt.Errorf("compare captures of %s: sending end: %w", o.Name, err)
	}
	b, err := openSide(stopper{ctx, received}, inbound, o.ReceivedInterface)
	if err != nil {
		return Evidence{}, fmt.Errorf("compare captures of %s: receiving end: %w", o.Name, err)
	}
	m := newMatcher(o)
	err = m.merge(a, b)
	if ctx.Err() != nil { // a read that it ended looks like the end of a capture
		err = context.Cause(ctx)
	}
	if err != nil {
		return Evidence{}, fmt.Errorf("compare captures of %s: %w", o.Name, err)
	}
	m.finish(max(a.last, b.last))
	e := m.evidence
	e.Problems = append(a.problems("the capture at the sending end"), b.problems("the capture at the receiving end")...)
	e.SentCapture, e.ReceivedCapture = a.seen, b.seen
	if e.Strangers > 0 {
		e.Problems = append(e.Problems, count(e.Strangers, "frame")+" arrived that the sending capture does not have, or no longer had in its window of "+
			thousands(uint64(o.Window))+" frames")
	}
	return e, nil
}

// merge takes from the two captures what comes next in time.
func (m *matcher) merge(a, b *side) error {
	for a.more || b.more {
		if a.more && (!b.more || a.packet.Time <= b.packet.Time) {
			m.expire(a.packet.Time)
			m.sent(a.packet.Data, a.packet.Length, a.packet.Time)
			if err := a.next(); err != nil {
				return fmt.Errorf("sending end: %w", err)
			}
			continue
		}
		if !a.more {
			m.expire(never)
		}
		m.received(b.packet.Data, b.packet.Length, b.packet.Time)
		if err := b.next(); err != nil {
			return fmt.Errorf("receiving end: %w", err)
		}
	}
	m.expire(never)
	return nil
}

// stopper makes reading end with ctx.
type stopper struct {
	ctx context.Context
	r   io.Reader
}

func (s stopper) Read(b []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(b)
}
