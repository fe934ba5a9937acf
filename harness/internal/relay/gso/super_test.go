package gso

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// A sample is a super-frame and how its wire frames must look, by gopacket's serializer.
type sample struct {
	v6, udp, vlan bool
	options       int // bytes of TCP options, a multiple of 4
	flags         byte
	seq           uint32
	id            uint16
	payload       []byte
	size          int
}

var (
	macA, macB = net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	ip4A, ip4B = net.IP{10, 0, 0, 1}, net.IP{10, 0, 255, 2}
	ip6A, ip6B = net.ParseIP("fd00::1"), net.ParseIP("fd00::ff:2")
)

// frame serializes the frame of payload whose first byte is byte from of the sample, with complete checksums.
func (s *sample) frame(t testing.TB, from int, payload []byte, flags byte) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: layers.EthernetTypeIPv4}
	stack := []gopacket.SerializableLayer{eth}
	inner := &eth.EthernetType
	if s.vlan {
		tag := &layers.Dot1Q{VLANIdentifier: 7}
		eth.EthernetType = layers.EthernetTypeDot1Q
		inner = &tag.Type
		*inner = layers.EthernetTypeIPv4
		stack = append(stack, tag)
	}
	proto := layers.IPProtocolTCP
	if s.udp {
		proto = layers.IPProtocolUDP
	}
	var network gopacket.NetworkLayer
	if s.v6 {
		*inner = layers.EthernetTypeIPv6
		ip := &layers.IPv6{Version: 6, TrafficClass: 2, HopLimit: 64, NextHeader: proto, SrcIP: ip6A, DstIP: ip6B}
		stack, network = append(stack, ip), ip
	} else {
		first := uint16(0)
		if s.size > 0 {
			first = uint16(from / s.size)
		}
		ip := &layers.IPv4{Version: 4, TOS: 2, TTL: 64, Id: s.id + first, Flags: layers.IPv4DontFragment, Protocol: proto, SrcIP: ip4A, DstIP: ip4B}
		stack, network = append(stack, ip), ip
	}
	if s.udp {
		udp := &layers.UDP{SrcPort: 5000, DstPort: 6000}
		udp.SetNetworkLayerForChecksum(network)
		stack = append(stack, udp)
	} else {
		tcp := &layers.TCP{SrcPort: 40000, DstPort: 12345, Seq: s.seq + uint32(from), Ack: 77, Window: 1000}
		for i := 0; i < s.options; i += 4 {
			tcp.Options = append(tcp.Options, layers.TCPOption{OptionType: 253, OptionLength: 4, OptionData: []byte{1, byte(i)}})
		}
		tcp.FIN, tcp.SYN, tcp.RST, tcp.PSH = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
		tcp.ACK, tcp.URG, tcp.ECE, tcp.CWR = flags&16 != 0, flags&32 != 0, flags&64 != 0, flags&128 != 0
		tcp.SetNetworkLayerForChecksum(network)
		stack = append(stack, tcp)
	}
	buf := gopacket.NewSerializeBuffer()
	stack = append(stack, gopacket.Payload(payload))
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...); err != nil {
		t.Fatal(err)
	}
	// gopacket pads to Ethernet's 60 bytes, which virtual devices do not.
	f := buf.Bytes()
	l := Look(f)
	if check := l.L4 + 6; s.udp && f[check] == 0 && f[check+1] == 0 {
		f[check], f[check+1] = 0xff, 0xff // RFC 768, which gopacket forgets
	}
	if s.v6 {
		return f[:l.L3+40+int(binary.BigEndian.Uint16(f[l.L3+4:]))]
	}
	return f[:l.L3+int(binary.BigEndian.Uint16(f[l.L3+2:]))]
}

// super is the super-frame as the kernel hands it over: with the pseudo header's sum for a checksum.
func (s *sample) super(t testing.TB) (Header, []byte) {
	t.Helper()
	f := s.frame(t, 0, s.payload, s.flags)
	l := Look(f)
	h := Header{Flags: NeedsCsum, Type: TCPv4, Size: uint16(s.size), CsumStart: uint16(l.L4), CsumOffset: 16}
	switch {
	case s.udp:
		h.Type, h.CsumOffset = UDPL4, 6
	case s.v6:
		h.Type = TCPv6
	}
	if s.flags&0x80 != 0 && !s.udp {
		h.Type |= ECN
	}
	partial := pseudo(f[l.L3:], l.Proto) + uint64(len(f)-l.L4)
	binary.BigEndian.PutUint16(f[l.L4+int(h.CsumOffset):], Fold(partial))
	return h, f
}

// want is the wire frame of segment i.
func (s *sample) want(t testing.TB, i int) []byte {
	n := max(1, (len(s.payload)+s.size-1)/s.size)
	flags := s.flags
	if i > 0 {
		flags &^= 0x80
	}
	if i < n-1 {
		flags &^= 0x09
	}
	return s.frame(t, i*s.size, s.payload[i*s.size:min((i+1)*s.size, len(s.payload))], flags)
}

