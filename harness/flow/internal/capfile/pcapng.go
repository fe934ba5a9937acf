package capfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// Block types.
const (
	blockSection   = 0x0A0D0D0A
	blockInterface = 1
	blockPacket    = 2 // obsolete, still met
	blockSimple    = 3
	blockStats     = 5
	blockEnhanced  = 6
)

// resolution is if_tsresol: units in a second.
type resolution struct {
	units uint64 // 0: microseconds, the default
}

func (t resolution) nanoseconds(ts uint64) int64 {
	switch t.units {
	case 0, 1e6:
		if ts > math.MaxInt64/1000 {
			return math.MaxInt64
		}
		return int64(ts) * 1000
	case 1e9:
		return int64(min(ts, math.MaxInt64))
	}
	hi, lo := bits.Mul64(ts, 1e9)
	if hi >= t.units {
		return math.MaxInt64
	}
	ns, _ := bits.Div64(hi, lo, t.units)
	return int64(min(ns, math.MaxInt64))
}

func (r *Reader) firstSection() error {
	err := r.section()
	var f *FormatError
	if errors.As(err, &f) {
		return fmt.Errorf("%w: its section header is broken: %s", ErrNotCapture, f.What)
	}
	return err
}

// section reads a section header block, whose byte order its own magic tells.
func (r *Reader) section() error {
	off := r.used
	h, err := r.peek(12)
	if err != nil {
		return r.broken(off, "a section header", err)
	}
	switch binary.LittleEndian.Uint32(h[8:]) {
	case 0x1A2B3C4D:
		r.setOrder(true)
	case 0x4D3C2B1A:
		r.setOrder(false)
	default:
		return &FormatError{Offset: off, What: fmt.Sprintf("a section header has % x for a byte-order mark", h[8:12])}
	}
	body, err := r.block(off, "a section header", 28)
	if err != nil {
		return err
	}
	if major := r.order.Uint16(body[4:]); major != 1 {
		return &FormatError{Offset: off, What: fmt.Sprintf("a section of version %d is not known, only 1", major)}
	}
	r.options(body[16:], func(code uint16, v []byte) {
		if code == 1 && len(r.comment) < maxComments {
			r.comment = append(r.comment, clip(v))
		}
	})
	r.base = len(r.ifaces)
	return nil
}

// block reads a whole block that is at least least bytes long and small enough to
// hold, uses it, and returns its body.
func (r *Reader) block(off int64, what string, least int) ([]byte, error) {
	h, err := r.peek(8)
	if err != nil {
		return nil, r.broken(off, what, err)
	}
	total := r.order.Uint32(h[4:])
	if total%4 != 0 || int64(total) < int64(least) {
		return nil, &FormatError{Offset: off, What: fmt.Sprintf("%s has a length of %d bytes", what, total)}
	}
	if total > MaxPacket+4096 {
		return nil, &FormatError{Offset: off, What: fmt.Sprintf("%s claims %d bytes, more than any capture holds (%d)", what, total, MaxPacket)}
	}
	b, err := r.peek(int(total))
	if err != nil {
		return nil, r.broken(off, fmt.Sprintf("%s of %d bytes", what, total), err)
	}
	if end := r.order.Uint32(b[total-4:]); end != total {
		return nil, &FormatError{Offset: off, What: fmt.Sprintf("%s has the lengths %d and %d at its two ends", what, total, end)}
	}
	r.use(int(total))
	return b[8 : total-4], nil
}

func (r *Reader) nextBlock(p *Packet) error {
	for {
		off := r.used
		h, err := r.peek(12)
		if err != nil {
			if len(h) == 0 && errors.Is(err, io.EOF) {
				return io.EOF
			}
			return r.broken(off, "a block's header", err)
		}
		switch kind := r.order.Uint32(h); kind {
		case blockEnhanced, blockPacket:
			body, err := r.block(off, "a packet block", 32)
			if err != nil {
				return err
			}
			if err := r.packet(off, kind, body, p); err != nil {
				return err
			}
			return nil
		case blockSimple:
			body, err := r.block(off, "a simple packet block", 16)
			if err != nil {
				return err
			}
			return r.simple(off, body, p)
		case blockInterface:
			body, err := r.block(off, "an interface block", 20)
			if err != nil {
				return err
			}
			if err := r.addInterface(off, body); err != nil {
				return err
			}
		case blockStats:
			body, err := r.block(off, "an interface statistics block", 24)
			if err != nil {
				return err
			}
			r.statistics(body)
		case blockSection:
			if err := r.section(); err != nil {
				return err
			}
		default:
			total := r.order.Uint32(h[4:])
			if total%4 != 0 || total < 12 {
				return &FormatError{Offset: off, What: fmt.Sprintf("a block of type %#x has a length of %d bytes", kind, total)}
			}
			if err := r.skip(int64(total) - 4); err != nil {
				return r.broken(off, fmt.Sprintf("a block of type %#x that claims %d bytes", kind, total), err)
			}
			end, err := r.peek(4)
			if err != nil {
				return r.broken(off, fmt.Sprintf("a block of type %#x that claims %d bytes", kind, total), err)
			}
			if got := r.order.Uint32(end); got != total {
				return &FormatError{Offset: off, What: fmt.Sprintf("a block of type %#x has the lengths %d and %d at its two ends", kind, total, got)}
			}
			r.use(4)
		}
	}
}

