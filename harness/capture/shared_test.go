package capture_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// Several captures of one interface, and of both ends of a link, start and stop
// as they like: none has a marker of another, and each is whole.
func TestParallelCaptures(t *testing.T) {
	h1, s1 := pair(t)
	far := sender(t, s1, "s1-eth1")
	near := sender(t, h1, "h1-eth0")
	const captures, n = 6, 500
	bufs := make([]bytes.Buffer, captures)
	list := make([]*capture.Capture, captures)
	for i := range list {
		if i%2 == 0 {
			list[i] = start(t, h1, "h1-eth0", &bufs[i], capture.Options{RingBytes: 32 << 20, Far: []*capture.Sender{far}})
		} else {
			list[i] = start(t, s1, "s1-eth1", &bufs[i], capture.Options{RingBytes: 32 << 20, Far: []*capture.Sender{near}})
		}
	}
	out := h1.raw(t, "h1-eth0")
	for i := range uint32(n) {
		out.send(t, i, 200)
	}
	var wg sync.WaitGroup
	for i, c := range list {
		for range 2 { // Stop twice at once
			wg.Go(func() {
				s, err := c.Stop(context.Background())
				if err != nil || !s.Complete || s.Packets != n {
					t.Errorf("capture %d: %+v, %v", i, s, err)
				}
			})
		}
	}
	wg.Wait()
	for i := range bufs {
		frames(t, parse(t, bufs[i].Bytes()), 0, []uint32{outbound, inbound}[i%2], n)
	}
}

// Two captures write one file, each as an interface of its own.
func TestStartTo(t *testing.T) {
	h1, s1 := pair(t)
	var buf bytes.Buffer
	w, err := pcapng.NewWriter(&buf, pcapng.Section{Comment: "both ends"})
	if err != nil {
		t.Fatal(err)
	}
	var a, b *capture.Capture
	h1.do(func() { a, err = capture.StartTo("h1-eth0", w, capture.Options{RingBytes: 32 << 20}) })
	if err != nil {
		t.Fatal(err)
	}
	s1.do(func() {
		b, err = capture.StartTo("s1-eth1", w, capture.Options{RingBytes: 32 << 20, Far: []*capture.Sender{sender(t, h1, "h1-eth0")}})
	})
	if err != nil {
		t.Fatal(err)
	}
	out := h1.raw(t, "h1-eth0")
	const n = 2000
	for i := range uint32(n) {
		out.send(t, i, 100)
	}
	for _, c := range []*capture.Capture{b, a} {
		if s := stop(t, c); !s.Complete || s.Packets != n {
			t.Errorf("stats: %+v", s)
		}
	}
	f := parse(t, buf.Bytes())
	frames(t, f, 0, outbound, n)
	frames(t, f, 1, inbound, n)
	if len(f.Statistics) != 2 || string(f.Interfaces[1].Options[2]) != "s1-eth1" {
		t.Errorf("interfaces %v, statistics %v", f.Interfaces, f.Statistics)
	}
}

// The kernel takes the VLAN tag out of a frame that comes in, before the ring
// sees it; in the file it is in its place.
func TestVLAN(t *testing.T) {
	h1, s1 := pair(t)
	var near, far bytes.Buffer
	a := start(t, h1, "h1-eth0", &near, capture.Options{})
	b := start(t, s1, "s1-eth1", &far, capture.Options{Far: []*capture.Sender{sender(t, h1, "h1-eth0")}})
	tagged := testFrame(5, 100)
	tagged = slices.Insert(tagged, 12, 0x81, 0x00, 0x60, 0x07)
	if err := h1.raw(t, "h1-eth0").write(tagged); err != nil {
		t.Fatal(err)
	}
	stop(t, b)
	stop(t, a)
	for _, buf := range []*bytes.Buffer{&near, &far} {
		f := parse(t, buf.Bytes())
		if len(f.Packets) != 1 {
			t.Fatalf("%d packets", len(f.Packets))
		}
		p := f.Packets[0]
		if p.Length != 104 || !bytes.Equal(p.Data, tagged) {
			t.Errorf("length %d, % x", p.Length, p.Data)
		}
	}
}

