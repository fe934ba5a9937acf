// Package gso cuts TCP's and UDP's super-frames into wire frames, wholly or in runs, and completes checksums, as the
// kernel does it (net/ipv4/tcp_offload.c, tcp_gso_segment; net/ipv4/udp_offload.c, __udp_gso_segment). It is pure: bytes
// in, bytes out.
package gso

import (
	"encoding/binary"
	"errors"
)

// HeaderLen is the length of the virtio header before each frame on a TAP device or packet socket
// (linux/virtio_net.h, struct virtio_net_hdr), in the machine's byte order.
const HeaderLen = 10

// Flags and types of a Header.
const (
	NeedsCsum = 1 // the checksum at CsumStart+CsumOffset holds the pseudo header's sum only
	DataValid = 2

	None  = 0
	TCPv4 = 1
	TCPv6 = 4
	UDPL4 = 5
	ECN   = 0x80 // with TCPv4 or TCPv6: the first segment has CWR
)

// A Header says what is left to do with the frame that follows it.
type Header struct {
	Flags, Type                         uint8
	HdrLen, Size, CsumStart, CsumOffset uint16
}

// Decode reads a header from its first HeaderLen bytes.
func (h *Header) Decode(b []byte) {
	e := binary.NativeEndian
	_ = b[HeaderLen-1]
	h.Flags, h.Type = b[0], b[1]
	h.HdrLen, h.Size, h.CsumStart, h.CsumOffset = e.Uint16(b[2:]), e.Uint16(b[4:]), e.Uint16(b[6:]), e.Uint16(b[8:])
}

// Encode writes the header to b[:HeaderLen].
func (h *Header) Encode(b []byte) {
	e := binary.NativeEndian
	_ = b[HeaderLen-1]
	b[0], b[1] = h.Flags, h.Type
	e.PutUint16(b[2:], h.HdrLen)
	e.PutUint16(b[4:], h.Size)
	e.PutUint16(b[6:], h.CsumStart)
	e.PutUint16(b[8:], h.CsumOffset)
}

// Errors of Parse.
var (
	ErrHeader = errors.New("virtio header does not fit the frame")
	ErrType   = errors.New("super-frame of a type that is not TCP or UDP over IPv4 or IPv6")
)
