package page

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// nasty is a name that a page must show and not obey.
const nasty = `<script>document.title="owned"</script><img src=x onerror=alert(1)>"'.txt`

// A fixture is a folder as a run keeps it, made by hand.
type fixture struct {
	t   testing.TB
	dir string
	r   result
	f   *os.File
	out *bufio.Writer // to f
	w   *pcapgo.Writer
	now time.Time
	n   uint64
	id  uint16
}

func newFixture(t testing.TB, dir string, tree topo.Topo) *fixture {
	f := &fixture{t: t, dir: dir, now: time.Unix(1_700_000_000, 0).UTC()}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.f, err = os.Create(filepath.Join(dir, "h1-eth0.pcap")); err != nil {
		t.Fatal(err)
	}
	f.out = bufio.NewWriterSize(f.f, 1<<16)
	f.w = pcapgo.NewWriterNanos(f.out)
	if err := f.w.WriteFileHeader(1<<17, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	f.r = result{
		Part: "e", Variant: "all", Title: "a network made for a test", Topology: tree.Name, Loops: tree.Loops.String(), Backend: "netns", Dialect: "stream",
		ServerModel: "thread", ClientMode: "persistent", Verdict: flow.Pass, Hosts: map[string]string{}, TCP: map[string]string{"congestion": "cubic"},
		Captures: []capture{{Host: "h1", Interface: "h1-eth0", Path: "elsewhere/h1-eth0.pcap"}},
		Checks:   []flow.Check{{Name: "capture", Verdict: flow.Pass, Detail: "all whole"}, {Name: "wire", Verdict: flow.Pass, Detail: nasty + " is there"}},
	}
	f.r.Seconds.Run = 2
	for _, h := range tree.Hosts {
		addr, _ := tree.HostAddr(h.Name)
		f.r.Hosts[h.Name] = addr.String()
	}
	for i, l := range tree.Links {
		n := link{A: l.A, B: l.B, EngineA: "htb", EngineB: "htb", Asked: l.AB, Sent: counters{Packets: 1000, Bytes: uint64(i) * 1e6, Lost: 3}, SentBA: counters{Packets: 900, Bytes: 70_000}}
		if !l.BA.Equal(l.AB) {
			n.AskedBA = &l.BA
		}
		f.r.Links = append(f.r.Links, n)
	}
	return f
}

func (f *fixture) segment(toServer bool, client string, port int, seq, ack uint32, flags, data string) {
	f.t.Helper()
	f.n++
	f.id++
	ip := layers.IPv4{Version: 4, TTL: 64, Id: f.id, Protocol: layers.IPProtocolTCP, SrcIP: net.ParseIP(f.r.Hosts["h1"]), DstIP: net.ParseIP(f.r.Hosts[client])}
	tcp := layers.TCP{SrcPort: 80, DstPort: layers.TCPPort(port), Seq: seq, Ack: ack, Window: 1000}
	if toServer {
		ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		tcp.SrcPort, tcp.DstPort = tcp.DstPort, tcp.SrcPort
	}
	tcp.SYN, tcp.ACK, tcp.FIN = strings.Contains(flags, "S"), strings.Contains(flags, "A"), strings.Contains(flags, "F")
	if err := tcp.SetNetworkLayerForChecksum(&ip); err != nil {
		f.t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	eth := layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4}
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &eth, &ip, &tcp, gopacket.Payload(data)); err != nil {
		f.t.Fatal(err)
	}
	if err := f.w.WritePacket(gopacket.CaptureInfo{Timestamp: f.now, CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}, b.Bytes()); err != nil {
		f.t.Fatal(err)
	}
	f.now = f.now.Add(300 * time.Microsecond)
}

// connect has a client fetch files of so many segments over one connection. Every hundredth segment is sent twice.
func (f *fixture) connect(client string, port int, names []string, segments int) {
	const isn = 5000
	first := f.now
	c := connection{
		Client: fmt.Sprintf("%s:%d", f.r.Hosts[client], port), Server: f.r.Hosts["h1"] + ":80", ServerISN: isn,
		Handshake: flow.HandshakeComplete, ClosedBy: flow.ClosedFIN, First: first,
	}
	f.segment(true, client, port, 999, 0, "S", "")
	f.segment(false, client, port, isn, 1000, "SA", "")
	f.segment(true, client, port, 1000, isn+1, "A", "")
	up, down := uint32(1000), uint32(isn+1)
	data := strings.Repeat("x", 1448)
	for _, name := range names {
		request := "GET 0 " + name + "\n"
		f.segment(true, client, port, up, down, "A", request)
		up += uint32(len(request))
		found := flow.Found{Name: name, Direction: flow.ToClient, Offset: int64(down - isn - 1), Size: int64(segments * len(data)), Packet: f.n + 1, Time: f.now}
		for i := range segments {
			f.segment(false, client, port, down, up, "A", data)
			if i%100 == 99 {
				f.now = f.now.Add(5 * time.Millisecond)
				f.segment(false, client, port, down, up, "A", data)
				c.Retransmissions++
			}
			down += uint32(len(data))
			if i%2 == 1 {
				f.segment(true, client, port, up, down, "A", "")
			}
		}
		found.LastPacket, found.LastTime = f.n, f.now
		c.Files, c.Found = append(c.Files, name), append(c.Found, found)
	}
	f.segment(true, client, port, up, down, "FA", "")
	f.segment(false, client, port, down, up+1, "FA", "")
	c.BytesToClient, c.Last, c.Segments = uint64(down-isn-1), f.now, f.n
	f.r.Connections = append(f.r.Connections, c)
	told := transfer{Client: c.Client}
	told.Files = slices.Grow(told.Files, len(c.Found))[:len(c.Found)]
	for i, found := range c.Found {
		file := &told.Files[i]
		file.Name, file.Bytes, file.Seconds, file.SHA256 = found.Name, found.Size, found.LastTime.Sub(found.Time).Seconds(), strings.Repeat("ab", 32)
	}
	f.r.Transfers = append(f.r.Transfers, told)
}

// keep writes the folder and its page, and returns the page.
func (f *fixture) keep() string {
	f.t.Helper()
	if err := errors.Join(f.out.Flush(), f.f.Close()); err != nil {
		f.t.Fatal(err)
	}
	b, err := json.Marshal(f.r)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "report.json"), b, 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := Make(f.t.Context(), f.dir); err != nil {
		f.t.Fatal(err)
	}
	return filepath.Join(f.dir, Name)
}

// small is a run of three clients and a server that sends a file with a nasty name.
func small(t testing.TB, dir string) string {
	f := newFixture(t, dir, topo.Single(4))
	f.connect("h2", 40002, []string{"a.txt", nasty}, 250)
	f.connect("h3", 40003, []string{"a.txt"}, 30)
	f.connect("h4", 40004, []string{"b.txt"}, 120)
	return f.keep()
}
