package flow

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// ipSum fills in the checksum of the IPv4 header of a frame.
func ipSum(frame []byte) {
	head := frame[14 : 14+int(frame[14]&15)*4]
	head[10], head[11] = 0, 0
	var sum uint32
	for i := 0; i < len(head); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(head[i:]))
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	binary.BigEndian.PutUint16(head[10:], ^uint16(sum))
}

// fragments cuts the packet of a frame into fragments of at most size bytes, a multiple of 8.
func fragments(p packet, size int, id uint32) []packet {
	var list []packet
	six := p.data[14]>>4 == 6
	head, data := p.data[:34], p.data[34:]
	if six {
		head, data = p.data[:54], p.data[54:]
	}
	for at := 0; at < len(data); at += size {
		end := min(at+size, len(data))
		more := end < len(data)
		f := bytes.Clone(head)
		if six {
			word := uint16(at)
			if more {
				word |= 1
			}
			f = append(f, f[20], 0)
			f = binary.BigEndian.AppendUint16(f, word)
			f = binary.BigEndian.AppendUint32(f, id)
			f[20] = 44
			binary.BigEndian.PutUint16(f[18:], uint16(8+end-at))
		} else {
			word := uint16(at / 8)
			if more {
				word |= 0x2000
			}
			binary.BigEndian.PutUint16(f[16:], uint16(20+end-at))
			binary.BigEndian.PutUint16(f[20:], word)
			ipSum(f)
		}
		f = append(f, data[at:end]...)
		list = append(list, packet{time: p.time, data: f, size: len(f), iface: p.iface})
	}
	return list
}

// cut replaces every packet with data by its fragments, in the order that f gives them.
func (s *script) fragment(size int, f func(n int, list []packet) []packet) {
	var all []packet
	for i, p := range s.packets {
		if len(p.data) < 600 {
			all = append(all, p)
			continue
		}
		all = append(all, f(i, fragments(p, size, uint32(i)))...)
	}
	s.packets = all
}

// extend puts bytes in behind the Ethernet addresses, or behind the IP header, of every packet.
func (s *script) each(f func(frame []byte) []byte) {
	for i := range s.packets {
		s.packets[i].data = f(s.packets[i].data)
		s.packets[i].size = len(s.packets[i].data)
	}
}

// tagged returns the frame in a VLAN.
func tagged(frame []byte, ether, vlan uint16) []byte {
	tag := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, ether), vlan)
	return append(append(bytes.Clone(frame[:12]), tag...), frame[12:]...)
}

