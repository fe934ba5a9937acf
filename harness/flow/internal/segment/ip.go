package segment

import "encoding/binary"

const protoTCP = 6

// ip decodes an IP packet: b its captured bytes, length those on the wire, which
// may include a trailer of the link.
func ip(b []byte, length int, s *Segment) Status {
	if len(b) < 1 {
		return Malformed
	}
	switch b[0] >> 4 {
	case 4:
		return ip4(b, length, s)
	case 6:
		return ip6(b, length, s)
	}
	return Malformed
}

func ip4(b []byte, length int, s *Segment) Status {
	if len(b) < 20 {
		return Malformed
	}
	head := int(b[0]&15) * 4
	if head < 20 {
		return Malformed
	}
	if b[9] != protoTCP {
		return NotTCP
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // longer than the field can say, as segmentation offload makes it
		total = length
	}
	if total < head {
		return Malformed
	}
	if len(b) < head {
		return Malformed
	}
	s.ID = binary.BigEndian.Uint16(b[4:])
	s.Src = Addr{10: 0xFF, 11: 0xFF}
	s.Dst = Addr{10: 0xFF, 11: 0xFF}
	copy(s.Src[12:], b[12:16])
	copy(s.Dst[12:], b[16:20])
	if at := binary.BigEndian.Uint16(b[6:]); at&0x3FFF != 0 { // more fragments, or an offset
		s.Piece = &Piece{Src: s.Src, Dst: s.Dst, ID: uint32(s.ID), Next: protoTCP, Offset: int(at&0x1FFF) * 8, More: at&0x2000 != 0,
			Data: b[head:min(len(b), total)], Length: total - head}
		return Fragment
	}
	return tcp(b[head:], total-head, s, pseudo4)
}

func ip6(b []byte, length int, s *Segment) Status {
	if len(b) < 40 {
		return Malformed
	}
	total := int(binary.BigEndian.Uint16(b[4:]))
	next := b[6]
	copy(s.Src[:], b[8:24])
	copy(s.Dst[:], b[24:40])
	s.ID = 0
	if total == 0 { // a jumbogram (RFC 2675), or segmentation offload
		total = length - 40
	}
	return upper6(next, b[40:], total, s)
}

// upper6 decodes what follows an IPv6 header: extension headers, and TCP.
func upper6(next uint8, b []byte, total int, s *Segment) Status {
	for {
		switch next {
		case protoTCP:
			return tcp(b, total, s, pseudo6)
		case 0, 43, 60, 135, 139, 140: // hop-by-hop, routing, destination, mobility, HIP, shim6
			if len(b) < 8 || total < 8 {
				return Malformed
			}
			n := int(b[1])*8 + 8
			next = b[0]
			if len(b) < n || total < n {
				return Malformed
			}
			b, total = b[n:], total-n
		case 51: // authentication header, RFC 4302: length in words, minus two
			if len(b) < 8 || total < 8 {
				return Malformed
			}
			n := int(b[1])*4 + 8
			next = b[0]
			if len(b) < n || total < n {
				return Malformed
			}
			b, total = b[n:], total-n
		case 44: // fragment
			if len(b) < 8 || total < 8 {
				return Malformed
			}
			at := binary.BigEndian.Uint16(b[2:])
			next = b[0]
			if at&0xFFF9 != 0 { // else an atomic fragment, RFC 6946
				switch next {
				case protoTCP, 0, 43, 60, 51, 135, 139, 140:
					s.Piece = &Piece{Src: s.Src, Dst: s.Dst, ID: binary.BigEndian.Uint32(b[4:]), Next: next, V6: true, Offset: int(at &^ 7), More: at&1 != 0,
						Data: b[8:min(len(b), total)], Length: total - 8}
					return Fragment
				}
				return NotTCP
			}
			b, total = b[8:], total-8
		default:
			return NotTCP
		}
	}
}

// tcp decodes a segment of total bytes on the wire.
func tcp(b []byte, total int, s *Segment, pseudo func(*Segment, int) uint64) Status {
	if len(b) < 20 || total < 20 {
		return Malformed
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > total {
		return Malformed
	}
	s.SrcPort = binary.BigEndian.Uint16(b)
	s.DstPort = binary.BigEndian.Uint16(b[2:])
	s.Seq = binary.BigEndian.Uint32(b[4:])
	s.Ack = binary.BigEndian.Uint32(b[8:])
	s.Flags = b[13]
	s.Window = binary.BigEndian.Uint16(b[14:])
	s.Checksum = binary.BigEndian.Uint16(b[16:])
	s.Length = total - head
	b = b[:min(len(b), total)]
	s.Sum = check(b, total, s, pseudo)
	s.Payload = b[min(head, len(b)):]
	return OK
}
