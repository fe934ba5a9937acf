package link

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// A queueing discipline delays what an interface sends before a capture there sees it. What is seen is the turnaround:
// how long after its cause a frame left. The cause of a frame that a switch sends is the same frame, arriving at
// another of its ports; that of a TCP acknowledgement is the segment it acknowledges. No frame leaves sooner after its
// cause than the delay, and the quickest leave hardly later.

// remembered is how many causes are kept in mind: those whose effect went elsewhere, or was lost, would stay for ever.
const remembered = 1 << 16

// Forwarded measures the turnaround of a switch: sent is the capture at the port that sends, arrived are those at its
// other ports (pcapng with the direction of each frame). Of identical frames, the first is taken for the first.
// An error means that nothing can be said, as with Compare.
func Forwarded(ctx context.Context, sent io.Reader, arrived ...io.Reader) (Delays, error) {
	out, err := openSide(stopper{ctx, sent}, outbound, "")
	if err != nil {
		return Delays{}, fmt.Errorf("measure turnaround: sending port: %w", err)
	}
	in := make([]*side, len(arrived))
	for i, r := range arrived {
		if in[i], err = openSide(stopper{ctx, r}, inbound, ""); err != nil {
			return Delays{}, fmt.Errorf("measure turnaround: receiving port: %w", err)
		}
	}
	causes := newCauses()
	var d Delays
	for out.more {
		// All that arrived by then comes first.
		var first *side
		for _, s := range in {
			if s.more && s.packet.Time <= out.packet.Time && (first == nil || s.packet.Time < first.packet.Time) {
				first = s
			}
		}
		if first != nil {
			if counted(first.packet.Data) {
				causes.add(fingerprint(first.packet.Data), first.packet.Time)
			}
			err = first.next()
		} else {
			if at, ok := causes.take(fingerprint(out.packet.Data)); ok {
				d.add(time.Duration(out.packet.Time - at))
			}
			err = out.next()
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return Delays{}, fmt.Errorf("measure turnaround: %w", err)
		}
	}
	d.finish()
	return d, nil
}

// Answered measures the turnaround of a host, by TCP: how long after a segment arrived an acknowledgement of exactly its
// end first left. A host may put an acknowledgement off (RFC 9293, section 3.8.6.3), so the quickest count.
// arrived and sent are the same capture, at the host's interface, opened twice.
func Answered(ctx context.Context, arrived, sent io.Reader) (Delays, error) {
	in, err := openSide(stopper{ctx, arrived}, inbound, "")
	if err != nil {
		return Delays{}, fmt.Errorf("measure turnaround: %w", err)
	}
	out, err := openSide(stopper{ctx, sent}, outbound, "")
	if err != nil {
		return Delays{}, fmt.Errorf("measure turnaround: %w", err)
	}
	causes := newCauses()
	var d Delays
	for out.more {
		if in.more && in.packet.Time <= out.packet.Time {
			if s, ok := tcpOf(in.packet.Data); ok && s.length > 0 {
				causes.once(s.key(false, s.seq+s.length), in.packet.Time)
			}
			err = in.next()
		} else {
			if s, ok := tcpOf(out.packet.Data); ok && s.acks {
				if at, ok := causes.take(s.key(true, s.ack)); ok {
					d.add(time.Duration(out.packet.Time - at))
				}
			}
			err = out.next()
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return Delays{}, fmt.Errorf("measure turnaround: %w", err)
		}
	}
	d.finish()
	return d, nil
}

// causes are frames or segments that something may follow from, with the times at which they arrived.
type causes struct {
	at    map[uint64][]int64
	order []uint64 // the last so many that were added
	next  int
}

func newCauses() *causes {
	return &causes{at: make(map[uint64][]int64), order: make([]uint64, 0, remembered)}
}

func (c *causes) add(key uint64, at int64) {
	if len(c.order) < remembered {
		c.order = append(c.order, key)
	} else {
		// What is forgotten is the oldest of its key, or gone already.
		if list := c.at[c.order[c.next]]; len(list) < 2 {
			delete(c.at, c.order[c.next])
		} else {
			c.at[c.order[c.next]] = list[1:]
		}
		c.order[c.next] = key
		c.next = (c.next + 1) % remembered
	}
	c.at[key] = append(c.at[key], at)
}

// once adds what has not arrived before. What was taken has: a later acknowledgement of the same number may have been
// on its way already when the segment came again.
func (c *causes) once(key uint64, at int64) {
	if _, there := c.at[key]; !there {
		c.add(key, at)
	}
}

func (c *causes) take(key uint64) (int64, bool) {
	list := c.at[key]
	if len(list) == 0 {
		return 0, false
	}
	c.at[key] = list[1:]
	return list[0], true
}

// A tcpPart is what the turnaround of a segment needs of it.
type tcpPart struct {
	ports     uint32 // source and destination
	addresses [2][]byte
	seq, ack  uint32
	length    uint32 // in sequence numbers, SYN and FIN included
	acks      bool
}

func tcpOf(frame []byte) (s tcpPart, ok bool) {
	at, kind := network(frame)
	b := frame[at:]
	var payload []byte
	switch {
	case kind == etherIPv4 && len(b) >= 20 && b[9] == protoTCP && binary.BigEndian.Uint16(b[6:])&0x3fff == 0:
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if head < 20 || total < head || total > len(b) {
			return s, false
		}
		s.addresses = [2][]byte{b[12:16], b[16:20]}
		payload = b[head:total]
	case kind == etherIPv6 && len(b) >= 40 && b[6] == protoTCP:
		total := 40 + int(binary.BigEndian.Uint16(b[4:]))
		if total > len(b) {
			return s, false
		}
		s.addresses = [2][]byte{b[8:24], b[24:40]}
		payload = b[40:total]
	default:
		return s, false
	}
	if len(payload) < 20 {
		return s, false
	}
	head := int(payload[12]>>4) * 4
	if head < 20 || head > len(payload) {
		return s, false
	}
	flags := payload[13]
	s.ports = binary.BigEndian.Uint32(payload)
	s.seq, s.ack = binary.BigEndian.Uint32(payload[4:]), binary.BigEndian.Uint32(payload[8:])
	s.length = uint32(len(payload)-head) + uint32(flags&1) + uint32(flags>>1&1)
	s.acks = flags&0x10 != 0
	return s, true
}

// key names a number of a flow's sequence, for the segment that ends there (from its source) and for the
// acknowledgement of it (from its destination) alike.
func (s tcpPart) key(ack bool, number uint32) uint64 {
	from, to, ports := s.addresses[0], s.addresses[1], s.ports
	if ack {
		from, to, ports = to, from, ports<<16|ports>>16
	}
	b := make([]byte, 0, 40)
	b = append(append(b, from...), to...)
	b = binary.BigEndian.AppendUint32(b, ports)
	return fingerprint(binary.BigEndian.AppendUint32(b, number))
}
