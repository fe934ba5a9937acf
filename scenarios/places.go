package scenarios

import (
	"slices"
	"sync"
	"time"
)

// places bound how many scenarios run at once, and say which is next. Who waits longest for other things than a processor
// (retransmissions take their time, a spanning tree its four seconds, clients their starts) goes first, with at most two thirds of the
// places as long as there is somebody who does not wait: so the processors have something to do meanwhile.
//
// It is for use by many goroutines.
type places struct {
	mu             sync.Mutex
	all            int // that there are
	taken, patient int // of them, and of those by who waits
	queue          []*place
}

// A place is one that somebody asked for. It is to be left, taken or not.
type place struct {
	of    *places
	waits time.Duration
	taken chan struct{} // closed when it is
}

// ask queues for a place.
func (p *places) ask(waits time.Duration) *place {
	asked := &place{of: p, waits: waits, taken: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, asked)
	p.fill()
	return asked
}

// open makes n more places.
func (p *places) open(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all += n
	p.fill()
}

// leave gives the place back, or no longer waits for it.
func (l *place) leave() {
	p := l.of
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, l); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	} else {
		p.count(l, -1)
	}
	p.fill()
}

// fill gives the free places to those that are next.
func (p *places) fill() {
	for p.taken < p.all && len(p.queue) > 0 {
		i := p.next()
		l := p.queue[i]
		p.queue = slices.Delete(p.queue, i, i+1)
		p.count(l, 1)
		close(l.taken)
	}
}

// next is who of the queue, which is not empty, goes first: of those that wait alike, the first that came.
func (p *places) next() int {
	enough := p.patient >= p.all-p.all/3
	if enough {
		if i := slices.IndexFunc(p.queue, func(l *place) bool { return l.waits == 0 }); i >= 0 {
			return i
		}
	}
	first := 0
	for i, l := range p.queue {
		if l.waits > p.queue[first].waits {
			first = i
		}
	}
	return first
}

func (p *places) count(l *place, n int) {
	p.taken += n
	if l.waits > 0 {
		p.patient += n
	}
}
