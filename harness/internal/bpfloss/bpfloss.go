package bpfloss

import (
	"errors"
	"fmt"
	"sync"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
)

// A Program loses packets of one direction of one link. Its methods may be called from several goroutines at once, and
// from any namespace.
type Program struct {
	name string

	mu     sync.Mutex
	config Config
	object *object
	filter *rtnl.Filter // nil: closed
	stats  Stats        // the last ones, once closed
	lost   []uint64
}

// Stats are a program's counts since Attach. All but Other count packets that have an index.
type Stats struct {
	Packets uint64 // the index that the next packet gets
	Bytes   uint64 // of their whole Ethernet frames, those of lost ones included
	Dropped uint64
	Listed  uint64 // of those dropped: by Config.Drop
	Other   uint64 // packets without an index, which always pass
	Super   uint64 // frames that stood for several packets of the wire, and had one decision
}

// Exact reports whether each decision was about one packet of the wire. It was not where a segmentation or receive
// offload was on.
func (s Stats) Exact() bool { return s.Super == 0 }

// Attach puts a program at the interface with this name and index of the calling thread's network namespace. It acts from
// the next packet on, which gets index 0, until Close, or until the interface is gone. Until Close the Program
// keeps the namespace.
//
// Where the kernel or the process's rights do not suffice the error is a *LoadError, or wraps rtnl.ErrMissing.
func Attach(name string, index int, c Config) (*Program, error) {
	what := fmt.Sprintf("attach loss to %s", name)
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	o, err := newObject(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	hook := rtnl.Ingress
	if c.Egress {
		hook = rtnl.Egress
	}
	filter, err := rtnl.AddFilter(name, index, hook, o.prog.FD(), progName)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", what, err), o.close())
	}
	return &Program{name: name, config: c, object: o, filter: filter}, nil
}

// Set puts c in force in one step: each packet meets the old Config or the new one, and none is missed. Counts go on,
// and with them the index. Config.Record and Config.Egress stay those of Attach. After an error the old Config is in
// force.
func (p *Program) Set(c Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := fmt.Sprintf("change loss of %s", p.name)
	if p.filter == nil {
		return fmt.Errorf("%s: %w", what, ErrClosed)
	}
	c.Record, c.Egress = p.config.Record, p.config.Egress
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	old, err := p.object.replace(c)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := p.filter.Replace(p.object.prog.FD()); err != nil {
		p.object.prog, old = old, p.object.prog
		return errors.Join(fmt.Errorf("%s: %w", what, err), old.Close())
	}
	p.config = c
	return old.Close()
}

// Config returns the Config in force.
func (p *Program) Config() Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config
}

// Stats returns the counts, each by itself: while packets flow they may differ by some. After Close they are the last
// ones.
func (p *Program) Stats() (Stats, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filter == nil {
		return p.stats, nil
	}
	s, err := p.object.stats()
	if err != nil {
		return s, fmt.Errorf("loss of %s: %w", p.name, err)
	}
	return s, nil
}

// Lost returns the indices of the packets lost so far, at most Config.Record of them, in the order in which they were
// lost. Packets that came on several processors at once may stand the other way round.
func (p *Program) Lost() ([]uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filter == nil {
		return p.lost, nil
	}
	lost, err := p.object.lost(p.config.Record)
	if err != nil {
		return nil, fmt.Errorf("loss of %s: %w", p.name, err)
	}
	return lost, nil
}

// Close takes the program off its interface; from then on all packets pass. The hook itself (clsact) stays, because
// others may have come to use it; it goes with the interface. An interface that is gone already is no error. Later calls do nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filter == nil {
		return nil
	}
	errs := []error{p.filter.Close()}
	var err error
	p.stats, err = p.object.stats()
	errs = append(errs, err)
	p.lost, err = p.object.lost(p.config.Record)
	errs = append(errs, err, p.object.close())
	p.filter = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("detach loss from %s: %w", p.name, err)
	}
	return nil
}
