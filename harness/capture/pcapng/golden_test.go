package pcapng

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The blocks, byte by byte, as the draft draws them.
func TestGolden(t *testing.T) {
	at := time.Unix(0, 0x1122334455667788)
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"section, empty", AppendSection(nil, Section{}), `
			0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000`},
		{"section", AppendSection(nil, Section{Hardware: "x86_64", OS: "Linux", Application: "wireproof", Comment: "four"}), `
			0a0d0d0a 50000000 4d3c2b1a 0100 0000 ffffffffffffffff
			0100 0400 666f7572
			0200 0600 7838365f3634 0000
			0300 0500 4c696e7578 000000
			0400 0900 7769726570726f6f66 000000
			0000 0000 50000000`},
		{"interface, empty", AppendInterface(nil, Interface{}), `
			01000000 20000000 0100 0000 00000000 0900 0100 09 000000 0000 0000 20000000`},
		{"interface", AppendInterface(nil, Interface{Name: "h1-eth0", Description: "host", OS: "Linux 6", SnapLen: 262144, Filter: "tcp"}), `
			01000000 48000000 0100 0000 00000400
			0200 0700 68312d65746830 00
			0300 0400 686f7374
			0900 0100 09 000000
			0b00 0400 00 746370
			0c00 0700 4c696e75782036 00
			0000 0000 48000000`},
		{"packet, empty", AppendPacket(nil, Packet{}), `
			06000000 20000000 00000000 00000000 00000000 00000000 00000000 20000000`},
		{"packet, padded", AppendPacket(nil, Packet{Interface: 2, Time: at, Data: []byte{1, 2, 3, 4, 5}}), `
			06000000 28000000 02000000 44332211 88776655 05000000 05000000 0102030405 000000 28000000`},
		{"packet, cut, flags, comment", AppendPacket(nil, Packet{Time: at, Length: 1514, Data: []byte{1, 2}, Flags: Outbound | SegmentOffload, Comment: "SYN"}), `
			06000000 38000000 00000000 44332211 88776655 02000000 ea050000 0102 0000
			0100 0300 53594e 00
			0200 0400 02080000
			0000 0000 38000000`},
		{"names, none", AppendNames(nil, nil), `04000000 10000000 00000000 10000000`},
		{"names", AppendNames(nil, []Name{
			{netip.MustParseAddr("10.0.0.1"), []string{"h1", "", "S"}},
			{netip.Addr{}, []string{"nowhere"}},
			{netip.MustParseAddr("10.0.0.2"), nil},
			{netip.MustParseAddr("::ffff:10.0.0.3"), []string{"h3"}},
			{netip.MustParseAddr("fd00::1"), []string{"h1"}},
		}), `
			04000000 44000000
			0100 0900 0a000001 683100 5300 000000
			0100 0700 0a000003 683300 00
			0200 1300 fd000000000000000000000000000001 683100 00
			0000 0000 44000000`},
		{"statistics", AppendStatistics(nil, Statistics{Interface: 1, Start: at, End: at.Add(0x10), Received: 7, Dropped: 3}), `
			05000000 4c000000 01000000 44332211 98776655
			0200 0800 44332211 88776655
			0300 0800 44332211 98776655
			0400 0800 0700000000000000
			0500 0800 0300000000000000
			0000 0000 4c000000`},
		{"statistics, no times", AppendStatistics(nil, Statistics{}), `
			05000000 34000000 00000000 00000000 00000000
			0400 0800 0000000000000000
			0500 0800 0000000000000000
			0000 0000 34000000`},
	}
	for _, tt := range tests {
		want, err := hex.DecodeString(strings.Join(strings.Fields(tt.want), ""))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if !bytes.Equal(tt.got, want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, tt.got, want)
		}
	}
}

// A block laid around a packet in place is the one that AppendPacket makes.
func TestInPlace(t *testing.T) {
	for n := range 70 {
		for _, flags := range []Flags{0, Inbound | Unicast} {
			data := bytes.Repeat([]byte{0xa5}, n)
			p := Packet{Interface: 3, Time: time.Unix(1, 2), Length: n + 7, Data: data, Flags: flags}
			got := make([]byte, PacketHeadLen)
			PutPacketHead(got, 3, 1e9+2, n, n+7, flags)
			got = append(got, data...)
			tail := bytes.Repeat([]byte{0xff}, PacketTailMaxLen)
			got = append(got, tail[:PutPacketTail(tail, n, flags)]...)
			if want := AppendPacket(nil, p); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, flags %#x:\n got %x\nwant %x", n, flags, got, want)
			}
		}
	}
}

// Text that is too long for an option is cut between characters.
func TestLongText(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int
	}{
		{strings.Repeat("a", MaxText), MaxText},
		{strings.Repeat("a", MaxText+1), MaxText},
		{strings.Repeat("é", MaxText), MaxText - 1},
		{strings.Repeat("€", MaxText), MaxText},
		{"a" + strings.Repeat("€", MaxText), MaxText - 2},
		{strings.Repeat("\x80", MaxText+9), MaxText - 4}, // not UTF-8: no more than one character is sought
	} {
		if n := len(cut(tt.text)); n != tt.want {
			t.Errorf("%.4q…: %d bytes, want %d", tt.text, n, tt.want)
		}
	}
}