// A snap length cuts, and the stats say so.
func TestSnapLen(t *testing.T) {
	h1, _ := pair(t)
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{SnapLen: 64})
	h1.raw(t, "h1-eth0").send(t, 0, 1000)
	s := stop(t, c)
	f := parse(t, buf.Bytes())
	if len(f.Packets) != 1 || len(f.Packets[0].Data) != 64 || f.Packets[0].Length != 1000 || f.Interfaces[0].SnapLen != 64 {
		t.Errorf("packets: %+v", f.Packets)
	}
	if s.Complete || s.Truncated != 1 || s.Bytes != 1000 || !strings.Contains(s.Reason, "snap length") {
		t.Errorf("stats: %+v", s)
	}
}

// Wireshark's programs open the file without complaint and show the names.
func TestTshark(t *testing.T) {
	h1, s1 := pair(t)
	harnesstest.Require(t, "tshark")
	h1.ip(t, "addr add 10.0.0.1/8 dev h1-eth0")
	s1.ip(t, "addr add 10.0.0.2/8 dev s1-eth1")
	path := filepath.Join(t.TempDir(), "h1-eth0.pcapng")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var c *capture.Capture
	h1.do(func() {
		c, err = capture.Start("h1-eth0", w, capture.Options{
			Description: "the server's side",
			Comment:     "part e",
			Names: []pcapng.Name{
				{Addr: netip.MustParseAddr("10.0.0.1"), Names: []string{"h1"}},
				{Addr: netip.MustParseAddr("10.0.0.2"), Names: []string{"h2"}},
			},
			Far: []*capture.Sender{sender(t, s1, "s1-eth1")},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // one after the other: on a busy machine a reply is later than ping's next request
		s1.run(t, "ping -c 1 10.0.0.1")
	}
	if s := stop(t, c); !s.Complete {
		t.Errorf("stats: %+v", s)
	}
	show := func(name string, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(within(t, time.Minute), name, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		for line := range strings.Lines(stderr.String()) {
			if !strings.Contains(line, "Running as user") { // tshark tells root so
				t.Errorf("%s: %s", name, line)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return stdout.String()
	}
	// Frames of ping and of ARP, in the order and the directions in which they passed.
	got := show("tshark", "-n", "-N", "n", "-r", path, "-Y", "icmp", "-T", "fields",
		"-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "icmp.type", "-e", "ip.src_host")
	request, reply := "h1-eth0\t0x00000001\t8\th2\n", "h1-eth0\t0x00000002\t0\th1\n"
	if want := strings.Repeat(request+reply, 3); got != want {
		t.Errorf("tshark:\n%swant:\n%s", got, want)
	}
	if got := show("tshark", "-r", path, "-Y", "eth.type == 0x88b5"); got != "" {
		t.Errorf("markers: %s", got)
	}
	got = show("capinfos", path)
	for _, want := range []string{"nanoseconds (9)", "wireproof", "part e", "h1-eth0", "the server's side", "Ethernet", "Interface #0"} {
		if !strings.Contains(got, want) {
			t.Errorf("capinfos: no %q in:\n%s", want, got)
		}
	}
}

// Nothing is left after Stop, nor after a Start that fails: no goroutine, no
// descriptor, no mapping.
func TestNothingLeft(t *testing.T) {
	h1, s1 := pair(t)
	ignore := goleak.IgnoreCurrent()
	count := func() (fds, maps int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), bytes.Count(b, []byte("socket:["))
	}
	fds, maps := count()
	for range 3 {
		far := sender(t, s1, "s1-eth1")
		c := start(t, h1, "h1-eth0", new(bytes.Buffer), capture.Options{Far: []*capture.Sender{far}})
		if _, n := count(); n != maps+1 {
			t.Errorf("%d rings mapped: the count is blind", n)
		}
		stop(t, c)
		far.Close()
		var err error
		h1.do(func() { _, err = capture.Start("h1-eth0", &failing{after: 1}, capture.Options{}) })
		if err == nil {
			t.Error("no error")
		}
	}
	if f, m := count(); f != fds || m != maps {
		t.Errorf("%d descriptors, %d mappings; before: %d, %d", f, m, fds, maps)
	}
	goleak.VerifyNone(t, ignore)
}
