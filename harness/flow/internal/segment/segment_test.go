package segment

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// build lays gopacket's layers out as bytes.
func build(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

var (
	v4a, v4b = []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}
	v6a, v6b = []byte{0xFD, 15: 1}, []byte{0xFD, 15: 2}
)

func tcpOver(n gopacket.NetworkLayer) *layers.TCP {
	t := &layers.TCP{SrcPort: 12345, DstPort: 40112, Seq: 7, Ack: 9, ACK: true, PSH: true, Window: 512,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}}}
	t.SetNetworkLayerForChecksum(n)
	return t
}

func ipv4() *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: 77, Protocol: layers.IPProtocolTCP, SrcIP: v4a, DstIP: v4b}
}

func ipv6() *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: v6a, DstIP: v6b}
}

// frame is a TCP segment under every link layer and network header that is known.
func frames(t testing.TB, payload []byte) map[string]struct {
	link uint16
	data []byte
} {
	type f = struct {
		link uint16
		data []byte
	}
	pay := gopacket.Payload(payload)
	i4, i6 := ipv4(), ipv6()
	four := build(t, i4, tcpOver(i4), pay)
	six := build(t, i6, tcpOver(i6), pay)
	withOptions := ipv4()
	withOptions.Options = []layers.IPv4Option{{OptionType: 1}, {OptionType: 1}, {OptionType: 1}, {OptionType: 0}}
	options := build(t, withOptions, tcpOver(withOptions), pay)
	// Hop-by-hop, routing and destination headers, an atomic fragment, and AH.
	inner := six[40:]
	ext := func(next byte, headers ...[]byte) []byte {
		b := bytes.Clone(six[:40])
		b[6] = next
		for _, h := range headers {
			b = append(b, h...)
		}
		b = append(b, inner...)
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
		return b
	}
	eth := func(kind uint16, tags ...uint16) []byte {
		b := make([]byte, 12)
		for _, t := range tags {
			b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, t), 5)
		}
		return binary.BigEndian.AppendUint16(b, kind)
	}
	sll := append(make([]byte, 14), 8, 0)
	sll2 := append([]byte{8, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 12)...)
	join := func(a, b []byte) []byte { return append(bytes.Clone(a), b...) }
	return map[string]f{
		"ethernet":         {1, join(eth(etherIPv4), four)},
		"ethernet, padded": {1, append(join(eth(etherIPv4), four), make([]byte, 18)...)},
		"VLAN":             {1, join(eth(etherIPv4, etherVLAN), four)},
		"QinQ":             {1, join(eth(etherIPv6, etherQinQ, etherVLAN), six)},
		"IPv4 options":     {1, join(eth(etherIPv4), options)},
		"IPv6":             {1, join(eth(etherIPv6), six)},
		"IPv6 extensions": {1, join(eth(etherIPv6), ext(0, append([]byte{43, 0}, make([]byte, 6)...), append([]byte{60, 1}, make([]byte, 14)...),
			append([]byte{44, 0}, make([]byte, 6)...), append([]byte{51, 0}, make([]byte, 6)...), append([]byte{6, 4}, make([]byte, 22)...)))},
		"SLL":           {113, join(sll, four)},
		"SLL2":          {276, join(sll2, four)},
		"raw 4":         {101, four},
		"raw 6":         {101, six},
		"raw IPv4":      {228, four},
		"raw IPv6":      {229, six},
		"null, little":  {0, join([]byte{2, 0, 0, 0}, four)},
		"null, big, v6": {0, join([]byte{0, 0, 0, 30}, six)},
		"loop":          {108, join([]byte{0, 0, 0, 2}, four)},
		"PPPoE":         {1, join(join(eth(etherPPPoE), []byte{0x11, 0, 0, 1, 0, 0, 0, 0x21}), four)},
	}
}

func TestDecode(t *testing.T) {
	payload := []byte("the payload!!")
	for name, f := range frames(t, payload) {
		var s Segment
		if st := Decode(f.link, f.data, len(f.data), &s); st != OK {
			t.Errorf("%s: status %d", name, st)
			continue
		}
		if string(s.Payload) != string(payload) || s.Length != len(payload) || s.SrcPort != 12345 || s.DstPort != 40112 ||
			s.Seq != 7 || s.Ack != 9 || s.Flags != ACK|PSH || s.Window != 512 || s.Sum != SumGood {
			t.Errorf("%s: %+v", name, s)
		}
		if ip := s.Src.IP().String(); ip != "10.0.0.1" && ip != "fd00::1" {
			t.Errorf("%s: source %s", name, ip)
		}
		// Truncated anywhere: malformed or short, never wrong, and no checksum.
		for n := range len(f.data) {
			var cut Segment
			switch st := Decode(f.link, f.data[:n], len(f.data), &cut); st {
			case OK:
				if !bytes.HasPrefix(payload, cut.Payload) || cut.Length != len(payload) {
					t.Errorf("%s, %d bytes: %+v", name, n, cut)
				}
			case Malformed:
			default:
				t.Errorf("%s, %d bytes: status %d", name, n, st)
			}
		}
	}
}

