package gso

import "encoding/binary"

// A Layout says where the headers of a frame are.
type Layout struct {
	L3      int   // offset of the network header; the frame's length where there is none
	L4      int   // offset of the transport header; 0 where there is none (not IP, a later fragment, cut off)
	Version uint8 // 4, 6, or 0: not IP
	Proto   uint8 // transport protocol; meaningful where L4 is not 0
	// Control says that the packet keeps the link itself going, at times that no run repeats: neighbour discovery
	// (RFC 4861), MLD (RFC 2710, RFC 3810), IGMP (RFC 3376).
	Control bool
}

// Protocol numbers.
const (
	protoHopByHop = 0
	protoIGMP     = 2
	ProtoTCP      = 6
	ProtoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	ProtoICMPv6   = 58
	protoOptions  = 60
	ProtoICMP     = 1
)

const ethLen = 14

// Look finds the headers of an Ethernet frame, with up to two VLAN tags. It never fails: what it does not understand is
// left out.
func Look(f []byte) Layout {
	l := Layout{L3: len(f)}
	if len(f) < ethLen {
		return l
	}
	off := 12
	kind := binary.BigEndian.Uint16(f[off:])
	for range 2 {
		if kind != 0x8100 && kind != 0x88a8 || len(f) < off+6 {
			break
		}
		off += 4
		kind = binary.BigEndian.Uint16(f[off:])
	}
	l.L3 = off + 2
	switch {
	case kind == 0x0800:
		l.look4(f)
	case kind == 0x86dd:
		l.look6(f)
	}
	return l
}

func (l *Layout) look4(f []byte) {
	ip := f[l.L3:]
	if len(ip) < 20 || ip[0]>>4 != 4 {
		return
	}
	size := int(ip[0]&15) * 4
	if size < 20 {
		return
	}
	l.Version, l.Proto = 4, ip[9]
	l.Control = l.Proto == protoIGMP
	if binary.BigEndian.Uint16(ip[6:])&0x1fff == 0 && len(ip) > size {
		l.L4 = l.L3 + size
	}
}

func (l *Layout) look6(f []byte) {
	ip := f[l.L3:]
	if len(ip) < 40 || ip[0]>>4 != 6 {
		return
	}
	l.Version = 6
	next, off := ip[6], 40
	for range 8 {
		switch next {
		case protoHopByHop, protoRouting, protoOptions:
			if len(ip) < off+8 {
				return
			}
			next, off = ip[off], off+8+int(ip[off+1])*8
			continue
		case protoFragment:
			if len(ip) < off+8 || binary.BigEndian.Uint16(ip[off+2:])&0xfff8 != 0 {
				return
			}
			next, off = ip[off], off+8
			continue
		}
		break
	}
	if len(ip) <= off {
		return
	}
	l.Proto, l.L4 = next, l.L3+off
	if next == ProtoICMPv6 {
		switch kind := ip[off]; {
		case kind >= 130 && kind <= 137, kind == 143:
			l.Control = true
		}
	}
}
