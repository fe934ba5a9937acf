package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture"
)

// A ring that is too small drops, says so in the stats and in the file, and
// what it did not drop is there.
func TestDropsAreTold(t *testing.T) {
	h1, _ := pair(t)
	gate := &gate{open: make(chan struct{})}
	var c *capture.Capture
	var err error
	h1.do(func() {
		c, err = capture.Start("h1-eth0", gate, capture.Options{RingBytes: 64 << 10, BlockBytes: 16 << 10})
	})
	if err != nil {
		t.Fatal(err)
	}
	gate.shut()
	const n = 1000
	out := h1.raw(t, "h1-eth0")
	for i := range uint32(n) {
		out.send(t, i, 1000)
	}
	if s := c.Stats(); s.Dropped == 0 || s.Complete {
		t.Errorf("stats before Stop: %+v", s)
	}
	close(gate.open)
	s := stop(t, c)
	if s.Complete || s.Dropped == 0 || s.Freezes == 0 || !strings.Contains(s.Reason, "larger") {
		t.Errorf("stats: %+v", s)
	}
	if s.Packets+s.Dropped < n {
		t.Errorf("%d packets in the file, %d dropped, of %d", s.Packets, s.Dropped, n)
	}
	f := parse(t, gate.buf.Bytes())
	if uint64(len(f.Packets)) != s.Packets || s.Packets == 0 {
		t.Errorf("%d packets in the file: %+v", len(f.Packets), s)
	}
	if got, ok := f.Statistics[0].Count(5); !ok || got != s.Dropped {
		t.Errorf("isb_ifdrop %d, %v: %+v", got, ok, s)
	}
}

// gate is a writer that, once shut, holds every write until it is opened.
type gate struct {
	mu     sync.Mutex
	closed bool
	open   chan struct{}
	buf    bytes.Buffer
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed {
		<-g.open
	}
	return g.buf.Write(b)
}

// A writer that never returns does not hold Stop, and when it returns at last
// everything is released.
func TestWriterBlocks(t *testing.T) {
	h1, _ := pair(t)
	r, w := io.Pipe()
	go io.CopyN(io.Discard, r, 4) // part of the first block: then nobody reads
	defer r.Close()
	started := make(chan error, 1)
	go func() {
		h1.do(func() { _, err := capture.Start("h1-eth0", w, capture.Options{}); started <- err })
	}()
	// Start writes too, on the caller's own time: it waits as any Write does.
	r.CloseWithError(errors.New("reader gone"))
	if err := <-started; err == nil || !strings.Contains(err.Error(), "reader gone") {
		t.Errorf("Start: %v", err)
	}

	g := &gate{open: make(chan struct{})}
	var c *capture.Capture
	var err error
	h1.do(func() { c, err = capture.Start("h1-eth0", g, capture.Options{}) })
	if err != nil {
		t.Fatal(err)
	}
	g.shut()
	h1.raw(t, "h1-eth0").send(t, 0, 100)
	s, err := c.Stop(within(t, 50*time.Millisecond))
	if err == nil || s.Complete || !strings.Contains(s.Reason, "writer") {
		t.Errorf("Stop: %+v, %v", s, err)
	}
	close(g.open)
	c.Wait()
}

