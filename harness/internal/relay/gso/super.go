package gso

import "encoding/binary"

// A Super is a super-frame: the headers once, and the payload of Segments wire packets.
type Super struct {
	Layout
	Payload int // offset of the payload: the length of all headers
	Size    int // payload bytes of each segment but the last
	Segs    int

	frame []byte
	h     Header
	base  uint64 // partial checksum without the length
}

// MaxHeaders is the longest header of a run that Run builds, virtio header included. A longer one is refused by Parse.
const MaxHeaders = 256

// Parse takes a frame apart that its header calls a super-frame.
func (s *Super) Parse(h Header, frame []byte) error {
	l := Look(frame)
	*s = Super{Layout: l, frame: frame, h: h}
	if l.Version == 0 || l.L4 == 0 || h.Size == 0 {
		return ErrType
	}
	var check int
	switch {
	case l.Proto == ProtoTCP && (h.Type&^ECN == TCPv4 && l.Version == 4 || h.Type&^ECN == TCPv6 && l.Version == 6):
		if len(frame) < l.L4+20 {
			return ErrHeader
		}
		s.Payload, check = l.L4+int(frame[l.L4+12]>>4)*4, 16
		if s.Payload < l.L4+20 {
			return ErrHeader
		}
	case l.Proto == ProtoUDP && h.Type == UDPL4:
		s.Payload, check = l.L4+8, 6
	default:
		return ErrType
	}
	if s.Payload > len(frame) || s.Payload > MaxHeaders-HeaderLen {
		return ErrHeader
	}
	if h.Flags&NeedsCsum != 0 {
		if int(h.CsumStart) != l.L4 || int(h.CsumOffset) != check {
			return ErrHeader
		}
		// What is there may cover a routing header's final address, which we do not look for: only take out the length.
		s.base = uint64(binary.BigEndian.Uint16(frame[l.L4+check:])) + uint64(^uint16(fold32(len(frame)-l.L4)))
	} else {
		s.base = pseudo(frame[l.L3:], l.Proto)
		s.h.Flags, s.h.CsumStart, s.h.CsumOffset = NeedsCsum, uint16(l.L4), uint16(check)
	}
	s.Size = int(h.Size)
	s.Segs = max(1, (len(frame)-s.Payload+s.Size-1)/s.Size)
	return nil
}

func fold32(n int) int { return n>>16 + n&0xffff }

// Len is the length of the wire frame of segment i.
func (s *Super) Len(i int) int {
	if i == s.Segs-1 {
		return len(s.frame) - i*s.Size
	}
	return s.Payload + s.Size
}

// Run writes the headers of the run of n segments from first, virtio header first, to dst, of at least MaxHeaders bytes,
// and returns them and the run's payload, a part of the super-frame. The run is a super-frame of its own, or, for one
// segment, a frame with a partial checksum.
func (s *Super) Run(dst []byte, first, n int) (headers, payload []byte) {
	from := s.Payload + first*s.Size
	to := min(from+n*s.Size, len(s.frame))
	payload = s.frame[from:to]
	headers = dst[:HeaderLen+s.Payload]
	h := s.h
	h.HdrLen = uint16(s.Payload)
	if n == 1 {
		h.Type, h.Size, h.HdrLen = None, 0, 0
	} else if first > 0 {
		h.Type &^= ECN
	}
	h.Encode(headers)
	f := headers[HeaderLen:]
	copy(f, s.frame[:s.Payload])
	s.patch(f, first, n, len(payload))

	length := s.Payload - s.L4 + len(payload)
	at := s.L4 + int(s.h.CsumOffset)
	binary.BigEndian.PutUint16(f[at:], Fold(s.base+uint64(length)))
	if s.Version == 4 {
		headerSum(f[s.L3 : s.L3+int(f[s.L3]&15)*4])
	}
	return headers, payload
}

// Headers writes the headers of segment i to dst as a decider may look at them, checksums not filled in, and returns the
// number of bytes. dst has at least MaxHeaders bytes and may hold the headers of another segment already, if again.
func (s *Super) Headers(dst []byte, i int, again bool) int {
	if !again {
		copy(dst, s.frame[:s.Payload])
	}
	s.patch(dst, i, 1, s.Len(i)-s.Payload)
	return s.Payload
}

// patch sets what differs between segments in the headers f.
func (s *Super) patch(f []byte, first, n, payload int) {
	be := binary.BigEndian
	ip, whole := f[s.L3:], s.frame[s.L3:]
	if s.Version == 4 {
		be.PutUint16(ip[2:], uint16(s.Payload-s.L3+payload))
		be.PutUint16(ip[4:], be.Uint16(whole[4:])+uint16(first)) // inet_gso_segment counts the ID up, DF or not
	} else {
		be.PutUint16(ip[4:], uint16(s.Payload-s.L3-40+payload))
	}
	l4 := f[s.L4:]
	if s.Proto == ProtoUDP {
		be.PutUint16(l4[4:], uint16(8+payload))
		return
	}
	be.PutUint32(l4[4:], be.Uint32(s.frame[s.L4+4:])+uint32(first*s.Size))
	flags := s.frame[s.L4+13]
	if first+n < s.Segs {
		flags &^= 0x01 | 0x08 // FIN and PSH travel last
	}
	if first > 0 {
		flags &^= 0x80 // CWR travels first
	}
	l4[13] = flags
}
