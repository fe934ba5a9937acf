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
	pass := connected(t, n)
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

// netem's own rate comes and goes while a connection is in use, and nothing passes sooner than it allows.
func TestNetemsRateBySet(t *testing.T) {
	harnesstest.Require(t, "root", "netem")
	n := harnesstest.Start(t, cable(topo.LinkParams{Delay: time.Millisecond}, topo.LinkParams{}), &harness.Options{Engine: harness.EngineNetem})
	pass := connected(t, n)
	pass(256 << 10)
	shown := func() string {
		out, err := n.Host("h1").Command(within(t), "tc", "qdisc", "show", "dev", "h1-eth0").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	const rate, size = 8 * topo.Mbit, 1 << 20
	if err := n.Link("h1", "h2").Set(&topo.LinkParams{Delay: time.Millisecond, Rate: rate}, nil); err != nil {
		t.Fatal(err)
	}
	if out := shown(); !strings.Contains(out, "rate 8Mbit") {
		t.Errorf("netem has no rate: %s", out)
	}
	begun := time.Now()
	pass(size)
	if took, least := time.Since(begun), time.Duration(float64(size*8)/float64(rate)*float64(time.Second)); took < least {
		t.Errorf("%d bytes took %v, and %v at %v at least", size, took, least, rate)
	}
	if err := n.Link("h1", "h2").Set(&topo.LinkParams{Delay: time.Millisecond}, nil); err != nil {
		t.Fatal(err)
	}
	if out := shown(); strings.Contains(out, "rate 8Mbit") {
		t.Errorf("netem keeps its rate: %s", out)
	}
	pass(256 << 10)
}

// connected joins h1 to h2 by a connection, and returns what passes so many bytes over it and waits until they are there.
func connected(t *testing.T, n *harness.Network) (pass func(size int)) {
	t.Helper()
	l, err := n.Host("h2").Listen(within(t), "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	from, err := n.Host("h1").Dial(within(t), "tcp", "h2:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close() })
	to, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	return func(size int) {
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
