package capture

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

var native = binary.NativeEndian

// batch is the frames of one ring block as blocks of the file.
//
// The frames stay where the kernel put them. What the file needs around a frame
// is written over the kernel's header in front of it, which has been read by
// then:
//
//	ring   │ tpacket3_hdr, sockaddr_ll │ frame 1 │ │ tpacket3_hdr, sockaddr_ll │ frame 2 │
//	file              │ head of packet 1 │ frame 1 │→│ tail of 1 │ head of 2 │ frame 2 │→ tail of 2
//
// so each frame costs one buffer of a writev(2), and nothing is written behind
// the end of a frame, where the kernel may already have the next block.
type batch struct {
	bufs    [][]byte
	tail    [pcapng.PacketTailMaxLen]byte // of the last frame laid out
	tailLen int

	packets, bytes, truncated uint64
}

// roomBefore is what layOut writes in front of a frame at most.
const roomBefore = pcapng.PacketTailMaxLen + pcapng.PacketHeadLen + vlanLen

// vlanLen is the size of an 802.1Q tag.
const vlanLen = 4

// layOut makes the blocks of the file from a block of the ring, and hands the
// marker frames in it to marker.
func (l *batch) layOut(block []byte, iface uint32, marker func(frame []byte)) error {
	clear(l.bufs)
	l.bufs, l.tailLen = l.bufs[:0], 0
	l.packets, l.bytes, l.truncated = 0, 0, 0
	n := native.Uint32(block[blockPacketsAt:])
	at := int(native.Uint32(block[blockFirstAt:]))
	for i := range n {
		if at < 0 || at+frameHeaderLen > len(block) {
			return fmt.Errorf("ring: frame %d of %d at byte %d of a block of %d", i, n, at, len(block))
		}
		h := block[at:]
		var (
			next   = int(native.Uint32(h[frameNextAt:]))
			nanos  = uint64(native.Uint32(h[frameSecAt:]))*1e9 + uint64(native.Uint32(h[frameNsecAt:]))
			kept   = int(native.Uint32(h[frameSnapLenAt:]))
			length = int(native.Uint32(h[frameLenAt:]))
			status = native.Uint32(h[frameStatusAt:])
			start  = int(native.Uint16(h[frameMacAt:]))
			flags  = packetFlags(h[frameAddrAt+addrPacketType], status)
		)
		if start < roomBefore || start+kept > len(h) {
			return fmt.Errorf("ring: %d bytes at byte %d of frame %d in a block of %d", kept, start, i, len(block))
		}
		frame := h[start : start+kept]
		at += next
		if isMarker(frame) {
			marker(frame)
			continue
		}
		if status&unix.TP_STATUS_VLAN_VALID != 0 && kept >= 12 {
			// The kernel takes the tag out of the frame: put it back, behind the addresses.
			tpid := uint16(unix.ETH_P_8021Q)
			if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				tpid = native.Uint16(h[frameVLANTPIDAt:])
			}
			tci := uint16(native.Uint32(h[frameVLANTCIAt:]))
			start -= vlanLen
			copy(h[start:], frame[:12])
			binary.BigEndian.PutUint16(h[start+12:], tpid)
			binary.BigEndian.PutUint16(h[start+14:], tci)
			kept += vlanLen
			length += vlanLen
		}
		from := start - pcapng.PacketHeadLen
		pcapng.PutPacketHead(h[from:], iface, nanos, kept, length, flags)
		from -= l.tailLen
		copy(h[from:], l.tail[:l.tailLen])
		l.bufs = append(l.bufs, h[from:start+kept])
		l.tailLen = pcapng.PutPacketTail(l.tail[:], kept, flags)
		l.packets++
		l.bytes += uint64(length)
		if kept < length {
			l.truncated++
		}
	}
	if l.packets > 0 {
		l.bufs = append(l.bufs, l.tail[:l.tailLen])
	}
	return nil
}

// packetFlags translates the kernel's packet type and status.
func packetFlags(kind byte, status uint32) (f pcapng.Flags) {
	switch kind {
	case unix.PACKET_OUTGOING:
		f = pcapng.Outbound
		if status&unix.TP_STATUS_CSUMNOTREADY != 0 {
			f |= pcapng.ChecksumNotReady
		}
		if status&unix.TP_STATUS_GSO_TCP != 0 {
			f |= pcapng.SegmentOffload
		}
		return f
	case unix.PACKET_HOST:
		f = pcapng.Inbound | pcapng.Unicast
	case unix.PACKET_BROADCAST:
		f = pcapng.Inbound | pcapng.Broadcast
	case unix.PACKET_MULTICAST:
		f = pcapng.Inbound | pcapng.Multicast
	case unix.PACKET_OTHERHOST:
		f = pcapng.Inbound | pcapng.Promiscuous
	}
	if status&unix.TP_STATUS_CSUM_VALID != 0 {
		f |= pcapng.ChecksumValid
	}
	return f
}
