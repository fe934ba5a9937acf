package capfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// writer makes pcapng in either byte order, block by block.
type writer struct {
	bytes.Buffer
	order binary.AppendByteOrder
}

func (w *writer) block(kind uint32, body []byte) *writer {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	w.Write(w.order.AppendUint32(w.order.AppendUint32(nil, kind), n))
	w.Write(body)
	w.Write(w.order.AppendUint32(nil, n))
	return w
}

func (w *writer) words(v ...uint32) []byte {
	var b []byte
	for _, x := range v {
		b = w.order.AppendUint32(b, x)
	}
	return b
}

func (w *writer) option(b []byte, code uint16, v []byte) []byte {
	b = w.order.AppendUint16(w.order.AppendUint16(b, code), uint16(len(v)))
	b = append(b, v...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (w *writer) section(comment string) *writer {
	b := w.order.AppendUint32(nil, 0x1A2B3C4D)
	b = w.order.AppendUint16(w.order.AppendUint16(b, 1), 0)
	b = append(b, bytes.Repeat([]byte{0xFF}, 8)...)
	if comment != "" {
		b = w.option(w.option(b, 1, []byte(comment)), 0, nil)
	}
	return w.block(blockSection, b)
}

func (w *writer) iface(link uint16, snap uint32, name string, resol byte) *writer {
	b := w.order.AppendUint16(w.order.AppendUint16(nil, link), 0)
	b = w.order.AppendUint32(b, snap)
	b = w.option(w.option(w.option(b, 2, []byte(name)), 9, []byte{resol}), 0, nil)
	return w.block(blockInterface, b)
}

func (w *writer) packet(id uint32, ts uint64, data []byte, length uint32, flags uint32) *writer {
	b := append(w.words(id, uint32(ts>>32), uint32(ts), uint32(len(data)), length), data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return w.block(blockEnhanced, w.option(w.option(b, 2, w.words(flags)), 0, nil))
}

func (w *writer) stats(id uint32, ifdrop, osdrop uint64) *writer {
	b := w.words(id, 0, 0)
	b = w.option(b, 5, w.order.AppendUint64(nil, ifdrop))
	b = w.option(b, 7, w.order.AppendUint64(nil, osdrop))
	return w.block(blockStats, w.option(b, 0, nil))
}

type got struct {
	data   string
	length int
	time   int64
	iface  int
	flags  uint32
}

func all(t *testing.T, r *Reader) ([]got, error) {
	t.Helper()
	var list []got
	var p Packet
	for {
		if err := r.Next(&p); err != nil {
			if again := r.Next(&p); !errors.Is(again, err) && again.Error() != err.Error() {
				t.Errorf("after %v came %v", err, again)
			}
			return list, err
		}
		list = append(list, got{string(p.Data), p.Length, p.Time, p.Interface, p.Flags})
	}
}

func sections(order binary.AppendByteOrder) *writer {
	w := &writer{order: order}
	w.section("part e, seed 7").iface(1, 0, "h1-eth0", 9).iface(113, 96, "any", 6)
	w.packet(0, 1_700_000_000_123_456_789, []byte("abcde"), 5, 1)
	w.block(0x0BAD, []byte("a block of a kind that nobody knows"))
	w.packet(1, 1_700_000_000_123_456, []byte("fg"), 1514, 2)
	w.block(blockSimple, append(w.words(3), "xyz"...))
	w.stats(0, 3, 4).stats(1, 0, 0)
	w.section("").iface(276, 0, "eth2", 0x80|10)
	w.packet(0, 5<<10|512, []byte("second section"), 14, 0)
	return w.stats(0, 0, 2)
}

func TestSections(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, slow := range []bool{false, true} {
			var src io.Reader = &sections(order).Buffer
			if slow {
				src = iotest.OneByteReader(src)
			}
			r, err := NewReader(src)
			if err != nil {
				t.Fatal(err)
			}
			list, err := all(t, r)
			if err != io.EOF {
				t.Fatal(err)
			}
			want := []got{
				{"abcde", 5, 1_700_000_000_123_456_789, 0, 1},
				{"fg", 1514, 1_700_000_000_123_456_000, 1, 2},
				{"xyz", 3, 0, 0, 0},
				{"second section", 14, 5_500_000_000, 2, 0},
			}
			if len(list) != len(want) {
				t.Fatalf("%v: %d packets, want %d", order, len(list), len(want))
			}
			for i := range want {
				if list[i] != want[i] {
					t.Errorf("%v: packet %d: %+v, want %+v", order, i, list[i], want[i])
				}
			}
			its := r.Interfaces()
			if len(its) != 3 || its[0].Name != "h1-eth0" || its[0].Dropped != 7 || its[1].Dropped != 0 || !its[1].DropsKnown || its[2].Dropped != 2 || its[1].LinkType != 113 {
				t.Errorf("%v: interfaces %+v", order, its)
			}
			if c := r.Comments(); len(c) != 1 || c[0] != "part e, seed 7" {
				t.Errorf("comments %q", c)
			}
		}
	}
}

func TestResolution(t *testing.T) {
	for _, c := range []struct {
		resol byte
		ts    uint64
		ns    int64
	}{{6, 5, 5000}, {9, 5, 5}, {0, 5, 5e9}, {3, 5, 5e6}, {12, 5e12 + 999, 5e9}, {0x80 | 1, 3, 1.5e9}, {0x80 | 63, 1 << 63, 1e9}, {127, 1e19, 1e9}, {0, math.MaxUint64, math.MaxInt64}, {6, math.MaxUint64, math.MaxInt64}, {9, math.MaxUint64, math.MaxInt64}} {
		if got := (resolution{tsresol(c.resol)}).nanoseconds(c.ts); got != c.ns {
			t.Errorf("resolution %#x, %d: %d ns, want %d", c.resol, c.ts, got, c.ns)
		}
	}
}

// Where a capture breaks off, the packets before are good and the sentence says what it is.
func TestBroken(t *testing.T) {
	head := func() *writer {
		w := &writer{order: binary.LittleEndian}
		return w.section("").iface(1, 0, "eth0", 9).packet(0, 1, []byte("good"), 4, 0)
	}
	raw := func(w *writer, b []byte) []byte { return append(bytes.Clone(w.Bytes()), b...) }
	w := head()
	pcap := func(rest ...byte) []byte {
		b := []byte{0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 'g', 'o', 'o', 'd')
		return append(b, rest...)
	}
	for _, c := range []struct {
		name  string
		input []byte
		says  string
		cut   bool
	}{
		{"cut in a header", raw(w, []byte{6, 0, 0, 0, 99}), "ends in the middle of a block's header", true},
		{"cut in a packet", raw(w, w.words(6, 64, 0, 0, 0)), "ends in the middle of a packet block of 64 bytes", true},
		{"a packet of 4 GB", raw(w, w.words(6, 0xFFFFFFFC, 0, 0, 0)), "a packet block claims 4294967292 bytes", false},
		{"an unknown block of 4 GB", raw(w, w.words(77, 0xFFFFFFFC, 0, 0, 0)), "a block of type 0x4d that claims 4294967292 bytes", true},
		{"length no multiple of 4", raw(w, w.words(6, 33, 0, 0)), "a packet block has a length of 33 bytes", false},
		{"two lengths", raw(w, w.words(5, 24, 0, 0, 0, 28)), "has the lengths 24 and 28", false},
		{"no such interface", head().packet(9, 0, nil, 0, 0).Bytes(), "a packet of interface 9, and the section describes 1", false},
		{"packet larger than block", raw(w, w.words(6, 32, 0, 0, 0, 40, 40, 32)), "a packet of 40 bytes in a block of 32", false},
		{"another version", raw(w, w.words(0x0A0D0D0A, 28, 0x1A2B3C4D, 9, 0xFFFFFFFF, 0xFFFFFFFF, 28)), "a section of version 9", false},
		{"no byte order", raw(w, w.words(0x0A0D0D0A, 28, 0, 9, 0xFFFFFFFF, 0xFFFFFFFF, 28)), "for a byte-order mark", false},
		{"pcap, cut in a header", pcap(1, 2, 3), "ends in the middle of a record's header", true},
		{"pcap, cut in a packet", pcap(0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 1), "ends in the middle of a packet of 9 bytes", true},
		{"pcap, a packet of 4 GB", pcap(0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 9, 0, 0, 0, 1), "a record claims 4294967295 bytes", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(c.input))
			if err != nil {
				t.Fatal(err)
			}
			list, err := all(t, r)
			var f *FormatError
			if !errors.As(err, &f) || f.Cut != c.cut || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (cut %v), want %q (cut %v)", err, f != nil && f.Cut, c.says, c.cut)
			}
			if len(list) != 1 || list[0].data != "good" {
				t.Errorf("packets before: %+v", list)
			}
		})
	}
}

