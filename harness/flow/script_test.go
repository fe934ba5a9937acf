package flow

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// script writes a capture packet by packet: connections that say what the test
// wants them to say. Frames are made by gopacket, not by the code under test.
type script struct {
	t       testing.TB
	packets []packet
	now     int64
	drops   uint64
	id      uint16
	names   []string // of interfaces; default one, h1-eth0
	cut     int      // bytes of the file left away at its end
}

type packet struct {
	time  int64
	data  []byte
	size  int
	iface int
	tag   string
}

const day = 1_700_000_000_000_000_000

func newScript(t testing.TB) *script { return &script{t: t, now: day, names: []string{"h1-eth0"}} }

// talk is a scripted connection. cSeq and sSeq are the next sequence numbers.
type talk struct {
	s              *script
	client, server netip.AddrPort
	cSeq, sSeq     uint32
	mss            int
	window         uint16
}

func (s *script) talk(client, server string, cISN, sISN uint32) *talk {
	return &talk{s, netip.MustParseAddrPort(client), netip.MustParseAddrPort(server), cISN, sISN, 1460, 64240}
}

type flags string // of S F R P A

// raw sends one segment.
func (k *talk) raw(fromServer bool, f flags, seq, ack uint32, payload []byte) {
	k.s.now += 100_000
	src, dst := k.client, k.server
	if fromServer {
		src, dst = dst, src
	}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), Seq: seq, Window: k.window}
	for _, c := range f {
		switch c {
		case 'S':
			tcp.SYN = true
		case 'F':
			tcp.FIN = true
		case 'R':
			tcp.RST = true
		case 'P':
			tcp.PSH = true
		case 'A':
			tcp.ACK, tcp.Ack = true, ack
		}
	}
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	buf := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	var err error
	if src.Addr().Is4() {
		k.s.id++
		ip := &layers.IPv4{Version: 4, TTL: 64, Id: k.s.id, Protocol: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		tcp.SetNetworkLayerForChecksum(ip)
		err = gopacket.SerializeLayers(buf, o, eth, ip, tcp, gopacket.Payload(payload))
	} else {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		tcp.SetNetworkLayerForChecksum(ip)
		err = gopacket.SerializeLayers(buf, o, eth, ip, tcp, gopacket.Payload(payload))
	}
	if err != nil {
		k.s.t.Fatal(err)
	}
	data := bytes.Clone(buf.Bytes())
	k.s.packets = append(k.s.packets, packet{time: k.s.now, data: data, size: len(data)})
}

func (k *talk) open() *talk {
	k.syn()
	k.synAck()
	k.ackClient()
	return k
}

func (k *talk) syn()    { k.raw(false, "S", k.cSeq, 0, nil); k.cSeq++ }
func (k *talk) synAck() { k.raw(true, "SA", k.sSeq, k.cSeq, nil); k.sSeq++ }

func (k *talk) ackClient() { k.raw(false, "A", k.cSeq, k.sSeq, nil) }
func (k *talk) ackServer() { k.raw(true, "A", k.sSeq, k.cSeq, nil) }

// say sends data in segments, each acknowledged.
func (k *talk) say(fromServer bool, data []byte) *talk {
	for len(data) > 0 {
		n := min(k.mss, len(data))
		if fromServer {
			k.raw(true, "PA", k.sSeq, k.cSeq, data[:n])
			k.sSeq += uint32(n)
			k.ackClient()
		} else {
			k.raw(false, "PA", k.cSeq, k.sSeq, data[:n])
			k.cSeq += uint32(n)
			k.ackServer()
		}
		data = data[n:]
	}
	return k
}

// serve is a request and its answer in the shape of the stream dialect.
func (k *talk) serve(name string, content []byte) *talk {
	k.say(false, fmt.Appendf(nil, "GET 0 %s\n", name))
	k.say(true, fmt.Appendf(nil, "OK 0 %d %s\n", len(content), name))
	k.say(true, content)
	return k.say(true, []byte("SHA256 0123456789abcdef\n"))
}

func (k *talk) close() *talk {
	k.raw(false, "FA", k.cSeq, k.sSeq, nil)
	k.cSeq++
	k.raw(true, "FA", k.sSeq, k.cSeq, nil)
	k.sSeq++
	k.ackClient()
	return k
}

// last returns the packet n from the end, 0 the last.
func (s *script) last(n int) *packet { return &s.packets[len(s.packets)-1-n] }

