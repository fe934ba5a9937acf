package capture_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/capture/internal/readback"
)

func start(tb testing.TB, s *space, ifname string, w *bytes.Buffer, o capture.Options) *capture.Capture {
	tb.Helper()
	var c *capture.Capture
	var err error
	s.do(func() { c, err = capture.Start(ifname, w, o) })
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func sender(tb testing.TB, s *space, ifname string) *capture.Sender {
	tb.Helper()
	var far *capture.Sender
	var err error
	s.do(func() { far, err = capture.OpenSender(ifname) })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { far.Close() })
	return far
}

// within gives a test's waits a deadline that only a hang reaches.
func within(tb testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	tb.Cleanup(cancel)
	return ctx
}

func stop(tb testing.TB, c *capture.Capture) capture.Stats {
	tb.Helper()
	s, err := c.Stop(within(tb, time.Minute))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func parse(tb testing.TB, b []byte) *readback.File {
	tb.Helper()
	f, err := readback.Parse(b)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// frames checks that the frames of one direction are numbered from 0 to n-1,
// each once and in order, with times that do not go back.
func frames(tb testing.TB, f *readback.File, iface uint32, direction uint32, n int) {
	tb.Helper()
	next, last := uint32(0), uint64(0)
	for i, p := range f.Packets {
		if capture.IsMarker(p.Data) {
			tb.Errorf("packet %d is a marker", i+1)
		}
		if p.Interface != iface || p.Flags&3 != direction {
			continue
		}
		got, ok := number(tb, p.Data)
		if !ok {
			tb.Errorf("packet %d is nobody's: % x", i+1, p.Data[:min(len(p.Data), 64)])
			continue
		}
		if got != next {
			tb.Errorf("packet %d, direction %d: frame %d, want %d", i+1, direction, got, next)
			return
		}
		if p.Nanos < last {
			tb.Errorf("packet %d: %d ns before the one before it", i+1, last-p.Nanos)
		}
		next, last = got+1, p.Nanos
	}
	if int(next) != n {
		tb.Errorf("direction %d: %d frames, want %d", direction, next, n)
	}
}

const inbound, outbound = 1, 2

// Every frame of a burst is there once, in order, in both directions, up to the
// last one sent right before Stop.
func TestCaptureWhole(t *testing.T) {
	h1, s1 := pair(t)
	far := sender(t, s1, "s1-eth1")
	for _, file := range []bool{false, true} {
		var buf bytes.Buffer
		var c *capture.Capture
		o := capture.Options{Name: "h1-eth0", Comment: "both ways", Far: []*capture.Sender{far}}
		path := filepath.Join(t.TempDir(), "h1-eth0.pcapng")
		if file {
			w, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			h1.do(func() { c, err = capture.Start("h1-eth0", w, o) })
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
		} else {
			c = start(t, h1, "h1-eth0", &buf, o)
		}
		begun := time.Now()
		const n = 3000
		var wg sync.WaitGroup
		out, in := h1.raw(t, "h1-eth0"), s1.raw(t, "s1-eth1")
		for _, r := range []*raw{out, in} {
			wg.Go(func() {
				for i := range uint32(n) {
					r.send(t, i, 60+int(i)%1400)
				}
			})
		}
		wg.Wait()
		s := stop(t, c)
		ended := time.Now()
		if file {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			buf.Write(b)
		}
		f := parse(t, buf.Bytes())
		frames(t, f, 0, inbound, n)
		frames(t, f, 0, outbound, n)
		if !s.Complete || s.Reason != "" || s.Packets != 2*n || s.Dropped != 0 || s.Downs != 0 {
			t.Errorf("stats: %+v", s)
		}
		var size uint64
		for _, p := range f.Packets {
			size += uint64(p.Length)
			// The clock may be slewed, not stepped, while a test runs.
			if at := time.Unix(0, int64(p.Nanos)); at.Before(begun.Add(-time.Second)) || at.After(ended.Add(time.Second)) {
				t.Errorf("packet at %v, capture from %v to %v", at, begun, ended)
			}
		}
		if size != s.Bytes {
			t.Errorf("%d bytes in the file, %d in the stats", size, s.Bytes)
		}
		if len(f.Statistics) != 1 {
			t.Fatalf("%d statistics", len(f.Statistics))
		}
		if n, ok := f.Statistics[0].Count(4); !ok || n != s.Packets {
			t.Errorf("isb_ifrecv %d, %v", n, ok)
		}
		if n, ok := f.Statistics[0].Count(5); !ok || n != 0 {
			t.Errorf("isb_ifdrop %d, %v", n, ok)
		}
		if again, err := c.Stop(context.Background()); again != s || err != nil {
			t.Errorf("second Stop: %+v, %v", again, err)
		}
	}
}
