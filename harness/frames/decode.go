package frames

import (
	"encoding/binary"
	"net/netip"
)

const (
	ethernetHeader = 14
	typeIPv4       = 0x0800
	typeARP        = 0x0806
	protocolTCP    = 6
)

// A Segment is a frame's TCP.
type Segment struct {
	Source, Destination netip.AddrPort
	Seq, Ack            uint32
	FIN, SYN, RST, ACK  bool
	Data                []byte // valid as long as the frame
}

// TCP returns the segment in an Ethernet frame of IPv4, and false where there is none: another protocol, a fragment but the
// first, or a frame that is cut inside its headers.
func (f Frame) TCP() (s Segment, ok bool) {
	ip, ok := f.payload(typeIPv4)
	if !ok || len(ip) < 20 || ip[0]>>4 != 4 || ip[9] != protocolTCP || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
		return s, false
	}
	header, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if total == 0 || total > len(ip) { // 0: a large one that was never cut; longer: the capture's end was cut off
		total = len(ip)
	}
	if header < 20 || total < header+20 {
		return s, false
	}
	tcp := ip[header:total] // what follows is the frame's padding
	offset := int(tcp[12]>>4) * 4
	if offset < 20 || len(tcp) < offset {
		return s, false
	}
	flags := tcp[13]
	return Segment{
		Source:      netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), binary.BigEndian.Uint16(tcp)),
		Destination: netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(tcp[2:])),
		Seq:         binary.BigEndian.Uint32(tcp[4:]), Ack: binary.BigEndian.Uint32(tcp[8:]),
		FIN: flags&1 != 0, SYN: flags&2 != 0, RST: flags&4 != 0, ACK: flags&16 != 0,
		Data: tcp[offset:],
	}, true
}

// An ARPRequest asks who has an address.
type ARPRequest struct {
	Hardware       [6]byte // of who asks
	Sender, Target netip.Addr
}

// ARPRequest returns the request in an Ethernet frame of ARP for IPv4, and false where there is none.
func (f Frame) ARPRequest() (a ARPRequest, ok bool) {
	const ethernet, request = 1, 1
	b, ok := f.payload(typeARP)
	if !ok || len(b) < 28 || binary.BigEndian.Uint16(b) != ethernet || binary.BigEndian.Uint16(b[2:]) != typeIPv4 ||
		b[4] != 6 || b[5] != 4 || binary.BigEndian.Uint16(b[6:]) != request {
		return a, false
	}
	return ARPRequest{Hardware: [6]byte(b[8:14]), Sender: netip.AddrFrom4([4]byte(b[14:18])), Target: netip.AddrFrom4([4]byte(b[24:28]))}, true
}

// payload is what an Ethernet frame of a type carries.
func (f Frame) payload(kind uint16) ([]byte, bool) {
	if len(f.Data) < ethernetHeader || binary.BigEndian.Uint16(f.Data[12:]) != kind {
		return nil, false
	}
	return f.Data[ethernetHeader:], true
}