// remove takes packet i out.
func (s *script) remove(i int) packet {
	p := s.packets[i]
	s.packets = append(s.packets[:i:i], s.packets[i+1:]...)
	return p
}

// insert puts packets in before packet i.
func (s *script) insert(i int, p ...packet) {
	s.packets = append(s.packets[:i:i], append(p, s.packets[i:]...)...)
}

// data returns the indices of packets with at least n bytes of TCP data.
func (s *script) data(n int) []int {
	var list []int
	for i, p := range s.packets {
		if len(p.data) >= 54+n {
			list = append(list, i)
		}
	}
	return list
}

// pcapng writes the capture with nanoseconds and interface statistics.
func (s *script) pcapng() []byte {
	var b bytes.Buffer
	block := func(kind uint32, body []byte) {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(len(body) + 12)
		b.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, kind), n))
		b.Write(body)
		b.Write(binary.LittleEndian.AppendUint32(nil, n))
	}
	option := func(o []byte, code uint16, v []byte) []byte {
		o = binary.LittleEndian.AppendUint16(o, code)
		o = binary.LittleEndian.AppendUint16(o, uint16(len(v)))
		o = append(o, v...)
		for len(o)%4 != 0 {
			o = append(o, 0)
		}
		return o
	}
	block(0x0A0D0D0A, []byte{0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	for _, name := range s.names {
		idb := []byte{1, 0, 0, 0, 0, 0, 4, 0}
		idb = option(idb, 2, []byte(name))
		idb = option(idb, 9, []byte{9})
		block(1, option(idb, 0, nil))
	}
	for _, p := range s.packets {
		body := binary.LittleEndian.AppendUint32(nil, uint32(p.iface))
		body = binary.LittleEndian.AppendUint32(body, uint32(p.time>>32))
		body = binary.LittleEndian.AppendUint32(body, uint32(p.time))
		body = binary.LittleEndian.AppendUint32(body, uint32(len(p.data)))
		body = binary.LittleEndian.AppendUint32(body, uint32(p.size))
		block(6, append(body, p.data...))
	}
	for i := range s.names {
		isb := binary.LittleEndian.AppendUint32(nil, uint32(i))
		isb = append(isb, make([]byte, 8)...)
		drops := s.drops
		if i > 0 {
			drops = 0
		}
		isb = option(isb, 5, binary.LittleEndian.AppendUint64(nil, drops))
		block(5, option(isb, 0, nil))
	}
	return b.Bytes()[:b.Len()-s.cut]
}

// pcap writes the classic format.
func (s *script) pcap(order binary.ByteOrder, nano bool, link uint32) []byte {
	var b bytes.Buffer
	put := func(v uint32) { var w [4]byte; order.PutUint32(w[:], v); b.Write(w[:]) }
	magic, unit := uint32(0xA1B2C3D4), int64(1000)
	if nano {
		magic, unit = 0xA1B23C4D, 1
	}
	put(magic)
	var v [4]byte
	order.PutUint16(v[:], 2)
	order.PutUint16(v[2:], 4)
	b.Write(v[:])
	put(0)
	put(0)
	put(262144)
	put(link)
	for _, p := range s.packets {
		put(uint32(p.time / 1e9))
		put(uint32(p.time % 1e9 / unit))
		put(uint32(len(p.data)))
		put(uint32(p.size))
		b.Write(p.data)
	}
	return b.Bytes()[:b.Len()-s.cut]
}

// text makes n bytes like English, the same for the same seed.
func text(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"the", "wire", "and", "tells", "what", "it", "carried", "bytes", "segment", "of", "a", "novel", "sent", "EOF", "stream"}
	var b []byte
	for len(b) < n {
		b = append(b, words[r.IntN(len(words))]...)
		b = append(b, " ,.\n"[r.IntN(4)])
		if r.IntN(8) == 0 {
			b = fmt.Appendf(b, "%d", r.Uint32())
		}
	}
	return b[:n]
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func fileOf(name string, content []byte) File {
	return File{Name: name, Size: int64(len(content)), Open: func() (ReaderAtCloser, error) { return memory{bytes.NewReader(content)}, nil }}
}

func analyze(t testing.TB, capture []byte, files ...File) *Analysis {
	t.Helper()
	return analyzeWith(t, bytes.NewReader(capture), Options{Files: files})
}

func analyzeWith(t testing.TB, r io.Reader, o Options) *Analysis {
	t.Helper()
	a, err := Analyze(context.Background(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