// cut cuts a super-frame into runs at random places until single frames are left, and returns them.
func cut(t testing.TB, h Header, f []byte, rng *rand.Rand, depth int) [][]byte {
	t.Helper()
	if h.Type == None {
		f = bytes.Clone(f)
		Complete(&h, f)
		return [][]byte{f}
	}
	var s Super
	if err := s.Parse(h, f); err != nil {
		t.Fatalf("depth %d: %v", depth, err)
	}
	var all [][]byte
	for i := 0; i < s.Segs; {
		n := 1 + rng.IntN(s.Segs-i)
		if depth > 2 {
			n = 1
		}
		if n == s.Segs && n > 1 {
			n--
		}
		var room [MaxHeaders]byte
		head, rest := s.Run(room[:], i, n)
		var run Header
		run.Decode(head)
		if n == 1 {
			// Both ways of completing must agree.
			h2 := bytes.Clone(head)
			CompleteRun(h2, rest)
			all = append(all, append(h2[HeaderLen:len(h2):len(h2)], rest...))
			one := append(bytes.Clone(head[HeaderLen:]), rest...)
			Complete(&run, one)
			if !bytes.Equal(one, all[len(all)-1]) {
				t.Fatalf("Complete and CompleteRun differ:\n%x\n%x", one, all[len(all)-1])
			}
		} else {
			all = append(all, cut(t, run, append(bytes.Clone(head[HeaderLen:]), rest...), rng, depth+1)...)
		}
		i += n
	}
	return all
}

func (s *sample) check(t testing.TB, rng *rand.Rand) {
	t.Helper()
	h, f := s.super(t)
	original := bytes.Clone(f)
	got := cut(t, h, f, rng, 0)
	if !bytes.Equal(f, original) {
		t.Fatal("cutting changed the super-frame")
	}
	var whole Super
	if err := whole.Parse(h, f); err != nil {
		t.Fatal(err)
	}
	if len(got) != whole.Segs {
		t.Fatalf("%d frames, want %d", len(got), whole.Segs)
	}
	var look [MaxHeaders]byte
	for i, g := range got {
		want := s.want(t, i)
		if !bytes.Equal(g, want) {
			t.Fatalf("segment %d of %d:\n got %x\nwant %x", i, whole.Segs, g[:min(len(g), 90)], want[:min(len(want), 90)])
		}
		if whole.Len(i) != len(want) {
			t.Fatalf("Len(%d) = %d, want %d", i, whole.Len(i), len(want))
		}
		n := whole.Headers(look[:], i, i > 0)
		if d := differ(look[:n], want[:n], Look(want)); d != "" {
			t.Fatalf("headers of segment %d: %s", i, d)
		}
	}
}

