package impair

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

// frame describes a made frame; the zero value is an empty TCP segment over IPv4.
type frame struct {
	vlan       int
	src, dst   string
	proto      uint8
	sport      uint16
	dport      uint16
	flags      uint8
	payload    int
	options    int // words of TCP options
	fragment   uint16
	extensions []byte // types of IPv6 extension headers
	pad        int
}

func (f frame) bytes() []byte {
	if f.proto == 0 {
		f.proto = protoTCP
	}
	if f.src == "" {
		f.src, f.dst = "10.0.0.1", "10.0.0.2"
	}
	var t []byte
	switch f.proto {
	case protoTCP:
		t = make([]byte, 20+4*f.options)
		t[12], t[13] = byte(5+f.options)<<4, f.flags
	case protoUDP:
		t = make([]byte, 8)
	case protoICMP6:
		t = []byte{f.flags, 0, 0, 0}
	}
	if f.proto == protoTCP || f.proto == protoUDP {
		binary.BigEndian.PutUint16(t, f.sport)
		binary.BigEndian.PutUint16(t[2:], f.dport)
	}
	t = append(t, make([]byte, f.payload)...)
	src, dst := netip.MustParseAddr(f.src), netip.MustParseAddr(f.dst)
	b := make([]byte, 12)
	for range f.vlan {
		b = append(b, 0x81, 0, 0, 7)
	}
	if src.Is4() {
		h := make([]byte, 20)
		h[0], h[9] = 0x45, f.proto
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(t)))
		binary.BigEndian.PutUint16(h[6:], f.fragment)
		copy(h[12:], src.AsSlice())
		copy(h[16:], dst.AsSlice())
		b = append(append(b, 0x08, 0x00), h...)
	} else {
		h := make([]byte, 40)
		h[0] = 0x60
		next := append(append([]byte{}, f.extensions...), f.proto)
		h[6] = next[0]
		binary.BigEndian.PutUint16(h[4:], uint16(8*len(f.extensions)+len(t)))
		copy(h[8:], src.AsSlice())
		copy(h[24:], dst.AsSlice())
		for i, kind := range f.extensions {
			e := make([]byte, 8)
			e[0] = next[i+1]
			if kind == 44 {
				binary.BigEndian.PutUint16(e[2:], f.fragment<<3)
			}
			h = append(h, e...)
		}
		b = append(append(b, 0x86, 0xdd), h...)
	}
	b = append(b, t...)
	return append(b, make([]byte, f.pad)...)
}

// feed shows frames to im in turn, as an engine does, and returns the numbers,
// from 1, of those that it drops.
func feed(im *Impairment, frames ...frame) []int {
	var dropped []int
	index := uint64(0)
	for i, f := range frames {
		b := f.bytes()
		p := Packet{Frame: b, Len: len(b), Index: index, IP: Counted(b)}
		if p.IP {
			index++
		}
		if im.Decide(&p).Drop {
			dropped = append(dropped, i+1)
		}
	}
	return dropped
}

func mustNew(t testing.TB, c Config) *Impairment {
	t.Helper()
	im, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func filters(t testing.TB, texts ...string) []topo.Filter {
	t.Helper()
	var all []topo.Filter
	for _, text := range texts {
		f, err := topo.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
