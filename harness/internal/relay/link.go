package relay

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/pace"
)

// A Link is two ends joined. Its methods may be called from any goroutine while frames travel; each takes effect between
// two frames.
type Link struct {
	sh    *shard
	ports [2]*port   // a, b
	read  sync.Mutex // of the ports' counters

	// Of the shard's thread; when the thread or the link has ended, of whoever holds read.
	dirs    [2]direction
	up      [2]bool // by direction
	ended   bool
	joined  int64
	pending []*pending
	thread  ThreadStats
	sleep   func() error // lets the processors sleep again; nil: the link does not keep them
	asleep  error        // why not, though it delays
	err     error
}

// A pending DropNext.
type pending struct {
	match func(*Packet) bool
	drop  chan Drop
}

func (l *Link) start(c [2]Config) error {
	now := l.sh.now()
	l.joined, l.up = now, [2]bool{true, true}
	for i := range l.dirs {
		d := &l.dirs[i]
		*d = direction{dir: Direction(i), link: l, sh: l.sh, from: l.ports[i], to: l.ports[1-i]}
		d.configure(c[i], now)
	}
	for i, p := range l.ports {
		slot := slices.Index(l.sh.ports, nil)
		if slot < 0 {
			slot = len(l.sh.ports)
			l.sh.ports = append(l.sh.ports, nil)
		}
		p.start(&l.dirs[i], slot)
		if p.stamps != nil {
			p.stamps.clock(l.sh.now)
		}
		l.sh.ports[slot] = p
		if err := l.sh.watch(p.fd, slot); err != nil {
			for _, p := range l.ports[:i+1] {
				l.sh.ports[p.slot] = nil
			}
			return err
		}
	}
	l.sh.links = append(l.sh.links, l)
	l.stayAwake()
	l.divert()
	return nil
}

// end takes the link off its thread and closes its ends.
func (l *Link) end() {
	if l.ended {
		return
	}
	l.read.Lock()
	defer l.read.Unlock()
	l.thread = l.sh.threadStats()
	for _, p := range l.ports {
		p.missedFrames() // a last time
	}
	l.ended, l.up = true, [2]bool{}
	l.sh.links = slices.DeleteFunc(l.sh.links, func(o *Link) bool { return o == l })
	for i := range l.dirs {
		d := &l.dirs[i]
		d.line.Each(func(_ int64, f flight) { l.sh.pool.put(f.buf) })
		d.stats.InFlight = 0
		if b := l.ports[i].bypass; b != nil { // a last time
			d.index += b.load(memIP)
			b.addTo(&d.stats)
		}
	}
	for _, p := range l.ports {
		l.sh.ports[p.slot] = nil
		if p.gone == nil {
			unix.EpollCtl(l.sh.poll.fd, unix.EPOLL_CTL_DEL, p.fd, nil)
		}
		l.err = errors.Join(l.err, p.close())
	}
	if l.sleep != nil {
		l.err = errors.Join(l.err, l.sleep())
		l.sleep = nil
	}
	for _, p := range l.pending {
		close(p.drop)
	}
	l.pending = nil
}

// do runs f on the thread while the link is joined.
func (l *Link) do(f func()) error {
	ok := false
	l.sh.do(func() {
		if ok = !l.ended; ok {
			f()
		}
	})
	if !ok {
		return ErrClosed
	}
	return nil
}

// Set replaces the parameters of one or both directions in one step; nil leaves a direction as it is. Packets on their
// way keep the time at which they arrive; those that still wait in the queue are sent as the new parameters say.
// Nothing is lost (a shorter queue limit drops only newcomers) or passes twice, and a shorter delay lets no packet overtake
// those on their way. Indices go on; a Decider is replaced by the new one. What Plan had in store for the direction is gone, and
// the cut of a step with it.
func (l *Link) Set(ab, ba *Config) error {
	var plans [2][]Step
	for i, c := range [2]*Config{ab, ba} {
		if c != nil {
			plans[i] = []Step{{Config: c}}
		}
	}
	return l.Plan(plans[AB], plans[BA])
}

// Down cuts the link: frames sent from now on are lost and counted. Those on their way arrive. Down and Up may be repeated.
func (l *Link) Down() error { return l.SetUp(false, false) }

// Up ends Down.
func (l *Link) Up() error { return l.SetUp(true, true) }

// SetUp is Up or Down for each direction by itself.
func (l *Link) SetUp(ab, ba bool) error {
	return l.do(func() {
		l.drain()
		l.up = [2]bool{ab, ba}
		l.divert()
	})
}

