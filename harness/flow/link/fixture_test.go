package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// packet is a frame in a capture that a test makes.
type packet struct {
	at    time.Duration
	data  []byte
	flags pcapng.Flags // zero: as the capture's direction has it
	cut   int          // bytes missing
}

// file is a capture that a test makes.
type file struct {
	flags   pcapng.Flags // of packets that have none of their own
	packets []packet
	dropped uint64
	silent  bool // does not count drops
}

var epoch = time.Unix(1_700_000_000, 0)

func (f file) bytes(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := pcapng.NewWriter(&b, pcapng.Section{})
	if err != nil {
		tb.Fatal(err)
	}
	id, err := w.AddInterface(pcapng.Interface{Name: "h1-eth0"})
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range f.packets {
		flags := p.flags
		if flags&3 == 0 {
			flags |= f.flags
		}
		err := w.WritePacket(pcapng.Packet{Interface: id, Time: epoch.Add(p.at), Data: p.data[:len(p.data)-p.cut], Length: len(p.data), Flags: flags})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if !f.silent {
		if err := w.WriteStatistics(pcapng.Statistics{Interface: id, Dropped: f.dropped}); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

func sentBy(list ...packet) file     { return file{flags: pcapng.Outbound, packets: list} }
func receivedBy(list ...packet) file { return file{flags: pcapng.Inbound, packets: list} }

func compare(tb testing.TB, sent, received file, o Options) Evidence {
	tb.Helper()
	e, err := Compare(context.Background(), bytes.NewReader(sent.bytes(tb)), bytes.NewReader(received.bytes(tb)), o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// tcp makes a segment with a right checksum, or the partial one that is left to a network card.
func tcp(id uint32, payload int, partial bool) []byte {
	b := make([]byte, 54+payload)
	copy(b, "\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01\x08\x00")
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(ip[2:], uint16(40+payload))
	binary.BigEndian.PutUint16(ip[4:], uint16(id))
	copy(ip[12:], "\x0a\x00\x00\x01\x0a\x00\x00\x02")
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip[:20])))
	seg := ip[20:]
	binary.BigEndian.PutUint16(seg, 40000)
	binary.BigEndian.PutUint16(seg[2:], 12345)
	binary.BigEndian.PutUint32(seg[4:], id)
	seg[12], seg[13] = 5<<4, 0x10
	for i := range payload {
		seg[20+i] = byte(uint32(i) * (id | 1) >> 3)
	}
	pseudo := sum(uint32(6+len(seg)), ip[12:20])
	check := fold(pseudo)
	if !partial {
		check = ^fold(sum(pseudo, seg))
	}
	binary.BigEndian.PutUint16(seg[16:], check)
	return b
}

// udp6 makes a datagram over IPv6, or the message of ICMPv6 that begins with kind.
func udp6(id uint32, payload int) []byte {
	b := make([]byte, 62+payload)
	copy(b, "\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01\x86\xdd\x60")
	binary.BigEndian.PutUint16(b[18:], uint16(8+payload))
	b[20], b[21] = 17, 64
	b[37], b[53] = 1, 2
	binary.BigEndian.PutUint32(b[54:], 40000<<16|12345)
	binary.BigEndian.PutUint16(b[58:], uint16(8+payload))
	for i := range payload {
		b[62+i] = byte(id >> (8 * (i % 4)))
	}
	binary.BigEndian.PutUint16(b[60:], ^fold(sum(uint32(17+8+payload), b[22:])))
	return b
}

func arp(n byte) []byte {
	b := make([]byte, 42)
	copy(b, "\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x01\x08\x06")
	b[41] = n
	return b
}

func flipped(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
