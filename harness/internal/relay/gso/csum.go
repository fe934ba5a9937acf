package gso

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds b, as big-endian words of 16 bits with a zero byte added where its length is odd, to sum: the Internet checksum
// before folding (RFC 1071).
func Sum(sum uint64, b []byte) uint64 {
	var carry uint64
	for len(b) >= 32 {
		w := b[:32:32]
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(w[0:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(w[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(w[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(w[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	var tail [8]byte
	if len(b) > 0 {
		copy(tail[:], b)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(tail[:]), carry)
	}
	sum, carry = bits.Add64(sum, 0, carry)
	return sum + carry
}

// Fold makes 16 bits of a sum, not complemented.
func Fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}

// pseudo is the sum of a pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1) but for the length.
func pseudo(ip []byte, proto uint8) uint64 {
	if ip[0]>>4 == 4 {
		return Sum(uint64(proto), ip[12:20])
	}
	return Sum(uint64(proto), ip[8:40])
}

// Complete fills in the checksum that h says is partial, and clears h's flag. A header that does not fit the frame is
// left as it is.
func Complete(h *Header, frame []byte) {
	if h.Flags&NeedsCsum == 0 {
		return
	}
	start, at := int(h.CsumStart), int(h.CsumStart)+int(h.CsumOffset)
	if at+2 > len(frame) {
		return
	}
	sum := ^Fold(Sum(0, frame[start:]))
	if sum == 0 && h.CsumOffset == 6 { // UDP has no sum of 0 (RFC 768); for others 0xffff is the same number
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(frame[at:], sum)
	h.Flags &^= NeedsCsum
	h.CsumStart, h.CsumOffset = 0, 0
	if h.Type == None {
		h.HdrLen = 0
	}
}

// headerSum writes the header checksum of the IPv4 header.
func headerSum(ip []byte) {
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], ^Fold(Sum(0, ip)))
}

// MarkCE sets congestion experienced in the network header at frame[l3:] where the packet is ECN-capable (RFC 3168,
// section 5), and says whether it is marked now.
func MarkCE(frame []byte, l Layout) bool {
	ip := frame[min(l.L3, len(frame)):]
	switch l.Version {
	case 4:
		if ip[1]&3 == 0 {
			return false
		}
		ip[1] |= 3
		headerSum(ip[:min(int(ip[0]&15)*4, len(ip))])
		return true
	case 6:
		if ip[1]>>4&3 == 0 {
			return false
		}
		ip[1] |= 0x30
		return true
	}
	return false
}

// ECNCapable says whether MarkCE would mark the packet.
func ECNCapable(frame []byte, l Layout) bool {
	switch l.Version {
	case 4:
		return frame[l.L3+1]&3 != 0
	case 6:
		return frame[l.L3+1]>>4&3 != 0
	}
	return false
}

// CompleteRun does as Complete for a single segment that Run returned in two parts.
func CompleteRun(headers, payload []byte) {
	var h Header
	h.Decode(headers)
	f := headers[HeaderLen:]
	start, at := int(h.CsumStart), int(h.CsumStart)+int(h.CsumOffset)
	if h.Flags&NeedsCsum == 0 || h.Type != None || at+2 > len(f) || (len(f)-start)%2 != 0 {
		return
	}
	sum := ^Fold(Sum(Sum(0, f[start:]), payload))
	if sum == 0 && h.CsumOffset == 6 {
		sum = 0xffff
	}
	f[at], f[at+1] = byte(sum>>8), byte(sum)
	h.Flags &^= NeedsCsum
	h.CsumStart, h.CsumOffset = 0, 0
	h.Encode(headers)
}