// drain takes in what was sent before this moment, a batch at most.
func (l *Link) drain() {
	for i := range l.dirs {
		l.receive(&l.dirs[i])
	}
}

// DropNext loses the next packet, of either direction, for which match says true. It is counted as List, and sent on the
// channel, which is closed without it when the link ends first. Several may wait at a time; each packet is shown to them in
// the order of the calls. match is called from the engine's thread: see Decider.
func (l *Link) DropNext(match func(*Packet) bool) (<-chan Drop, error) {
	p := &pending{match: match, drop: make(chan Drop, 1)}
	if err := l.do(func() { l.pending = append(l.pending, p); l.divert() }); err != nil {
		return nil, err
	}
	return p.drop, nil
}

// divert has the kernel carry each direction of which nothing is asked, where it can.
func (l *Link) divert() {
	for i := range l.dirs {
		b, d := l.ports[i].bypass, &l.dirs[i]
		if b == nil {
			continue
		}
		if next := d.nextStep(); next != pace.Never && next != atOnce && b.wanted != toEngine {
			d.stepLate(d.sh.now() - next) // if it is: the kernel has carried what was sent since
		}
		b.want(d.carrier())
	}
}

// takePending gives p to the first of those who wait for it.
func (l *Link) takePending(d *direction, p *Packet, at int64) bool {
	for i, w := range l.pending {
		if w.match(p) {
			l.pending = slices.Delete(l.pending, i, i+1)
			l.divert()
			w.drop <- Drop{
				Index: p.Index, IP: p.IP, Cause: List, At: time.Duration(at - l.joined), Len: p.Len,
				Summary: Summary(p.Frame, p.Len),
			}
			close(w.drop)
			return true
		}
	}
	return false
}

// Stats returns the link's figures, after Close the last ones.
func (l *Link) Stats() (Stats, error) {
	var s Stats
	if l.do(func() {
		l.thread = l.sh.threadStats()
		s = l.stats()
	}) != nil {
		l.read.Lock()
		s = l.stats()
		l.read.Unlock()
	} else {
		// Not on the thread: it takes the time of several frames.
		l.read.Lock()
		if !l.ports[0].closed {
			for _, p := range l.ports {
				p.missedFrames()
			}
		}
		l.read.Unlock()
	}
	l.read.Lock()
	defer l.read.Unlock()
	for i := range l.ports {
		in, _ := l.ports[i].readings()
		_, out := l.ports[1-i].readings()
		n := &s.Direction(Direction(i)).Dropped
		n.Missed = in + out
		n.Engine += n.Missed
	}
	return s, nil
}

func (l *Link) stats() Stats {
	s := Stats{Up: l.dirs[AB].isUp() && l.dirs[BA].isUp(), Thread: l.thread, Asleep: l.asleep, Err: l.err}
	for i := range l.dirs {
		d := &l.dirs[i]
		out := s.Direction(Direction(i))
		*out = d.stats
		out.IPIn = d.index
		if b := l.ports[i].bypass; b != nil && b.mem != nil {
			b.addTo(out)
		}
		out.Late = Lateness{
			Count: d.late.Count(), P50: time.Duration(d.late.Quantile(0.5)), P99: time.Duration(d.late.Quantile(0.99)),
			Max: time.Duration(d.late.Max()),
		}
	}
	for _, p := range l.ports {
		s.Unstamped = errors.Join(s.Unstamped, p.unstamped)
		if p.gone != nil {
			s.Err = errors.Join(s.Err, p.gone)
		}
	}
	return s
}

func (s *shard) threadStats() ThreadStats {
	t := &s.timer
	return ThreadStats{
		Class: s.class, ClassError: s.why, Wakes: t.wakes, Timeouts: t.timeouts, Rehearsals: t.rehearsals, WakeP50: time.Duration(t.median()),
		Spun: time.Duration(t.spun), Running: time.Duration(s.now() - t.start), CPU: threadCPU(),
	}
}

// Drops returns the log of lost packets of one direction, in the order in which they were lost.
func (l *Link) Drops(d Direction) ([]Drop, error) {
	if d != AB && d != BA {
		return nil, fmt.Errorf("direction %d: there are AB and BA", d)
	}
	var log dropLog
	take := func() { log.entries = slices.Clone(l.dirs[d].log.entries) }
	if l.do(take) != nil {
		l.read.Lock()
		take()
		l.read.Unlock()
	}
	return log.drops(l.joined), nil
}

// Close ends the link and closes its ends. Packets on their way are lost. It may be called again.
func (l *Link) Close() error {
	l.do(l.end)
	l.read.Lock()
	defer l.read.Unlock()
	return l.err
}
