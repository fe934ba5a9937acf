package impair

import "encoding/binary"

// EtherTypes, IP protocols and TCP flags that the filters need, from the IANA
// registries "ieee-802-numbers" and "protocol-numbers", and RFC 9293 section 3.1.
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100 // IEEE 802.1Q
	etherQinQ  = 0x88a8 // IEEE 802.1ad
	protoIGMP  = 2
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58

	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

const etherHeader = 14

// A View is what the headers of a frame say, as far as filters and flows ask.
type View struct {
	Tuple
	Network  int   // where the IP header begins in the frame
	Header   int   // where the TCP or UDP payload begins in the frame
	Payload  int   // its length in bytes, by the IP header: padding is none of it
	Version  uint8 // 4 or 6; zero: not IP
	Fragment bool  // a part of an IP packet; only the first has ports
	Ports    bool  // SrcPort and DstPort, and for TCP Flags, were read
	Flags    uint8 // TCP's low eight
	ICMP     uint8 // the type, for ICMPv6
}

// A Tuple tells flows apart, as far as they can be: IP packets without ports, fragments
// among them, are flows by their addresses and protocol.
type Tuple struct {
	Src, Dst         [16]byte // IPv4 as ::ffff:a.b.c.d
	SrcPort, DstPort uint16
	Protocol         uint8 // of the IP payload, past IPv6's extension headers
}

// Parse reads the headers of a frame, and reports whether it is IP with a whole
// IP header. What is cut off or malformed further in leaves its fields zero.
func (v *View) Parse(frame []byte) bool {
	*v = View{}
	at, kind := etherType(frame)
	switch kind {
	case etherIPv4:
		return v.ipv4(frame, at)
	case etherIPv6:
		return v.ipv6(frame, at)
	}
	return false
}

// etherType returns where the payload of a frame begins and what it is, past at
// most two VLAN tags; 0 for a frame without a whole header.
func etherType(frame []byte) (at int, kind uint16) {
	at = etherHeader
	for tags := 0; len(frame) >= at; tags++ {
		kind = binary.BigEndian.Uint16(frame[at-2:])
		if kind != etherVLAN && kind != etherQinQ || tags == 2 {
			return at, kind
		}
		at += 4
	}
	return len(frame), 0
}

// ipv4 reads an IPv4 header, RFC 791 section 3.1.
func (v *View) ipv4(frame []byte, at int) bool {
	if len(frame) < at+20 || frame[at]>>4 != 4 {
		return false
	}
	h := frame[at:]
	size := int(h[0]&15) * 4
	total := int(binary.BigEndian.Uint16(h[2:]))
	if total == 0 { // an offloaded frame too long for the field
		total = len(h)
	}
	if size < 20 || total < size || len(h) < size {
		return false
	}
	v.Network, v.Version, v.Protocol = at, 4, h[9]
	v.Src[10], v.Src[11], v.Dst[10], v.Dst[11] = 0xff, 0xff, 0xff, 0xff
	copy(v.Src[12:], h[12:16]) // whole words: bytes one by one made reading them stall
	copy(v.Dst[12:], h[16:20])
	fragment := binary.BigEndian.Uint16(h[6:])
	v.Fragment = fragment&0x3fff != 0
	v.transport(frame, at+size, total-size, fragment&0x1fff == 0)
	return true
}

// ipv6 reads an IPv6 header and the extension headers that may stand before a
// transport header, RFC 8200 section 4.
func (v *View) ipv6(frame []byte, at int) bool {
	if len(frame) < at+40 || frame[at]>>4 != 6 {
		return false
	}
	h := frame[at:]
	v.Network, v.Version, v.Protocol = at, 6, h[6]
	copy(v.Src[:], h[8:24])
	copy(v.Dst[:], h[24:40])
	left := int(binary.BigEndian.Uint16(h[4:]))
	if left == 0 { // a jumbogram: the frame's length stands for it
		left = len(h) - 40
	}
	at += 40
	first := true
	for range 8 { // no real packet has more, and a made one shall not hold us up
		size := 0
		switch v.Protocol {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if len(frame) < at+8 {
				return true
			}
			size = int(frame[at+1])*8 + 8
		case 44: // fragment
			if len(frame) < at+8 {
				return true
			}
			size = 8
			v.Fragment = true
			first = binary.BigEndian.Uint16(frame[at+2:])&0xfff8 == 0
		default:
			v.transport(frame, at, left, first)
			return true
		}
		if size > left {
			return true
		}
		v.Protocol = frame[at]
		at, left = at+size, left-size
		if !first {
			break
		}
	}
	return true
}

// transport reads a TCP, UDP or ICMPv6 header of an IP payload of size bytes.
func (v *View) transport(frame []byte, at, size int, first bool) {
	if !first {
		return
	}
	header := 0
	switch v.Protocol {
	case protoTCP: // RFC 9293 section 3.1
		if len(frame) < at+20 {
			return
		}
		if header = int(frame[at+12]>>4) * 4; header < 20 {
			return
		}
		v.Flags = frame[at+13]
	case protoUDP: // RFC 768
		if len(frame) < at+8 {
			return
		}
		header = 8
	case protoICMP6:
		if len(frame) > at {
			v.ICMP = frame[at]
		}
		return
	default:
		return
	}
	if size < header {
		v.Flags = 0
		return
	}
	v.SrcPort = binary.BigEndian.Uint16(frame[at:])
	v.DstPort = binary.BigEndian.Uint16(frame[at+2:])
	v.Header, v.Payload, v.Ports = at+header, size-header, true
}

// Counted reports whether a frame is one of those that have an index: IP, but
// not what hosts and bridges send on timers of their own (IGMP; ICMPv6's multicast
// listener and neighbour messages, types 130 to 137 and 143), since the next run
// sends it at another place.
func Counted(frame []byte) bool {
	at, kind := etherType(frame)
	switch {
	case kind == etherIPv4 && len(frame) >= at+20:
		return frame[at+9] != protoIGMP
	case kind == etherIPv6 && len(frame) >= at+40:
		if next := frame[at+6]; next == protoTCP || next == protoUDP { // nearly all
			return true
		}
		var v View
		v.ipv6(frame, at)
		return v.Protocol != protoICMP6 || (v.ICMP < 130 || v.ICMP > 137) && v.ICMP != 143
	}
	return false
}