// pathFixtures are about what the path and the place of capture make of packets.
func pathFixtures() []fixture {
	one := func(s *script) *talk { return s.talk(h2, server, 1000, 5000).open() }
	six := func(s *script) *talk { return s.talk("[fd00::2]:40112", "[fd00::1]:12345", 1000, 5000).open() }
	claim6 := []Session{{Client: netip.MustParseAddr("fd00::2"), Server: netip.MustParseAddrPort("[fd00::1]:12345"), Files: []string{"A"}}}
	same := func(_ int, list []packet) []packet { return list }
	clean := func(t *testing.T, a *Analysis) {
		if c := a.Connections[0]; c.Retransmissions != 0 || c.OutOfOrder != 0 || c.MissingBytes != 0 || len(a.Connections) != 1 {
			t.Errorf("%d connections, %d retransmissions, %d out of order, %d bytes missing", len(a.Connections), c.Retransmissions, c.OutOfOrder, c.MissingBytes)
		}
	}
	return []fixture{
		{name: "fragments", build: func(s *script) { one(s).serve("A", novelA).close(); s.fragment(512, same) }, claim: claim("A"), want: "PPPPP", look: clean},
		{name: "fragments of IPv6", build: func(s *script) { six(s).serve("A", novelA).close(); s.fragment(512, same) }, claim: claim6, want: "PPPPP", look: clean},
		{name: "fragments backwards and twice", build: func(s *script) {
			six(s).serve("A", novelA).close()
			s.fragment(512, func(_ int, list []packet) []packet {
				return []packet{list[2], list[2], list[1], list[0], list[1], list[0]}
			})
		}, claim: claim6, want: "PPPPP", look: clean},
		{name: "fragments at two interfaces", build: func(s *script) {
			s.names = []string{"h1-eth0", "s1-eth1"}
			one(s).serve("A", novelA).close()
			s.fragment(512, same)
			var list []packet
			for _, p := range s.packets {
				far := p
				far.iface, far.time = 1, p.time+1e5
				list = append(list, p, far)
			}
			s.packets = list
		}, claim: claim("A"), want: "PPPPP", look: clean},
		{name: "a fragment is absent", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.fragment(512, func(n int, list []packet) []packet {
				if n == 15 {
					return list[1:]
				}
				return list
			})
		}, claim: claim("A"), want: "IIIIP", detail: "IP fragments that were not put together"},
		{name: "fragments that disagree", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.fragment(512, func(n int, list []packet) []packet {
				if n != 15 {
					return list
				}
				other := list[1]
				other.data = flip(other.data, 100)
				return []packet{list[0], list[1], other, list[2]}
			})
		}, claim: claim("A"), want: "IIIIP"},
		{name: "fragments, flipped byte", build: func(s *script) {
			six(s).serve("A", flip(novelA, 12_345)).close()
			s.fragment(512, same)
		}, claim: claim6, want: "PPPFP", detail: "A: differs at file offset 12,345"},

		{name: "IPv4 options", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.each(func(f []byte) []byte {
				f = append(append(bytes.Clone(f[:34]), 7, 7, 4, 0, 0, 0, 0, 1), f[34:]...) // record route, and padding
				f[14] = 0x47
				binary.BigEndian.PutUint16(f[16:], binary.BigEndian.Uint16(f[16:])+8)
				ipSum(f)
				return f
			})
		}, claim: claim("A"), want: "PPPPP", look: clean},
		{name: "IPv6 extension headers", build: func(s *script) {
			six(s).serve("A", novelA).close()
			s.each(func(f []byte) []byte { // hop-by-hop, then destination options, each of padding
				f = append(append(bytes.Clone(f[:54]), 60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0), f[54:]...)
				f[20] = 0
				binary.BigEndian.PutUint16(f[18:], binary.BigEndian.Uint16(f[18:])+16)
				return f
			})
		}, claim: claim6, want: "PPPPP", look: clean},
		{name: "VLAN in VLAN", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.each(func(f []byte) []byte { return tagged(tagged(f, 0x8100, 7), 0x88A8, 100) })
		}, claim: claim("A"), want: "PPPPP", look: clean},
		{name: "a router on a stick", build: func(s *script) { // IPv6, so that there is no identification to tell copies by
			k := six(s)
			k.say(true, novelA[:10000])
			k.raw(true, "PA", k.sSeq-1460, k.cSeq, novelA[8540:10000])
			k.say(true, novelA[10000:]).close()
			var list []packet
			for _, p := range s.packets {
				in, out := p, p
				in.data, out.data = tagged(p.data, 0x8100, 10), tagged(p.data, 0x8100, 20)
				out.time += 2e6
				out.data[25]-- // hop limit
				in.size, out.size = len(in.data), len(out.data)
				list = append(list, in, out)
			}
			s.packets = list
		}, claim: claim6, want: "PPPPP", look: retransmissions(1)},

		{name: "began in the middle of the connection", build: func(s *script) {
			k := one(s).serve("A", novelA)
			s.packets = s.packets[20:]
			k.serve("B", novelB).close()
		}, claim: claim("A", "B"), want: "PIIIP", detail: "handshake missing"},
		{name: "began in the middle, port of the server above the client's", build: func(s *script) {
			k := s.talk("10.0.0.2:1024", server, 1000, 5000).open().serve("A", novelA)
			s.packets = s.packets[20:]
			k.serve("B", novelB).close()
		}, claim: claim("B"), want: "PFPFP", look: func(t *testing.T, a *Analysis) {
			if c := a.Connections[0]; c.Client.Port() != 12345 || c.Handshake != HandshakeMissing {
				t.Errorf("%s to %s, %s", c.Client, c.Server, c.Handshake)
			}
		}},
		{name: "ended in the middle of the connection", build: func(s *script) {
			one(s).serve("A", novelA).say(true, novelB[:20_000])
		}, claim: claim("A", "B"), want: "PPPII", detail: "B: only its first 20,000"},
	}
}
