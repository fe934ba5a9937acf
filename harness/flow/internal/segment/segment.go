// Package segment decodes captured frames down to TCP: Ethernet with VLAN tags,
// Linux cooked captures, raw IP and loopback; IPv4 with options, IPv6 with
// extension headers; and puts fragments of IP together. Decode keeps nothing, and allocates for fragments only.
package segment

import (
	"encoding/binary"
	"net/netip"
)

// Status is what [Decode] made of a frame.
type Status uint8

const (
	OK          Status = iota
	NotTCP             // another protocol
	Fragment           // a part of an IP packet that carries TCP: see Defragmenter
	Malformed          // headers cut, or at odds with themselves
	UnknownLink        // link type not known
)

// TCP flags.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Sum is the state of a segment's checksum.
type Sum uint8

const (
	SumUnknown Sum = iota // truncated: cannot be computed
	SumGood
	SumOffload // left to the network card: only the pseudo-header, or nothing
	SumBad
)

// Addr is an address without netip's indirection: IPv4 as ::ffff:a.b.c.d.
type Addr [16]byte

// IP returns a as a netip.Addr, IPv4 addresses unmapped.
func (a Addr) IP() netip.Addr { return netip.AddrFrom16(a).Unmap() }

// From returns the Addr of ip.
func From(ip netip.Addr) Addr { return ip.As16() }

// Segment is one TCP segment.
type Segment struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Window           uint16
	Flags            uint8
	Sum              Sum
	Checksum         uint16
	ID               uint16 // of IPv4, 0 if IPv6
	Device           uint32 // tells places apart that one interface of a capture stands for: the kernel's interface index (SLL2), in or out (SLL), VLANs
	Payload          []byte // captured part of the data
	Length           int    // of the data on the wire; more than len(Payload) if truncated
	Piece            *Piece // only if Fragment was returned
}

// Link types that are known (tcpdump.org/linktypes.html).
const (
	LinkNull     = 0
	LinkEthernet = 1
	LinkRaw      = 101
	LinkLoop     = 108
	LinkSLL      = 113
	LinkIPv4     = 228
	LinkIPv6     = 229
	LinkSLL2     = 276
)

// LinkName names a link type for people.
func LinkName(link uint16) string {
	switch link {
	case LinkNull:
		return "loopback (null)"
	case LinkEthernet:
		return "Ethernet"
	case LinkRaw, 12, 14:
		return "raw IP"
	case LinkLoop:
		return "loopback"
	case LinkSLL:
		return "Linux cooked (SLL)"
	case LinkIPv4:
		return "raw IPv4"
	case LinkIPv6:
		return "raw IPv6"
	case LinkSLL2:
		return "Linux cooked (SLL2)"
	}
	return ""
}

const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86DD
	etherVLAN  = 0x8100
	etherQinQ  = 0x88A8
	etherOld   = 0x9100
	etherPPPoE = 0x8864
)

// Decode decodes one frame: b its captured bytes, length its bytes on the wire.
// s.Payload points into b.
func Decode(link uint16, b []byte, length int, s *Segment) Status {
	var ether uint16
	s.Device = 0
	switch link {
	case LinkEthernet:
		if len(b) < 14 {
			return Malformed
		}
		ether = binary.BigEndian.Uint16(b[12:])
		b, length = b[14:], length-14
	case LinkSLL:
		if len(b) < 16 {
			return Malformed
		}
		ether = binary.BigEndian.Uint16(b[14:])
		if binary.BigEndian.Uint16(b) == 4 { // sent by this machine: a router's "any" has each packet in and out
			s.Device = 1
		}
		b, length = b[16:], length-16
	case LinkSLL2:
		if len(b) < 20 {
			return Malformed
		}
		ether = binary.BigEndian.Uint16(b)
		s.Device = binary.BigEndian.Uint32(b[4:])
		b, length = b[20:], length-20
	case LinkRaw, 12, 14, LinkIPv4, LinkIPv6:
		return ip(b, length, s)
	case LinkNull, LinkLoop:
		if len(b) < 4 {
			return Malformed
		}
		// The family is in the byte order of the machine that captured; the
		// values that name IP are small in one of the two.
		f := min(binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b))
		switch f {
		case 2, 10, 24, 28, 30:
			return ip(b[4:], length-4, s)
		}
		return NotTCP
	default:
		return UnknownLink
	}
	for {
		switch ether {
		case etherIPv4, etherIPv6:
			return ip(b, length, s)
		case etherVLAN, etherQinQ, etherOld:
			if len(b) < 4 {
				return Malformed
			}
			s.Device = s.Device<<12 ^ uint32(binary.BigEndian.Uint16(b)&0xFFF)
			ether = binary.BigEndian.Uint16(b[2:])
			b, length = b[4:], length-4
		case etherPPPoE:
			if len(b) < 8 {
				return Malformed
			}
			switch binary.BigEndian.Uint16(b[6:]) {
			case 0x0021:
				ether = etherIPv4
			case 0x0057:
				ether = etherIPv6
			default:
				return NotTCP
			}
			b, length = b[8:], length-8
		default:
			return NotTCP
		}
	}
}
