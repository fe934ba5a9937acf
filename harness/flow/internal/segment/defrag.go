package segment

import "bytes"

// Piece is a fragment of an IP packet that carries TCP. Data points into the frame.
type Piece struct {
	Src, Dst Addr
	ID       uint32 // identification: 16 bits of IPv4, 32 of IPv6
	Next     uint8  // protocol, or the first header after IPv6's fragment header
	V6       bool
	Offset   int // of Data in the packet's fragmentable part, in bytes
	More     bool
	Data     []byte // captured part
	Length   int    // of the data on the wire
}

// Bounds of reassembly. A packet has 64 KiB at most, and Linux waits 30 s for its fragments
// (net.ipv4.ipfrag_time).
const (
	maxPackets  = 64
	maxBuffered = 2 << 20 // bytes
	maxParts    = 128     // stretches of one packet that are not yet joined
	maxWait     = 30e9    // nanoseconds
	maxPacket   = 1 << 16
)

// Defragmenter puts fragments together. It holds a bounded number of packets and lets go of the oldest.
// Its zero value is ready; it is not safe for concurrent use.
type Defragmenter struct {
	packets []*packet // oldest first
	spare   []*packet
	bytes   int
	Lost    uint64 // fragments of packets that were let go incomplete, or that contradicted each other
}

type packetKey struct {
	src, dst Addr
	id       uint32
	next     uint8
	where    uint32
}

type packet struct {
	key   packetKey
	buf   []byte
	parts []part // ordered, apart
	end   int    // of the packet, -1 until its last fragment
	count uint64
	first int64 // time
	done  bool
	dead  bool
}

type part struct{ from, to int }

// Add takes a fragment that was captured at a place (an interface) at a time in nanoseconds. Once the packet is
// complete it is decoded into s as Decode does, and ok is true; s.Payload is valid until the next call.
func (d *Defragmenter) Add(f *Piece, where uint32, t int64, s *Segment) (status Status, ok bool) {
	for len(d.packets) > 0 && t-d.packets[0].first > maxWait {
		d.drop(0)
	}
	key := packetKey{f.Src, f.Dst, f.ID, f.Next, where}
	i := len(d.packets) - 1
	for i >= 0 && d.packets[i].key != key {
		i--
	}
	if i >= 0 && d.packets[i].done {
		if p := d.packets[i]; f.Offset+len(f.Data) <= p.end && bytes.Equal(p.buf[f.Offset:f.Offset+len(f.Data)], f.Data) {
			return Fragment, false // captured again
		}
		d.drop(i) // the identification is in use again
		i = -1
	}
	if i < 0 {
		d.packets = append(d.packets, d.fresh(key, t))
		i = len(d.packets) - 1
	}
	p := d.packets[i]
	p.count++
	if p.dead {
		return Fragment, false
	}
	if !d.put(p, f) {
		p.dead = true
		return Fragment, false
	}
	for d.bytes > maxBuffered && len(d.packets) > 1 || len(d.packets) > maxPackets {
		if d.packets[0] == p {
			d.packets[0], d.packets[1] = d.packets[1], p
		}
		d.drop(0)
	}
	if p.end < 0 || len(p.parts) != 1 || p.parts[0] != (part{0, p.end}) {
		return Fragment, false
	}
	p.done = true
	s.Src, s.Dst, s.ID = f.Src, f.Dst, uint16(f.ID)
	if f.V6 {
		return upper6(f.Next, p.buf[:p.end], p.end, s), true
	}
	return tcp(p.buf[:p.end], p.end, s, pseudo4), true
}

// put copies a fragment in. It returns false where it cannot be a part of the packet.
func (d *Defragmenter) put(p *packet, f *Piece) bool {
	end := f.Offset + f.Length
	switch {
	case len(f.Data) < f.Length, f.Length == 0, end > maxPacket, f.More && f.Length%8 != 0:
		return false
	case p.end >= 0 && (end > p.end || !f.More && end != p.end):
		return false
	case !f.More && len(p.parts) > 0 && p.parts[len(p.parts)-1].to > end:
		return false
	}
	if !f.More {
		p.end = end
	}
	if n := end - len(p.buf); n > 0 {
		before := cap(p.buf)
		p.buf = append(p.buf, make([]byte, n)...)
		d.bytes += cap(p.buf) - before
	}
	// What overlaps has to agree: a receiver discards the packet otherwise (RFC 5722).
	at := 0
	for at < len(p.parts) && p.parts[at].to < f.Offset {
		at++
	}
	joined, n := part{f.Offset, end}, at
	for n < len(p.parts) && p.parts[n].from <= end {
		lo, hi := max(p.parts[n].from, f.Offset), min(p.parts[n].to, end)
		if lo < hi && !bytes.Equal(p.buf[lo:hi], f.Data[lo-f.Offset:hi-f.Offset]) {
			return false
		}
		joined.from, joined.to = min(joined.from, p.parts[n].from), max(joined.to, p.parts[n].to)
		n++
	}
	copy(p.buf[f.Offset:end], f.Data)
	p.parts = append(p.parts[:at], append([]part{joined}, p.parts[n:]...)...)
	return len(p.parts) <= maxParts
}

func (d *Defragmenter) fresh(key packetKey, t int64) *packet {
	p := new(packet)
	if n := len(d.spare); n > 0 {
		p, d.spare = d.spare[n-1], d.spare[:n-1]
	}
	d.bytes += cap(p.buf)
	*p = packet{key: key, first: t, end: -1, buf: p.buf[:0], parts: p.parts[:0]}
	return p
}

func (d *Defragmenter) drop(i int) {
	p := d.packets[i]
	if !p.done {
		d.Lost += p.count
	}
	d.bytes -= cap(p.buf)
	d.packets = append(d.packets[:i], d.packets[i+1:]...)
	if len(d.spare) < 4 {
		d.spare = append(d.spare, p)
	}
}

// Flush lets go of all packets; Lost is complete after it.
func (d *Defragmenter) Flush() {
	for len(d.packets) > 0 {
		d.drop(0)
	}
}
