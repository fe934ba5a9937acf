package series

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// A wire is a capture in the making: one client at 10.0.0.2:40000, one server at 10.0.0.1:80, unless the ports are changed.
type wire struct {
	t          testing.TB
	b          bytes.Buffer
	w          *pcapgo.Writer
	now        time.Time
	id         uint16
	port       uint16
	cISN, sISN uint32
	corrupt    bool // the next frame
}

func newWire(t testing.TB) *wire {
	w := &wire{t: t, now: time.Unix(1_700_000_000, 0).UTC(), port: 40000, cISN: 1000, sISN: 5000}
	w.w = pcapgo.NewWriterNanos(&w.b)
	if err := w.w.WriteFileHeader(1<<17, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *wire) after(d time.Duration) *wire { w.now = w.now.Add(d); return w }

// c sends a segment from the client at offsets of its stream and of the server's; flags are letters of SAFR.
func (w *wire) c(flags string, off, ack int, data string) *wire {
	return w.send(true, flags, off, ack, data)
}

// s does for the server.
func (w *wire) s(flags string, off, ack int, data string) *wire {
	return w.send(false, flags, off, ack, data)
}

func (w *wire) send(fromC bool, flags string, off, ack int, data string) *wire {
	w.id++
	ip := layers.IPv4{Version: 4, TTL: 64, Id: w.id, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 2}, DstIP: net.IP{10, 0, 0, 1}}
	tcp := layers.TCP{SrcPort: layers.TCPPort(w.port), DstPort: 80, Seq: w.cISN + 1 + uint32(off), Ack: w.sISN + 1 + uint32(ack), Window: 1000}
	if !fromC {
		ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		tcp.SrcPort, tcp.DstPort = tcp.DstPort, tcp.SrcPort
		tcp.Seq, tcp.Ack = w.sISN+1+uint32(off), w.cISN+1+uint32(ack)
	}
	for _, f := range flags {
		switch f {
		case 'S':
			tcp.SYN = true
			tcp.Seq--
		case 'A':
			tcp.ACK = true
		case 'F':
			tcp.FIN = true
		case 'R':
			tcp.RST = true
		}
	}
	if !tcp.ACK {
		tcp.Ack = 0
	}
	if err := tcp.SetNetworkLayerForChecksum(&ip); err != nil {
		w.t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	eth := layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4}
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &eth, &ip, &tcp, gopacket.Payload(data))
	if err != nil {
		w.t.Fatal(err)
	}
	frame := b.Bytes()
	if w.corrupt {
		frame[len(frame)-1] ^= 1
		w.corrupt = false
	}
	w.frame(frame)
	return w
}

func (w *wire) frame(b []byte) {
	if err := w.w.WritePacket(gopacket.CaptureInfo{Timestamp: w.now, CaptureLength: len(b), Length: len(b)}, b); err != nil {
		w.t.Fatal(err)
	}
}

// open is a handshake of which each step takes step.
func (w *wire) open(step time.Duration) *wire {
	w.c("S", 0, 0, "").after(step).s("SA", 0, 0, "").after(step).c("A", 0, 0, "")
	return w
}

func (w *wire) read(o Options) *Series {
	w.t.Helper()
	s, err := Read(w.t.Context(), bytes.NewReader(w.b.Bytes()), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *wire) one(o Options) Connection {
	w.t.Helper()
	s := w.read(o)
	if len(s.Connections) != 1 {
		w.t.Fatalf("%d connections, want 1", len(s.Connections))
	}
	return s.Connections[0]
}