func TestNotCapture(t *testing.T) {
	for input, says := range map[string]string{
		"":                         "it is empty",
		"abc":                      "only 3 bytes",
		"#!/bin/sh\n":              "neither pcap nor pcapng",
		"\x1f\x8b\x08\x00":         "it begins as gzip does, but",
		"\x28\xb5\x2f\xfd":         "it is cut before its first packet (compressed by zstd)",
		"BZh9":                     "compressed by bzip2: decompress it first",
		"\xd4\xc3\xb2\xa1\x02\x00": "its header of 24 bytes is cut after 6",
		"\x0a\x0d\x0d\x0a\x1c\x00": "its section header is broken",
		"\xd4\xc3\xb2\xa1\x09\x00\x00\x00" + strings.Repeat("\x00", 16): "version 9.0 of pcap",
	} {
		_, err := NewReader(strings.NewReader(input))
		if !errors.Is(err, ErrNotCapture) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", input, err, says)
		}
	}
	boom := errors.New("boom")
	if _, err := NewReader(iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Errorf("a failing source: %v", err)
	}
}

// What pcapgo writes and reads is what this reader reads.
func TestAgainstPcapgo(t *testing.T) {
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		data := bytes.Repeat([]byte{byte(i)}, i%1600)
		ci := gopacket.CaptureInfo{CaptureLength: len(data), Length: len(data) + i%3, InterfaceIndex: 0}
		ci.Timestamp = ci.Timestamp.AddDate(2000, 0, i)
		if err := w.WritePacket(ci, data); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	theirs, err := pcapgo.NewNgReader(bytes.NewReader(b.Bytes()), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := NewReader(iotest.HalfReader(bytes.NewReader(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	for i := 0; ; i++ {
		data, ci, err := theirs.ReadPacketData()
		if mine := ours.Next(&p); (err == io.EOF) != (mine == io.EOF) {
			t.Fatalf("packet %d: %v and %v", i, err, mine)
		}
		if err == io.EOF {
			if i != 3000 {
				t.Errorf("%d packets", i)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, p.Data) || ci.Length != p.Length || ci.Timestamp.UnixNano() != p.Time {
			t.Fatalf("packet %d differs: %v %d", i, ci, p.Time)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(sections(binary.LittleEndian).Bytes())
	f.Add(sections(binary.BigEndian).Bytes())
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + strings.Repeat("\x00", 40)))
	f.Fuzz(func(t *testing.T, input []byte) {
		read := func(src io.Reader) (list []got, end error) {
			r, err := NewReader(src)
			if err != nil {
				return nil, err
			}
			list, end = all(t, r)
			if len(r.buf) > 2*(MaxPacket+4096) {
				t.Errorf("a buffer of %d bytes", len(r.buf))
			}
			return list, end
		}
		a, errA := read(bytes.NewReader(input))
		b, errB := read(iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(input))))
		if len(a) != len(b) || errA.Error() != errB.Error() {
			t.Fatalf("reads cut elsewhere: %d packets and %v, then %d and %v", len(a), errA, len(b), errB)
		}
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("packet %d: %+v and %+v", i, a[i], b[i])
			}
			if a[i].length < len(a[i].data) {
				t.Fatalf("packet %d is longer than it was on the wire", i)
			}
		}
	})
}
