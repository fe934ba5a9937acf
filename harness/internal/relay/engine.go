package relay

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Options of an engine. The zero value is good.
type Options struct {
	// Threads is the number of engine threads; links are spread over them. Zero: one, which is best up to a dozen links
	// on two processors.
	Threads int
	// Class wanted for the threads. Zero: the best that is permitted.
	Class Class
	// LineBytes bounds the memory of the packets in flight, for each direction. What exceeds it is dropped as the
	// engine's fault. Zero: 256 MiB.
	LineBytes int
	// DropLog is the number of drops logged for each direction and cause; later ones are only counted. Zero: 4096.
	DropLog int
}

// A Class is a scheduling class of the kernel.
type Class int

// The classes.
const (
	ClassAuto     Class = iota // ClassDeadline, or what comes nearest to it
	ClassDeadline              // SCHED_DEADLINE or an error
	ClassOther                 // SCHED_OTHER, at nice -20 where permitted
	ClassPlain                 // SCHED_OTHER as the process has it
)

// An Engine carries frames between ends on threads of its own. Its methods may be called from any goroutine.
type Engine struct {
	shards []*shard

	mu     sync.Mutex
	next   int
	closed bool
}

// New starts an engine. It must be closed.
func New(o Options) (*Engine, error) {
	if o.Threads < 0 || o.LineBytes < 0 || o.DropLog < 0 {
		return nil, errors.New("start relay: negative option: give a positive one, or 0 for the default")
	}
	if o.Threads == 0 {
		o.Threads = 1
	}
	if o.LineBytes == 0 {
		o.LineBytes = 256 << 20
	}
	if o.DropLog == 0 {
		o.DropLog = 4096
	}
	e := &Engine{}
	for range o.Threads {
		s, err := newShard(o)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start relay: %w", err), e.Close())
		}
		e.shards = append(e.shards, s)
		spareProcs(1)
	}
	return e, nil
}

// A thread that comes back from a system call needs one of the runtime's GOMAXPROCS places to run Go code, and waits up to
// 10 ms for it when all are taken. So each engine thread brings a place of its own.
var procs sync.Mutex

func spareProcs(n int) {
	procs.Lock()
	defer procs.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
}

// Join makes a link of two ends and starts to carry frames. The ends belong to the engine from here, also where Join
// fails: it closes them.
func (e *Engine) Join(a, b End, ab, ba Config) (*Link, error) {
	fail := func(err error) (*Link, error) {
		return nil, errors.Join(fmt.Errorf("join: %w", err), a.Close(), b.Close())
	}
	if a.p == nil || b.p == nil || a.p == b.p {
		return fail(errors.New("a link needs two ends: open both"))
	}
	for _, c := range []struct {
		dir Direction
		*Config
	}{{AB, &ab}, {BA, &ba}} {
		if err := c.Validate(); err != nil {
			return fail(fmt.Errorf("direction %v: %w", c.dir, err))
		}
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return fail(ErrClosed)
	}
	s := e.shards[e.next%len(e.shards)]
	e.next++
	e.mu.Unlock()

	l := &Link{sh: s, ports: [2]*port{a.p, b.p}}
	var err error
	if !s.do(func() { err = l.start([2]Config{ab, ba}) }) {
		err = ErrClosed
	}
	if err != nil {
		return fail(err)
	}
	return l, nil
}

// Close ends all links, waits for the threads and closes everything that the engine owns. It may be called again.
func (e *Engine) Close() error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	for _, s := range e.shards {
		s.close()
		if !closed {
			spareProcs(-1)
		}
	}
	return nil
}
