package harness_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// A link that gets its first rate while it works is held to it frame by frame, as one that had it from the start; also what
// a connection sends that there was before.
func TestFirstRateBySet(t *testing.T) {
	n := harnesstest.Start(t, cable(topo.LinkParams{}, topo.LinkParams{}), nil)
	l, err := n.Host("h2").Listen(within(t), "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from, err := n.Host("h1").Dial(within(t), "tcp", "h2:80")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	pass := func(size int) {
		t.Helper()
		deadline := time.Now().Add(30 * time.Second)
		errs := make(chan error, 1)
		go func() {
			from.SetDeadline(deadline)
			_, err := from.Write(make([]byte, size))
			errs <- err
		}()
		to.SetDeadline(deadline)
		if _, err := io.CopyN(io.Discard, to, int64(size)); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	pass(1 << 20)
	const rate, bucket = 100 * topo.Mbit, 15 << 10
	if err := n.Link("h1", "h2").Set(&topo.LinkParams{Rate: rate}, nil); err != nil {
		t.Fatal(err)
	}
	out, err := n.Host("h1").Command(within(t), "ip", "-d", "link", "show", "dev", "h1-eth0").Output()
	if err != nil || !strings.Contains(string(out), " gso_max_segs 1 ") {
		t.Errorf("%s%v", out, err)
	}
	pass(64 << 10) // what was handed over before has gone
	if burst := largestBurst(t, n, rate, func() { pass(4 << 20) }); burst > bucket+3*1514 {
		t.Errorf("%d bytes went at once; a bucket of %d and single frames were expected", burst, bucket)
	}
}

// largestBurst is by how many bytes what h1 sends was ahead of the rate at most, while f ran.
func largestBurst(t *testing.T, n *harness.Network, rate topo.BitRate, f func()) int {
	t.Helper()
	var file bytes.Buffer
	c, err := n.Host("h1").Capture(within(t), "", &file, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f()
	if s, err := c.Stop(within(t)); err != nil || !s.Complete {
		t.Fatalf("capture: %+v, %v", s, err)
	}
	r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	mac := net.HardwareAddr(nil)
	for _, e := range n.Topo().Interfaces() {
		if e.Name == "h1-eth0" {
			mac = net.HardwareAddr(e.MAC)
		}
	}
	var last time.Time
	ahead, most := 0.0, 0.0
	for {
		b, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return int(most)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b[6:12], mac) {
			continue
		}
		if !last.IsZero() {
			ahead = max(0, ahead-ci.Timestamp.Sub(last).Seconds()*float64(rate)/8)
		}
		last = ci.Timestamp
		ahead += float64(ci.Length)
		most = max(most, ahead)
	}
}