// A file that cannot be written any more ends with whole blocks, and Stop does
// not wait for anything.
func TestDiskFull(t *testing.T) {
	h1, _ := pair(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, 0)
	path := filepath.Join(dir, "full.pcapng")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var c *capture.Capture
	h1.do(func() { c, err = capture.Start("h1-eth0", w, capture.Options{BlockBytes: 16 << 10}) })
	if err != nil {
		t.Fatal(err)
	}
	out := h1.raw(t, "h1-eth0")
	for i := range uint32(400) {
		out.send(t, i, 1400)
	}
	s, err := c.Stop(within(t, time.Minute))
	if !errors.Is(err, unix.ENOSPC) || s.Complete || !strings.Contains(s.Reason, "no space") {
		t.Errorf("Stop: %+v, %v", s, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, b)
	if uint64(len(f.Packets)) != s.Packets || s.Packets == 0 || s.Packets == 400 {
		t.Errorf("%d packets in the file: %+v", len(f.Packets), s)
	}
	frames(t, f, 0, outbound, int(s.Packets))
}

// An interface that is deleted, set down, or cut off from its other end while it
// is captured: Stop says so at once, and the file has what passed before.
func TestInterfaceLost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lose   func(t *testing.T, h1, s1 *space)
		reason error
	}{
		{"deleted", func(t *testing.T, h1, s1 *space) { h1.ip(t, "link del h1-eth0") }, capture.ErrNoInterface},
		{"down", func(t *testing.T, h1, s1 *space) { h1.ip(t, "link set h1-eth0 down") }, capture.ErrDown},
		{"far end down", func(t *testing.T, h1, s1 *space) {
			s1.ip(t, "link set s1-eth1 down")
			// Until the kernel has looked at the carrier, markers still pass.
			for ctx := within(t, time.Minute); !strings.Contains(h1.output(t, "ip link show h1-eth0"), "NO-CARRIER"); {
				if ctx.Err() != nil {
					t.Fatal("h1-eth0 keeps its carrier")
				}
			}
		}, capture.ErrDown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h1, s1 := pair(t)
			var buf bytes.Buffer
			c := start(t, h1, "h1-eth0", &buf, capture.Options{})
			out := h1.raw(t, "h1-eth0")
			for i := range uint32(100) {
				out.send(t, i, 100)
			}
			tt.lose(t, h1, s1)
			s, err := c.Stop(context.Background())
			if err != nil {
				t.Error(err)
			}
			if s.Complete || !strings.Contains(s.Reason, tt.reason.Error()) {
				t.Errorf("stats: %+v", s)
			}
			if away := tt.name != "far end down"; away != (s.Downs > 0) {
				t.Errorf("interface down %d times", s.Downs)
			}
			frames(t, parse(t, buf.Bytes()), 0, outbound, 100)
		})
	}
}

// After an interface was down for a while, the capture goes on.
func TestInterfaceReturns(t *testing.T) {
	h1, _ := pair(t)
	var buf bytes.Buffer
	c := start(t, h1, "h1-eth0", &buf, capture.Options{})
	out := h1.raw(t, "h1-eth0")
	out.send(t, 0, 100)
	h1.ip(t, "link set h1-eth0 down")
	h1.ip(t, "link set h1-eth0 up")
	// The link is up when its queue hands a marker on: a second capture shows it.
	stop(t, start(t, h1, "h1-eth0", new(bytes.Buffer), capture.Options{}))
	out.send(t, 1, 100)
	if s := stop(t, c); !s.Complete || s.Downs != 1 {
		t.Errorf("stats: %+v", s)
	}
	frames(t, parse(t, buf.Bytes()), 0, outbound, 2)
}

// Start fails with an error that says what to do.
func TestStartErrors(t *testing.T) {
	h1, _ := pair(t)
	h1.ip(t, "tuntap add tun0 mode tun")
	h1.ip(t, "link add down0 type veth peer name down1")
	for _, tt := range []struct {
		name string
		o    capture.Options
		is   error
		text string
	}{
		{"h9-eth0", capture.Options{}, capture.ErrNoInterface, "ip link"},
		{"", capture.Options{}, nil, "no interface name"},
		{"an-interface-with-a-long-name", capture.Options{}, nil, "1 to 15 bytes"},
		{"tun0", capture.Options{}, capture.ErrNotEthernet, "with Ethernet"},
		{"down0", capture.Options{}, capture.ErrDown, "bring it up"},
		{"h1-eth0", capture.Options{RingBytes: -1}, nil, "use less than"},
		{"h1-eth0", capture.Options{RingBytes: 5 << 30}, nil, "use less than"},
	} {
		var err error
		h1.do(func() { _, err = capture.Start(tt.name, io.Discard, tt.o) })
		if err == nil || !strings.Contains(err.Error(), tt.text) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// A writer that fails from the start, and one that fails at the second block.
	for n := range 2 {
		var err error
		h1.do(func() { _, err = capture.Start("h1-eth0", &failing{after: n}, capture.Options{}) })
		if !errors.Is(err, errTest) {
			t.Errorf("failing writer: %v", err)
		}
	}
}

var errTest = errors.New("out of paper")

type failing struct{ after int }

func (f *failing) Write(b []byte) (int, error) {
	if f.after == 0 {
		return 0, fmt.Errorf("printer: %w", errTest)
	}
	f.after--
	return len(b), nil
}
