package frames

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// made are frames of every kind: TCP with each flag, options and padding, UDP, fragments, ARP, and pure noise.
func made(t *testing.T, random *rand.Rand, n int) [][]byte {
	t.Helper()
	var all [][]byte
	add := func(l ...gopacket.SerializableLayer) {
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, l...); err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Clone(b.Bytes()))
	}
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for i := range n {
		eth := &layers.Ethernet{SrcMAC: noise(6), DstMAC: noise(6), EthernetType: layers.EthernetTypeIPv4}
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP(noise(4)), DstIP: net.IP(noise(4))}
		flags := random.Uint32()
		tcp := &layers.TCP{
			SrcPort: layers.TCPPort(random.Uint32()), DstPort: layers.TCPPort(random.Uint32()), Seq: random.Uint32(), Ack: random.Uint32(),
			SYN: flags&1 != 0, FIN: flags&2 != 0, RST: flags&4 != 0, ACK: flags&8 != 0, PSH: flags&16 != 0,
		}
		if flags&32 != 0 {
			tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: noise(2)}}
		}
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		data := gopacket.Payload(noise(random.IntN(1400)))
		switch i % 6 {
		case 0, 1:
			add(eth, ip, tcp, data)
		case 2:
			add(eth, ip, tcp) // padded to 60 bytes by whoever sends it
			all[len(all)-1] = append(all[len(all)-1], make([]byte, 6)...)
		case 3:
			ip.Protocol = layers.IPProtocolUDP
			udp := &layers.UDP{SrcPort: 53}
			if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
				t.Fatal(err)
			}
			add(eth, ip, udp, data)
		case 4:
			eth.EthernetType = layers.EthernetTypeARP
			add(eth, &layers.ARP{
				AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
				Operation: uint16(1 + random.IntN(2)), SourceHwAddress: noise(6), SourceProtAddress: noise(4), DstHwAddress: noise(6), DstProtAddress: noise(4),
			})
		case 5:
			ip.FragOffset = uint16(1 + random.IntN(100))
			add(eth, ip, gopacket.Payload(noise(random.IntN(100))))
		}
	}
	return append(all, noise(3), noise(14), noise(80))
}