func TestDecodeOther(t *testing.T) {
	i4, i6 := ipv4(), ipv6()
	four, six := build(t, i4, tcpOver(i4)), build(t, i6, tcpOver(i6))
	change := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	fragment := append(change(six, 6, 44)[:40:40], append([]byte{6, 0, 0, 1, 0, 0, 0, 0}, six[40:]...)...)
	binary.BigEndian.PutUint16(fragment[4:], uint16(len(fragment)-40))
	for _, c := range []struct {
		name string
		link uint16
		data []byte
		want Status
	}{
		{"UDP", 101, change(four, 9, 17), NotTCP},
		{"IPv6 ICMP", 101, change(six, 6, 58), NotTCP},
		{"first fragment", 101, change(four, 6, 0x20), Fragment},
		{"later fragment", 101, change(four, 6, 0, 9), Fragment},
		{"IPv6 fragment", 101, fragment, Fragment},
		{"ARP", 1, append(make([]byte, 12), 8, 6, 0, 1), NotTCP},
		{"length below the headers", 101, change(four, 2, 0, 30), Malformed},
		{"data offset past the end", 101, change(four, 32, 0xF0), Malformed},
		{"IP header of 16 bytes", 101, change(four, 0, 0x44), Malformed},
		{"version 5", 101, change(four, 0, 0x55), Malformed},
		{"nothing", 1, nil, Malformed},
		{"unknown link", 147, four, UnknownLink},
	} {
		var s Segment
		if got := Decode(c.link, c.data, len(c.data), &s); got != c.want {
			t.Errorf("%s: status %d, want %d", c.name, got, c.want)
		}
	}
}

func TestChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		for _, v6 := range []bool{false, true} {
			var b []byte
			at := 20
			if v6 {
				i := ipv6()
				b, at = build(t, i, tcpOver(i), gopacket.Payload(payload)), 40
			} else {
				i := ipv4()
				b = build(t, i, tcpOver(i), gopacket.Payload(payload))
			}
			var s Segment
			if Decode(101, b, len(b), &s); s.Sum != SumGood {
				t.Fatalf("%d bytes, IPv6 %v: %d", n, v6, s.Sum)
			}
			b[len(b)-1] ^= 1
			if Decode(101, b, len(b), &s); s.Sum != SumBad {
				t.Fatalf("%d bytes, IPv6 %v, damaged: %d", n, v6, s.Sum)
			}
			// What a host hands to its card.
			pseudo := pseudo4
			if v6 {
				pseudo = pseudo6
			}
			binary.BigEndian.PutUint16(b[at+16:], fold(pseudo(&s, len(b)-at)))
			if Decode(101, b, len(b), &s); s.Sum != SumOffload {
				t.Fatalf("%d bytes, IPv6 %v, left to the card: %d", n, v6, s.Sum)
			}
		}
	}
}

// theirs decodes with gopacket.
func theirs(b []byte) (tcp layers.TCP, src, dst gopacket.Endpoint, ok bool) {
	var eth layers.Ethernet
	var tag layers.Dot1Q
	var i4 layers.IPv4
	var i6 layers.IPv6
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &tag, &i4, &i6, &tcp)
	var seen []gopacket.LayerType
	if err := parser.DecodeLayers(b, &seen); err != nil {
		if _, unsupported := err.(gopacket.UnsupportedLayerType); !unsupported {
			return tcp, src, dst, false
		}
	}
	for _, l := range seen {
		switch l {
		case layers.LayerTypeIPv4:
			src, dst = i4.NetworkFlow().Endpoints()
			// gopacket follows IP headers inside others; ours does not.
			if len(i4.Payload) < 20 || i4.Length == 0 {
				return tcp, src, dst, false
			}
		case layers.LayerTypeIPv6:
			src, dst = i6.NetworkFlow().Endpoints()
			if i6.Length == 0 {
				return tcp, src, dst, false
			}
		case layers.LayerTypeTCP:
			ok = true
		}
	}
	nets := 0
	for _, l := range seen {
		if l == layers.LayerTypeIPv4 || l == layers.LayerTypeIPv6 {
			nets++
		}
	}
	return tcp, src, dst, ok && nets == 1
}

// Whatever both take for TCP, both decode alike.
func FuzzAgainstGopacket(f *testing.F) {
	for _, c := range frames(f, []byte("some payload")) {
		if c.link == 1 {
			f.Add(c.data)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Segment
		status := Decode(1, b, len(b), &s)
		if status == OK && (len(s.Payload) > s.Length || len(s.Payload) > len(b)) {
			t.Fatalf("payload of %d bytes, %d on the wire, frame of %d", len(s.Payload), s.Length, len(b))
		}
		tcp, src, dst, ok := theirs(b)
		if !ok || status != OK {
			return
		}
		if uint16(tcp.SrcPort) != s.SrcPort || uint16(tcp.DstPort) != s.DstPort || tcp.Seq != s.Seq || tcp.Ack != s.Ack || tcp.Window != s.Window ||
			tcp.SYN != (s.Flags&SYN != 0) || tcp.FIN != (s.Flags&FIN != 0) || tcp.RST != (s.Flags&RST != 0) || tcp.ACK != (s.Flags&ACK != 0) {
			t.Fatalf("gopacket %+v, ours %+v", tcp, s)
		}
		if src.String() != s.Src.IP().String() && s.Src.IP().Is4() || dst.String() != s.Dst.IP().String() && s.Dst.IP().Is4() {
			t.Fatalf("gopacket %v to %v, ours %v to %v", src, dst, s.Src.IP(), s.Dst.IP())
		}
		if !bytes.Equal(tcp.Payload, s.Payload) {
			t.Fatalf("payload: gopacket %q, ours %q", tcp.Payload, s.Payload)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	f := frames(b, make([]byte, 1448))["ethernet"]
	b.SetBytes(int64(len(f.data)))
	var s Segment
	for b.Loop() {
		Decode(1, f.data, len(f.data), &s)
	}
}
