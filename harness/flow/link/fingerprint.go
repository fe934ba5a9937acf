package link

import "hash/crc32"

// A frame's fingerprint is two CRCs of it, together the remainder by a polynomial of degree 64:
// processors compute both, and CRCs are linear. Fingerprints of frames of equal length
// differ by the fingerprint of their difference, so the frame of which another is a
// copy with one bit inverted is found without keeping any frame's bytes.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func fingerprint(frame []byte) uint64 {
	return uint64(crc32.Checksum(frame, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(frame))
}

// syndromes tells by how much an inverted bit changes a fingerprint. The table grows with the
// distance from the frame's end that is asked for. Zero is ready to use.
type syndromes struct {
	list  []uint64 // of bit b of the byte at distance d from the last: 8d+b
	state [8][2]uint32
}

// upTo returns the table for frames of n bytes.
func (s *syndromes) upTo(n int) []uint64 {
	if s.list == nil {
		for b := range s.state {
			s.state[b] = [2]uint32{castagnoli[1<<b], crc32.IEEETable[1<<b]}
			s.list = append(s.list, s.value(b))
		}
	}
	for len(s.list) < 8*n {
		for b := range s.state {
			c := &s.state[b] // one zero byte more behind the bit
			c[0] = castagnoli[byte(c[0])] ^ c[0]>>8
			c[1] = crc32.IEEETable[byte(c[1])] ^ c[1]>>8
			s.list = append(s.list, s.value(b))
		}
	}
	return s.list[:8*n]
}

func (s *syndromes) value(b int) uint64 {
	return uint64(s.state[b][0])<<32 | uint64(s.state[b][1])
}

// replace returns the fingerprint of a frame of n bytes in which the 16 bits at offset at
// were old and become new.
func (s *syndromes) replace(print uint64, n, at int, old, new uint16) uint64 {
	table := s.upTo(n)
	diff := old ^ new
	for b := range 8 {
		if diff>>(8+b)&1 == 1 {
			print ^= table[8*(n-1-at)+b]
		}
		if diff>>b&1 == 1 {
			print ^= table[8*(n-2-at)+b]
		}
	}
	return print
}
