package link

import "encoding/binary"

// From the IANA registries "ieee-802-numbers" and "protocol-numbers".
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100
	etherQinQ  = 0x88a8
	protoIGMP  = 2
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
)

// network returns where the payload of an Ethernet frame begins and what it is, past at most
// two VLAN tags; 0 for what is cut.
func network(frame []byte) (at int, kind uint16) {
	for at = 14; len(frame) >= at; at += 4 {
		kind = binary.BigEndian.Uint16(frame[at-2:])
		if kind != etherVLAN && kind != etherQinQ || at == 14+2*4 {
			return at, kind
		}
	}
	return len(frame), 0
}

// counted reports whether a frame is a packet that counts.
func counted(frame []byte) bool {
	at, kind := network(frame)
	b := frame[at:]
	switch {
	case kind == etherIPv4 && len(b) >= 20:
		return b[9] != protoIGMP
	case kind == etherIPv6 && len(b) >= 40:
		return b[0]>>4 != 6 || !timer6(b)
	}
	return false
}

// timer6 reports whether an IPv6 packet is an ICMPv6 message that is sent by timers: types 130
// to 137 (RFC 2710, RFC 4861) and 143 (RFC 3810).
func timer6(b []byte) bool {
	next := b[6]
	left := int(binary.BigEndian.Uint16(b[4:]))
	if left == 0 { // a jumbogram
		left = len(b) - 40
	}
	b = b[40:]
	for range 8 { // extension headers, RFC 8200, section 4
		size, part := 0, false
		switch next {
		case protoICMP6:
			return len(b) > 0 && (b[0] >= 130 && b[0] <= 137 || b[0] == 143)
		case 0, 43, 60:
			if len(b) >= 8 {
				size = int(b[1])*8 + 8
			}
		case 44:
			if size = 8; len(b) >= 8 {
				part = binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 // not the first: no header of its payload
			}
		default:
			return false
		}
		if len(b) < 8 || size > left {
			return false
		}
		if part {
			return false // whatever it is
		}
		next = b[0]
		b, left = b[min(size, len(b)):], left-size
	}
	return false
}

// checksum is where a TCP or UDP checksum stands, and what it may be.
type checksum struct {
	at     int // in the frame; 0: there is none
	end    int // of the IP packet in the frame
	start  int // of the transport header
	pseudo uint32
	udp    bool
}

// findChecksum finds the checksum of an unfragmented packet without extension headers.
func findChecksum(frame []byte) (c checksum) {
	at, kind := network(frame)
	b := frame[at:]
	var proto byte
	switch {
	case kind == etherIPv4 && len(b) >= 20:
		head := int(b[0]&15) * 4
		if head < 20 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return checksum{}
		}
		proto, c.start, c.end = b[9], at+head, at+int(binary.BigEndian.Uint16(b[2:]))
		c.pseudo = sum(0, b[12:20])
	case kind == etherIPv6 && len(b) >= 40:
		proto, c.start, c.end = b[6], at+40, at+40+int(binary.BigEndian.Uint16(b[4:]))
		c.pseudo = sum(0, b[8:40])
	}
	switch proto {
	case protoTCP:
		c.at = c.start + 16
	case protoUDP:
		c.at, c.udp = c.start+6, true
	default:
		return checksum{}
	}
	if c.end > len(frame) || c.at+2 > c.end {
		return checksum{}
	}
	c.pseudo += uint32(proto)
	return c
}

// partial returns what stands in place of a checksum that is left to a network card: the
// pseudo-header's with the length, or without it, or nothing.
func (c *checksum) partial() [3]uint16 {
	return [3]uint16{fold(c.pseudo + uint32(c.end-c.start)), fold(c.pseudo), 0}
}

// good reports whether the checksum is right (RFC 9293, section 3.1; RFC 768).
func (c *checksum) good(frame []byte) bool {
	return c.udp && frame[c.at] == 0 && frame[c.at+1] == 0 ||
		fold(sum(c.pseudo+uint32(c.end-c.start), frame[c.start:c.end])) == 0xffff
}

// sum adds up words of 16 bits. Frames are too short for it to overflow.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
