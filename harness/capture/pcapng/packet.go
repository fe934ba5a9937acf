package pcapng

import "time"

// Flags are the link-layer flags of a packet (epb_flags, section 4.3.1 of the
// draft). Zero says that nothing is known, and the option is left out.
type Flags uint32

const (
	Inbound  Flags = 1
	Outbound Flags = 2

	Unicast     Flags = 1 << 2
	Multicast   Flags = 2 << 2
	Broadcast   Flags = 3 << 2
	Promiscuous Flags = 4 << 2

	ChecksumNotReady Flags = 1 << 9  // outbound: the device was to fill the checksum in
	ChecksumValid    Flags = 1 << 10 // inbound: the kernel knows that the checksum is right
	SegmentOffload   Flags = 1 << 11 // outbound: the device was to cut the packet into TCP segments
)

// Packet is one frame.
type Packet struct {
	Interface uint32    // from AddInterface
	Time      time.Time // when it passed; zero: 1970
	Length    int       // bytes on the wire; zero: len(Data)
	Data      []byte    // what was kept of it
	Flags     Flags     // zero: not known
	Comment   string    // empty: none
}

// AppendPacket appends the enhanced packet block of p.
func AppendPacket(b []byte, p Packet) []byte {
	length := max(p.Length, len(p.Data))
	b, start := openBlock(b, blockPacket)
	b = le.AppendUint32(b, p.Interface)
	b = appendTime(b, nanos(p.Time))
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint32(b, uint32(length))
	b = append(b, p.Data...)
	b = pad(b, len(p.Data))
	o := len(b)
	b = appendText(b, optComment, p.Comment)
	if p.Flags != 0 {
		b = le.AppendUint16(b, optPacketFlags)
		b = le.AppendUint16(b, 4)
		b = le.AppendUint32(b, uint32(p.Flags))
	}
	return closeBlock(endOptions(b, o), start)
}

// Sizes of what stands around the bytes of a packet, when it has the flags
// option and no other.
const (
	PacketHeadLen    = 28                // bytes before the data
	PacketTailMaxLen = 3 + 8 + 4 + 4     // bytes after the data: padding, flags, end of options, length
	packetFixedLen   = PacketHeadLen + 4 // a block around no data and no options
)

// PutPacketHead writes what precedes the data of a packet into the first
// PacketHeadLen bytes of b, so that a block can be laid around bytes where they
// lie. PutPacketTail writes the rest, and must get the same captured and flags.
// Nanos is the time since 1970, captured and length are bytes kept and bytes on
// the wire.
func PutPacketHead(b []byte, iface uint32, nanos uint64, captured, length int, flags Flags) {
	_ = b[PacketHeadLen-1]
	le.PutUint32(b[0:], blockPacket)
	le.PutUint32(b[4:], packetLen(captured, flags))
	le.PutUint32(b[8:], iface)
	le.PutUint32(b[12:], uint32(nanos>>32))
	le.PutUint32(b[16:], uint32(nanos))
	le.PutUint32(b[20:], uint32(captured))
	le.PutUint32(b[24:], uint32(length))
}

// PutPacketTail writes what follows the data of a packet into b, which has room
// for PacketTailMaxLen bytes, and returns how many it wrote.
func PutPacketTail(b []byte, captured int, flags Flags) int {
	_ = b[PacketTailMaxLen-1]
	n := -captured & 3
	b[0], b[1], b[2] = 0, 0, 0
	if flags != 0 {
		le.PutUint32(b[n:], optPacketFlags|4<<16)
		le.PutUint32(b[n+4:], uint32(flags))
		le.PutUint32(b[n+8:], optEnd)
		n += 12
	}
	le.PutUint32(b[n:], packetLen(captured, flags))
	return n + 4
}

// packetLen is the length of a block without comment.
func packetLen(captured int, flags Flags) uint32 {
	n := packetFixedLen + captured + -captured&3
	if flags != 0 {
		n += 12
	}
	return uint32(n)
}

// nanos is t in nanoseconds since 1970; the zero Time, which lies outside of
// what 64 bits hold, is zero.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// appendTime appends a timestamp in nanoseconds since 1970, high half first.
func appendTime(b []byte, nanos int64) []byte {
	b = le.AppendUint32(b, uint32(uint64(nanos)>>32))
	return le.AppendUint32(b, uint32(nanos))
}
