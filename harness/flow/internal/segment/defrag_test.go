package segment

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/gopacket"
)

// pieces cuts an IP packet into fragments of at most size bytes of its data, a multiple of 8.
func pieces(b []byte, size int, id uint32) [][]byte {
	var list [][]byte
	if b[0]>>4 == 4 {
		data := b[20:]
		for at := 0; at < len(data); at += size {
			end := min(at+size, len(data))
			f := append(bytes.Clone(b[:20]), data[at:end]...)
			binary.BigEndian.PutUint16(f[2:], uint16(len(f)))
			word := uint16(at / 8)
			if end < len(data) {
				word |= 0x2000
			}
			binary.BigEndian.PutUint16(f[6:], word)
			list = append(list, f)
		}
		return list
	}
	data := b[40:]
	for at := 0; at < len(data); at += size {
		end := min(at+size, len(data))
		word := uint16(at)
		if end < len(data) {
			word |= 1
		}
		head := append([]byte{b[6], 0}, byte(word>>8), byte(word))
		head = binary.BigEndian.AppendUint32(head, id)
		f := append(bytes.Clone(b[:40]), append(head, data[at:end]...)...)
		f[6] = 44
		binary.BigEndian.PutUint16(f[4:], uint16(len(f)-40))
		list = append(list, f)
	}
	return list
}

func add(t testing.TB, d *Defragmenter, f []byte, now int64, s *Segment) bool {
	t.Helper()
	if status := Decode(LinkRaw, f, len(f), s); status != Fragment {
		t.Fatalf("status %d, want Fragment", status)
	}
	status, ok := d.Add(s.Piece, 0, now, s)
	if ok && status != OK {
		t.Fatalf("put together: status %d", status)
	}
	return ok
}

// In whatever order fragments come, and however often, the segment is put together once, with a good checksum.
func TestDefragment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	payload := gopacket.Payload(bytes.Repeat([]byte("what was cut is one again. "), 100))
	i4, i6 := ipv4(), ipv6()
	for name, whole := range map[string][]byte{"IPv4": build(t, i4, tcpOver(i4), payload), "IPv6": build(t, i6, tcpOver(i6), payload)} {
		for round := range 50 {
			list := pieces(whole, 8*(1+r.IntN(150)), 7)
			list = append(list, list[:r.IntN(len(list))]...)
			r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
			var d Defragmenter
			var s Segment
			n := 0
			for _, f := range list {
				if add(t, &d, f, 5, &s) {
					n++
					if !bytes.Equal(s.Payload, payload) || s.Sum != SumGood || s.SrcPort != 12345 || s.Length != len(payload) {
						t.Fatalf("%s: %d of %d bytes, checksum %d", name, len(s.Payload), len(payload), s.Sum)
					}
				}
			}
			if d.Flush(); n != 1 || d.Lost != 0 {
				t.Fatalf("%s, round %d: put together %d times, %d fragments lost", name, round, n, d.Lost)
			}
		}
	}
}

// What is not a packet is none: a fragment that is absent, one that disagrees, one that is cut, one too late.
func TestDefragmentLost(t *testing.T) {
	i4 := ipv4()
	whole := build(t, i4, tcpOver(i4), gopacket.Payload(bytes.Repeat([]byte("0123456789"), 100)))
	list := pieces(whole, 256, 0)
	wrong := bytes.Clone(list[1])
	wrong[100] ^= 1
	short := list[2][:60]
	longer := append(bytes.Clone(list[3]), make([]byte, 8)...)
	binary.BigEndian.PutUint16(longer[2:], uint16(len(longer)))
	for name, c := range map[string]struct {
		in   [][]byte
		gap  int64
		lost uint64
	}{
		"absent":       {slices.Delete(slices.Clone(list), 1, 2), 1, uint64(len(list) - 1)},
		"disagrees":    {append([][]byte{list[1], wrong}, list...), 1, uint64(len(list) + 2)},
		"two ends":     {append([][]byte{list[3], longer}, list...), 1, uint64(len(list) + 2)},
		"cut":          {[][]byte{list[0], list[1], short, list[3]}, 1, 4},
		"half too old": {list, 11e9, uint64(len(list))},
	} {
		var d Defragmenter
		var s Segment
		for i, f := range c.in {
			length := len(f)
			if name == "cut" && i == 2 {
				length = len(list[2])
			}
			if Decode(LinkRaw, f, length, &s) != Fragment {
				t.Fatalf("%s: fragment %d", name, i)
			}
			if _, ok := d.Add(s.Piece, 0, int64(i)*c.gap, &s); ok {
				t.Errorf("%s: put together", name)
			}
		}
		if d.Flush(); d.Lost != c.lost {
			t.Errorf("%s: %d lost, want %d", name, d.Lost, c.lost)
		}
	}
}

// Whatever comes, no more is held than the bound.
func TestDefragmenterIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var d Defragmenter
	var s Segment
	data := make([]byte, 1480)
	for i := range 100_000 {
		f := Piece{ID: r.Uint32N(5000), Next: protoTCP, Offset: r.IntN(8000) * 8, More: r.IntN(50) > 0, Data: data, Length: len(data)}
		d.Add(&f, 0, int64(i), &s)
		if d.bytes > maxBuffered+2*maxPacket || len(d.packets) > maxPackets+1 {
			t.Fatalf("%d bytes, %d packets", d.bytes, len(d.packets))
		}
	}
	if d.Flush(); d.bytes != 0 || d.Lost != 100_000 {
		t.Errorf("%d bytes left, %d lost", d.bytes, d.Lost)
	}
}

// Nothing that fuzzing makes of fragments panics, or is put together without its bytes.
func FuzzDefragment(f *testing.F) {
	i4, i6 := ipv4(), ipv6()
	for _, whole := range [][]byte{build(f, i4, tcpOver(i4), gopacket.Payload("some data, cut")), build(f, i6, tcpOver(i6), gopacket.Payload("some data, cut"))} {
		var all []byte
		for _, p := range pieces(whole, 16, 1) {
			all = append(append(all, byte(len(p))), p...)
		}
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, all []byte) {
		var d Defragmenter
		var s Segment
		for n := int64(0); len(all) > 0; n++ {
			size := min(int(all[0]), len(all)-1)
			b := all[1 : 1+size]
			all = all[1+size:]
			if Decode(LinkRaw, b, len(b), &s) == Fragment {
				if status, ok := d.Add(s.Piece, 0, n, &s); ok && status == OK && len(s.Payload) != s.Length {
					t.Errorf("%d of %d bytes", len(s.Payload), s.Length)
				}
			}
		}
		d.Flush()
	})
}
