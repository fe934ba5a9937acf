package relay

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

// release gives the other end what is due by now.
func (d *direction) release(now int64) {
	for d.line.Next() <= now {
		due, f := d.line.Pop()
		d.late.Add(now - due)
		d.stats.InFlight -= uint64(f.n)
		d.deliver(f, now)
	}
	d.to.flush()
}

// deliver hands a flight to the other end, and its reference to the buffer with it.
func (d *direction) deliver(f flight, now int64) {
	b := f.buf
	o := d.to.next()
	o.dir, o.flight, o.at = d, f, now
	whole := int(f.n) == b.packets() && f.flags&(marked|finished) == 0
	if b.isSuper && !whole {
		o.head, o.rest = b.super.Run(o.room[:], int(f.first), int(f.n))
		if f.flags&marked != 0 {
			gso.MarkCE(o.head[gso.HeaderLen:], b.layout)
		}
		if f.flags&finished != 0 {
			gso.CompleteRun(o.head, o.rest)
		}
		if f.first == 0 {
			d.stats.Cut++
		}
	} else {
		if f.flags&marked != 0 {
			gso.MarkCE(b.frame(), b.layout)
		}
		if f.flags&finished != 0 {
			gso.Complete(&b.header, b.frame())
		}
		b.header.Flags &= gso.NeedsCsum
		b.header.Encode(b.data)
		o.head, o.rest = b.data[:b.n], nil
	}
	d.to.commit()
}

// sent accounts for a flight that the kernel took, or did not.
func (d *direction) sent(o *outgoing, err error) {
	f := &o.flight
	if err == nil {
		d.stats.PacketsOut += uint64(f.n)
		d.stats.BytesOut += uint64(f.bytes())
	} else {
		cause := Fault
		switch {
		case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.EIO), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EBADFD):
			cause = Down // the interface, by someone else's hand
		}
		for i := range f.n {
			d.drop(f.buf, int(f.first+i), f.index+uint64(i), f.counted, cause, o.at)
		}
	}
	d.sh.pool.put(f.buf)
	f.buf = nil
}

// single returns a copy of wire packet i of b as a plain frame with complete checksums.
func (s *shard) single(b *buffer, i int) *buffer {
	if !b.isSuper {
		c := s.pool.get(b.n)
		c.n = copy(c.data, b.data[:b.n])
		c.isSuper, c.header, c.layout = false, b.header, b.layout
		gso.Complete(&c.header, c.frame())
		c.header.Encode(c.data)
		return c
	}
	var room [gso.MaxHeaders]byte
	head, rest := b.super.Run(room[:], i, 1)
	c := s.pool.get(len(head) + len(rest))
	c.n = copy(c.data, head)
	c.n += copy(c.data[c.n:], rest)
	c.isSuper, c.layout = false, b.layout
	c.header.Decode(c.data)
	gso.Complete(&c.header, c.frame())
	c.header.Encode(c.data)
	return c
}
