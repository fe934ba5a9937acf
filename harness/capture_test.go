package harness_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// With offloads off, no frame of a megabyte is larger than a wire's; with offloads on, some are: the twin.
func TestFramesAsOnAWire(t *testing.T) {
	for name, o := range map[string]*harness.Options{"off": nil, "on": {Offload: harness.OffloadOn}} {
		t.Run(name, func(t *testing.T) {
			harnesstest.NoLeaks(t)
			n := harnesstest.Start(t, topo.Single(2), o)
			l, err := n.Host("h1").Listen(within(t), "tcp", ":7")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if c, err := l.Accept(); err == nil {
					c.Write(make([]byte, 1<<20))
					c.Close()
				}
			}()
			var at [2]bytes.Buffer
			var captures [2]*capture.Capture
			for i, h := range []string{"h1", "h2"} {
				if captures[i], err = n.Host(h).Capture(within(t), "", &at[i], capture.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			c, err := n.Host("h2").Dial(within(t), "tcp", "h1:7")
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, c); err != nil || n != 1<<20 {
				t.Fatalf("read %d bytes, %v", n, err)
			}
			c.Close()
			for i := range captures {
				s, err := captures[i].Stop(within(t))
				if err != nil || !s.Complete || s.Bytes < 1<<20 {
					t.Errorf("stop: %+v, %v", s, err)
				}
				longest := longestFrame(t, &at[i])
				if wire := longest <= 1514; wire != (o == nil) {
					t.Errorf("longest frame %d bytes", longest)
				}
			}
		})
	}
}

// longestFrame is the length of the longest frame of a capture.
func longestFrame(t testing.TB, file io.Reader) (longest int) {
	t.Helper()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, info, err := r.ReadPacketData()
		if err != nil {
			return longest
		}
		longest = max(longest, info.Length)
	}
}