func (r *Reader) addInterface(off int64, body []byte) error {
	if len(r.ifaces) >= maxInterfaces {
		return &FormatError{Offset: off, What: fmt.Sprintf("more than %d interfaces", maxInterfaces)}
	}
	it := Interface{LinkType: r.order.Uint16(body), SnapLen: r.order.Uint32(body[4:])}
	r.options(body[8:], func(code uint16, v []byte) {
		switch {
		case code == 2: // if_name
			it.Name = clip(v)
		case code == 9 && len(v) >= 1: // if_tsresol
			it.resol.units = tsresol(v[0])
		case code == 14 && len(v) >= 8: // if_tsoffset, seconds
			sec := int64(r.order.Uint64(v))
			if sec > -1e10 && sec < 1e10 {
				it.offsetNS = sec * 1e9 // at most 317 years: wraps nowhere near a real clock
			}
		}
	})
	r.ifaces = append(r.ifaces, it)
	return nil
}

// tsresol decodes if_tsresol. Resolutions that 64 bits cannot count are taken as
// the finest that they can.
func tsresol(v byte) uint64 {
	if v&0x80 != 0 {
		return 1 << min(v&0x7f, 63)
	}
	units := uint64(1)
	for range min(v, 19) {
		units *= 10
	}
	return units
}

func (r *Reader) packet(off int64, kind uint32, body []byte, p *Packet) error {
	var id, drops int
	if kind == blockEnhanced {
		id = int(r.order.Uint32(body))
	} else {
		id = int(r.order.Uint16(body))
		if d := r.order.Uint16(body[2:]); d != 0xFFFF {
			drops = int(d)
		}
	}
	captured, length := r.order.Uint32(body[12:]), r.order.Uint32(body[16:])
	if id >= len(r.ifaces)-r.base {
		return &FormatError{Offset: off, What: fmt.Sprintf("a packet of interface %d, and the section describes %d", id, len(r.ifaces)-r.base)}
	}
	if int64(captured) > int64(len(body)-20) {
		return &FormatError{Offset: off, What: fmt.Sprintf("a packet of %d bytes in a block of %d", captured, len(body)+12)}
	}
	it := &r.ifaces[r.base+id]
	ts := uint64(r.order.Uint32(body[4:]))<<32 | uint64(r.order.Uint32(body[8:]))
	p.Data = body[20 : 20+captured]
	p.Length = max(int(captured), boundedInt(length))
	p.Time = it.resol.nanoseconds(ts) + it.offsetNS
	p.Interface = r.base + id
	p.Flags = 0
	if rest := body[20+(captured+3)&^3:]; len(rest) >= 4 {
		r.options(rest, func(code uint16, v []byte) {
			switch {
			case code == 2 && len(v) >= 4: // epb_flags
				p.Flags = r.order.Uint32(v)
			case code == 4 && len(v) >= 8: // epb_dropcount, since the packet before
				if n := r.order.Uint64(v); n > 0 {
					it.drop(it.counted + n)
				}
			}
		})
	}
	if drops > 0 {
		it.drop(it.counted + uint64(drops))
	}
	return nil
}

// drop takes a drop count that packets add up to.
func (it *Interface) drop(n uint64) {
	if n < it.counted { // wrapped: a hostile count
		n = math.MaxUint64
	}
	it.counted = n
	it.Dropped = max(it.Dropped, n)
	it.DropsKnown = true
}

// simple reads a simple packet block: interface 0, no time; its captured
// length is what fits the block and the snap length.
func (r *Reader) simple(off int64, body []byte, p *Packet) error {
	if len(r.ifaces) == r.base {
		return &FormatError{Offset: off, What: "a simple packet block before any interface is described"}
	}
	it := &r.ifaces[r.base]
	length := r.order.Uint32(body)
	captured := length
	if it.SnapLen > 0 {
		captured = min(captured, it.SnapLen)
	}
	if int64(captured) > int64(len(body)-4) {
		return &FormatError{Offset: off, What: fmt.Sprintf("a packet of %d bytes in a block of %d", captured, len(body)+12)}
	}
	*p = Packet{Data: body[4 : 4+captured], Length: max(int(captured), boundedInt(length)), Interface: r.base}
	return nil
}

// statistics reads the drop counts of an interface: isb_ifdrop and isb_osdrop. They
// count since the capture began, so that a later block replaces an earlier one.
func (r *Reader) statistics(body []byte) {
	id := int(r.order.Uint32(body))
	if id >= len(r.ifaces)-r.base {
		return // nobody's; nothing depends on it
	}
	var dropped uint64
	known := false
	r.options(body[12:], func(code uint16, v []byte) {
		if (code == 5 || code == 7) && len(v) >= 8 {
			n := r.order.Uint64(v)
			dropped = max(dropped+n, n)
			known = true
		}
	})
	if known {
		it := &r.ifaces[r.base+id]
		it.Dropped = max(dropped, it.counted)
		it.DropsKnown = true
	}
}

// options calls f for each option in b, up to the first that does not fit.
func (r *Reader) options(b []byte, f func(code uint16, v []byte)) {
	for len(b) >= 4 {
		code, n := r.order.Uint16(b), int(r.order.Uint16(b[2:]))
		if code == 0 || 4+n > len(b) {
			return
		}
		f(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}