// differ compares headers but for their checksums.
func differ(a, b []byte, l Layout) string {
	skip := map[int]bool{l.L4 + 16: l.Proto == ProtoTCP, l.L4 + 17: l.Proto == ProtoTCP, l.L4 + 6: l.Proto == ProtoUDP, l.L4 + 7: l.Proto == ProtoUDP}
	if l.Version == 4 {
		skip[l.L3+10], skip[l.L3+11] = true, true
	}
	for i := range a {
		if a[i] != b[i] && !skip[i] {
			return fmt.Sprintf("byte %d is %#x, want %#x", i, a[i], b[i])
		}
	}
	return ""
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestRunsAreWhatTheWireCarries(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, v6 := range []bool{false, true} {
		for _, udp := range []bool{false, true} {
			for _, vlan := range []bool{false, true} {
				for _, n := range []int{1, 1448, 1449, 2896, 5000, 64000} {
					s := &sample{v6: v6, udp: udp, vlan: vlan, options: 12, flags: 0x99, seq: 0xffffff00, id: 0xfffe, payload: random(rng, n), size: 1448}
					t.Run(fmt.Sprintf("v6=%v udp=%v vlan=%v %d", v6, udp, vlan, n), func(t *testing.T) { s.check(t, rng) })
				}
			}
		}
	}
}

func FuzzRuns(f *testing.F) {
	f.Add(uint64(1), byte(0), uint16(5000), uint16(1448), byte(0x18))
	f.Add(uint64(2), byte(3), uint16(60000), uint16(100), byte(0xff))
	f.Add(uint64(3), byte(4), uint16(65000), uint16(65000), byte(0x91))
	f.Fuzz(func(t *testing.T, seed uint64, form byte, n, size uint16, flags byte) {
		n = min(n, 65000)
		size = max(size, 8, n/400)
		rng := rand.New(rand.NewPCG(seed, 1))
		s := &sample{
			v6: form&1 != 0, udp: form&2 != 0, vlan: form&4 != 0, options: int(form>>3) % 11 * 4, flags: flags,
			seq: rng.Uint32(), id: uint16(rng.Uint32()), payload: random(rng, max(1, int(n))), size: int(size),
		}
		s.check(t, rng)
	})
}

// What a packet socket delivers after GRO may have its checksum verified instead of partial.
func TestParseWithoutPartialChecksum(t *testing.T) {
	s := &sample{payload: random(rand.New(rand.NewPCG(1, 1)), 4000), size: 1448, flags: 0x18}
	h, f := s.super(t)
	h.Flags, h.CsumStart, h.CsumOffset = DataValid, 0, 0
	var p Super
	if err := p.Parse(h, f); err != nil {
		t.Fatal(err)
	}
	var room [MaxHeaders]byte
	head, rest := p.Run(room[:], 1, 1)
	CompleteRun(head, rest)
	if got := append(bytes.Clone(head[HeaderLen:]), rest...); !bytes.Equal(got, s.want(t, 1)) {
		t.Fatal("segment 1 is wrong")
	}
}

// Whatever comes, Parse, Run, Look, MarkCE and Complete stay inside the frame.
func FuzzParse(f *testing.F) {
	s := &sample{payload: make([]byte, 3000), size: 1000, flags: 0x18}
	h, frame := s.super(f)
	var b [HeaderLen]byte
	h.Encode(b[:])
	f.Add(append(b[:], frame...))
	s.v6, s.options = true, 40
	h, frame = s.super(f)
	h.Encode(b[:])
	f.Add(append(bytes.Clone(b[:]), frame...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < HeaderLen {
			return
		}
		var h Header
		h.Decode(data)
		frame := data[HeaderLen:]
		l := Look(frame)
		if l.L3 > len(frame)+2 || l.L4 > len(frame) {
			t.Fatalf("layout %+v of %d bytes", l, len(frame))
		}
		ECNCapable(frame, l)
		MarkCE(bytes.Clone(frame), l)
		c := h
		Complete(&c, bytes.Clone(frame))
		var s Super
		if s.Parse(h, frame) != nil {
			return
		}
		total := 0
		var room [MaxHeaders]byte
		for i := range s.Segs {
			head, rest := s.Run(room[:], i, 1)
			total += len(rest)
			if len(head)+len(rest)-HeaderLen != s.Len(i) {
				t.Fatalf("segment %d has %d bytes, Len says %d", i, len(head)+len(rest)-HeaderLen, s.Len(i))
			}
			s.Headers(room[:], i, false)
		}
		if total != len(frame)-s.Payload {
			t.Fatalf("segments carry %d bytes of %d", total, len(frame)-s.Payload)
		}
	})
}

func TestMarkCE(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		s := &sample{v6: v6, payload: []byte("x"), flags: 0x10}
		f := s.frame(t, 0, s.payload, s.flags)
		l := Look(f)
		if !ECNCapable(f, l) || !MarkCE(f, l) {
			t.Fatalf("v6=%v: not marked", v6)
		}
		p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
		if v6 {
			if tc := p.NetworkLayer().(*layers.IPv6).TrafficClass; tc != 3 {
				t.Fatalf("traffic class %#x", tc)
			}
		} else {
			if tos := p.NetworkLayer().(*layers.IPv4).TOS; tos != 3 {
				t.Fatalf("tos %#x", tos)
			}
			if Fold(Sum(0, f[14:34])) != 0xffff {
				t.Fatal("header checksum is wrong")
			}
		}
		// Not ECN-capable.
		if v6 {
			f[15] &^= 0x30
		} else {
			f[15] &^= 3
		}
		if ECNCapable(f, l) || MarkCE(f, l) {
			t.Fatalf("v6=%v: marked, though not ECN-capable", v6)
		}
	}
}

func TestLookControl(t *testing.T) {
	eth6 := append(make([]byte, 12), 0x86, 0xdd)
	ip6 := func(next byte, rest ...byte) []byte {
		f := append(bytes.Clone(eth6), 0x60, 0, 0, 0, 0, byte(len(rest)), next, 255)
		return append(append(f, make([]byte, 32)...), rest...)
	}
	for _, c := range []struct {
		name    string
		frame   []byte
		version uint8
		control bool
	}{
		{"neighbour solicitation", ip6(58, 135, 0, 0, 0), 6, true},
		{"mld behind hop-by-hop", ip6(0, 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0), 6, true},
		{"echo", ip6(58, 128, 0, 0, 0), 6, false},
		{"arp", append(make([]byte, 12), 0x08, 0x06, 0, 1), 0, false},
		{"short", make([]byte, 9), 0, false},
	} {
		if l := Look(c.frame); l.Version != c.version || l.Control != c.control {
			t.Errorf("%s: %+v", c.name, l)
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	s := &sample{payload: make([]byte, 1448), size: 1448, flags: 0x10}
	h, f := s.super(b)
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		c := h
		Complete(&c, f)
	}
}

func BenchmarkRun(b *testing.B) {
	s := &sample{payload: make([]byte, 64000), size: 1448, flags: 0x10}
	h, f := s.super(b)
	var p Super
	if err := p.Parse(h, f); err != nil {
		b.Fatal(err)
	}
	var room [MaxHeaders]byte
	for b.Loop() {
		p.Run(room[:], 3, 7)
	}
}
