package segment

import (
	"encoding/binary"
	"math/bits"
)

// pseudo4 and pseudo6 add up the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1) of a
// segment of n bytes, in sixteen-bit words.
func pseudo4(s *Segment, n int) uint64 {
	return words(s.Src[12:]) + words(s.Dst[12:]) + protoTCP + uint64(n)
}

func pseudo6(s *Segment, n int) uint64 {
	return words(s.Src[:]) + words(s.Dst[:]) + protoTCP + uint64(n>>16) + uint64(n&0xFFFF)
}

func words(b []byte) uint64 {
	var sum uint64
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(binary.BigEndian.Uint16(b))
	}
	return sum
}

func fold(sum uint64) uint16 {
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return uint16(sum)
}

// check computes the checksum of the segment b, which has total bytes on the wire.
func check(b []byte, total int, s *Segment, pseudo func(*Segment, int) uint64) Sum {
	if len(b) < total {
		return SumUnknown
	}
	head := pseudo(s, total)
	// A card that computes checksums is handed the pseudo-header's, with the length or without it; some drivers
	// leave zero. A checksum that is one of these by chance (3 of 65,536) need not be added up either.
	switch s.Checksum {
	case fold(head), fold(pseudo(s, 0)), 0:
		return SumOffload
	}
	if fold(head+uint64(swap(sum16(b)))) == 0xFFFF {
		return SumGood
	}
	return SumBad
}

func swap(v uint16) uint16 { return v<<8 | v>>8 }

// sum16 adds b up in little-endian words with end-around carry, eight bytes at a time;
// swapped, that is the big-endian sum (RFC 1071, 2B and 2C).
func sum16(b []byte) uint16 {
	var s0, s1, carry uint64
	for len(b) >= 32 {
		s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(b), 0)
		s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(b[8:]), carry)
		s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(b[16:]), carry)
		s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(b[24:]), carry)
		s1 += carry
		b = b[32:]
	}
	for len(b) >= 8 {
		s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(b), 0)
		s1 += carry
		b = b[8:]
	}
	var last [8]byte
	copy(last[:], b)
	s0, carry = bits.Add64(s0, binary.LittleEndian.Uint64(last[:]), 0)
	s1 += carry
	sum := s0>>32 + s0&0xFFFFFFFF + s1
	return fold(sum)
}