// written is a capture of two sections, with two interfaces each, made by gopacket.
func written(t *testing.T, all [][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for half := range 2 {
		w, err := pcapgo.NewNgWriterInterface(&out, pcapgo.NgInterface{Name: "h1-eth0", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}, pcapgo.DefaultNgWriterOptions)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.AddInterface(pcapgo.NgInterface{Name: []string{"h2-eth0", "h3-eth0"}[half], LinkType: layers.LinkTypeEthernet, TimestampResolution: 6})
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range all[half*len(all)/2 : (half+1)*len(all)/2] {
			info := gopacket.CaptureInfo{Timestamp: time.Unix(1_700_000_000, int64(i)*1_000_001), CaptureLength: len(b), Length: len(b) + i%3, InterfaceIndex: i % 2 * second}
			if err := w.WritePacket(info, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// Everything read here is what gopacket reads: frames, times, lengths, interfaces, segments and requests.
func TestReadsAsGopacketDoes(t *testing.T) {
	const seed = 1
	capture := written(t, made(t, rand.New(rand.NewPCG(seed, seed)), 600))
	reader, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	segments, requests, n := 0, 0, 0
	for f, err := range Read(bytes.NewReader(capture)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		want, info, err := reader.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		i, err := reader.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Data, want) || !f.Time.Equal(info.Timestamp) || f.Length != info.Length || f.Name != i.Name || f.Interface != info.InterfaceIndex {
			t.Fatalf("frame %d: %+v, gopacket has %+v of %s", n, f, info, i.Name)
		}
		p := gopacket.NewPacket(want, layers.LayerTypeEthernet, gopacket.Default)
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		tcp, isTCP := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		s, ok := f.TCP()
		if ok != isTCP {
			t.Fatalf("frame %d: TCP %v, gopacket says %v", n, ok, isTCP)
		}
		if ok {
			segments++
			if s.Source.Addr().String() != ip.SrcIP.String() || s.Destination.Addr().String() != ip.DstIP.String() ||
				s.Source.Port() != uint16(tcp.SrcPort) || s.Destination.Port() != uint16(tcp.DstPort) || s.Seq != tcp.Seq || s.Ack != tcp.Ack ||
				s.SYN != tcp.SYN || s.FIN != tcp.FIN || s.RST != tcp.RST || s.ACK != tcp.ACK || !bytes.Equal(s.Data, tcp.Payload) {
				t.Fatalf("frame %d: %+v, gopacket has %+v", n, s, tcp)
			}
		}
		arp, isARP := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		a, ok := f.ARPRequest()
		if ok != (isARP && arp.Operation == layers.ARPRequest) {
			t.Fatalf("frame %d: a request %v, gopacket has %+v", n, ok, arp)
		}
		if ok {
			requests++
			if !bytes.Equal(a.Hardware[:], arp.SourceHwAddress) || !bytes.Equal(a.Sender.AsSlice(), arp.SourceProtAddress) || !bytes.Equal(a.Target.AsSlice(), arp.DstProtAddress) {
				t.Fatalf("frame %d: %+v, gopacket has %+v", n, a, arp)
			}
		}
	}
	if _, _, err := reader.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("gopacket reads on after %d frames: %v", n, err)
	}
	if segments < 300 || requests < 20 {
		t.Errorf("%d segments and %d requests of %d frames: too few to show anything", segments, requests, n)
	}
}

// A file that ends in the midst of a block is no shorter capture, wherever it ends; and between two blocks it is one.
func TestACutFileIsAnError(t *testing.T) {
	capture := written(t, made(t, rand.New(rand.NewPCG(2, 2)), 4))
	ends := map[int]bool{0: true}
	for at := 0; at < len(capture); {
		at += int(uint32(capture[at+4]) | uint32(capture[at+5])<<8)
		ends[at] = true
	}
	for n := range capture {
		var last error
		for _, err := range Read(bytes.NewReader(capture[:n])) {
			last = err
		}
		if cut := errors.Is(last, io.ErrUnexpectedEOF); cut == ends[n] {
			t.Fatalf("%d of %d bytes: %v", n, len(capture), last)
		}
	}
}

// What is no capture, or says what cannot be, is an error and never a panic.
func TestNonsenseIsAnError(t *testing.T) {
	capture := written(t, made(t, rand.New(rand.NewPCG(3, 3)), 6))
	for what, b := range map[string][]byte{
		"text":             []byte(strings.Repeat("no capture at all ", 10)),
		"no section":       capture[28:],
		"length":           append(bytes.Clone(capture), 6, 0, 0, 0, 13, 0, 0, 0),
		"huge":             append(bytes.Clone(capture), 6, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff),
		"no byte order":    append(bytes.Clone(capture), 0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4),
		"other end":        append(bytes.Clone(capture), 9, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0),
		"short packet":     append(bytes.Clone(capture), 6, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0),
		"unknown":          append(bytes.Clone(capture), append([]byte{6, 0, 0, 0, 32, 0, 0, 0, 9}, append(make([]byte, 19), 32, 0, 0, 0)...)...),
		"longer than told": append(bytes.Clone(capture), append([]byte{6, 0, 0, 0, 32, 0, 0, 0}, append(append(make([]byte, 12), 9), append(make([]byte, 7), 32, 0, 0, 0)...)...)...),
	} {
		var last error
		for _, err := range Read(bytes.NewReader(b)) {
			last = err
		}
		if last == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 28, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for frame, err := range Read(bytes.NewReader(b)) {
			if err != nil {
				break
			}
			s, _ := frame.TCP()
			frame.ARPRequest()
			if total += len(frame.Data); len(s.Data) > len(frame.Data) || total > len(b) {
				t.Fatal("more was read than there is")
			}
		}
	})
}
