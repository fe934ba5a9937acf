package capfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// pcapHeader reads the file header of 24 bytes.
func (r *Reader) pcapHeader() error {
	h, err := r.peek(24)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: its header of 24 bytes is cut after %d", ErrNotCapture, len(h))
		}
		return err
	}
	if major := r.order.Uint16(h[4:]); major != 2 {
		return fmt.Errorf("%w: version %d.%d of pcap is not known, only 2.x", ErrNotCapture, major, r.order.Uint16(h[6:]))
	}
	// The upper half of the link type word holds the length of the frame check
	// sequence; IP's own length leaves it out anyway.
	r.ifaces = []Interface{{LinkType: uint16(r.order.Uint32(h[20:])), SnapLen: r.order.Uint32(h[16:])}}
	r.use(24)
	return nil
}

// nextRecord reads a record: seconds, fraction, captured length, length, bytes.
func (r *Reader) nextRecord(p *Packet) error {
	h, err := r.peek(16)
	if err != nil {
		if len(h) == 0 && errors.Is(err, io.EOF) {
			return io.EOF
		}
		return r.broken(r.used, "a record's header", err)
	}
	var sec, frac, captured, length uint32
	if r.little {
		sec, frac = binary.LittleEndian.Uint32(h), binary.LittleEndian.Uint32(h[4:])
		captured, length = binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
	} else {
		sec, frac = binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[4:])
		captured, length = binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
	}
	if captured > MaxPacket {
		return &FormatError{Offset: r.used, What: fmt.Sprintf("a record claims %d bytes of packet, more than any capture holds (%d)", captured, MaxPacket)}
	}
	b, err := r.peek(16 + int(captured))
	if err != nil {
		return r.broken(r.used, fmt.Sprintf("a packet of %d bytes", captured), err)
	}
	ns := int64(frac)
	if !r.nano {
		ns *= 1000
	}
	p.Data = b[16:]
	p.Length = max(int(captured), boundedInt(length))
	p.Time = int64(sec)*1e9 + ns
	p.Interface = 0
	p.Flags = 0
	r.use(16 + int(captured))
	return nil
}

// boundedInt keeps a claimed length on the wire within what is plausible, so
// that no arithmetic on it can overflow.
func boundedInt(n uint32) int { return int(min(n, 1<<30)) }
