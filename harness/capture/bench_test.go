package capture_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture"
)

// benchEnv makes the test binary run as one end of a transfer, in a process of
// its own, as the peers of a scenario do.
const benchEnv = "WIREPROOF_CAPTURE_BENCH"

func TestMain(m *testing.M) {
	if role := os.Getenv(benchEnv); role != "" {
		if err := benchPeer(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// benchPeer is "source" or "sink". The source sends benchBytes to whoever
// connects; the sink counts them and prints how long it took.
func benchPeer(role string) error {
	const address = "10.0.0.1:12345"
	buf := make([]byte, 512<<10)
	if role == "source" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Println("listening")
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		for left := benchBytes; left > 0; {
			n, err := conn.Write(buf[:min(left, len(buf))])
			if err != nil {
				return err
			}
			left -= n
		}
		return conn.Close()
	}
	begun := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, buf)
	if err != nil {
		return err
	}
	if n != benchBytes {
		return fmt.Errorf("%d bytes", n)
	}
	fmt.Println(time.Since(begun))
	return nil
}

const benchBytes = 1 << 30

// transfer moves benchBytes from h1 to h2 and returns how long it took.
func transfer(b *testing.B, h1, h2 *space) time.Duration {
	b.Helper()
	peer := func(s *space, role string) (*exec.Cmd, *bufio.Reader) {
		cmd := exec.CommandContext(within(b, time.Minute), "/proc/self/exe")
		cmd.Env = append(os.Environ(), benchEnv+"="+role)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		s.do(func() { err = cmd.Start() })
		if err != nil {
			b.Fatal(err)
		}
		return cmd, bufio.NewReader(out)
	}
	source, ready := peer(h1, "source")
	if line, err := ready.ReadString('\n'); line != "listening\n" {
		b.Fatalf("source: %q, %v", line, err)
	}
	sink, result := peer(h2, "sink")
	line, err := result.ReadString('\n')
	if err != nil {
		b.Fatalf("sink: %v", err)
	}
	took, err := time.ParseDuration(strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{source, sink} {
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return took
}

// BenchmarkCapture moves 1 GiB over TCP between two hosts on a bridge, by turns
// without and with a capture of the server's interface, and reports the rates
// and their ratio. Frames are up to 64 KB with offloads on, 1514 bytes without.
func BenchmarkCapture(b *testing.B) {
	for _, bm := range []struct {
		offload string
		ring    int
	}{
		// At 64 KB a frame the traffic outruns a file whose pages are new to the
		// machine (a virtual one pays for each first touch): the ring holds it all.
		{"on", 1 << 30},
		{"off", 0},
	} {
		b.Run("offload="+bm.offload, func(b *testing.B) {
			h1, s1 := pair(b)
			h2 := newSpace(b)
			veth(b, h2, "h2-eth0", s1, "s1-eth2")
			s1.ip(b, "link add s1 type bridge")
			s1.ip(b, "link set s1 up")
			s1.ip(b, "link set s1-eth1 master s1")
			s1.ip(b, "link set s1-eth2 master s1")
			h1.ip(b, "addr add 10.0.0.1/8 dev h1-eth0")
			h2.ip(b, "addr add 10.0.0.2/8 dev h2-eth0")
			if bm.offload == "off" {
				h1.run(b, "ethtool -K h1-eth0 tso off gso off gro off tx off")
				h2.run(b, "ethtool -K h2-eth0 tso off gso off gro off tx off")
			}
			far := sender(b, s1, "s1-eth1")
			path := filepath.Join(b.TempDir(), "h1-eth0.pcapng")
			var plain, captured time.Duration
			var dropped, freezes uint64
			for b.Loop() {
				plain += transfer(b, h1, h2)

				w, err := os.Create(path)
				if err != nil {
					b.Fatal(err)
				}
				var c *capture.Capture
				o := capture.Options{RingBytes: bm.ring, Far: []*capture.Sender{far}}
				h1.do(func() { c, err = capture.Start("h1-eth0", w, o) })
				if err != nil {
					b.Fatal(err)
				}
				captured += transfer(b, h1, h2)
				s, err := c.Stop(context.Background())
				w.Close()
				if err != nil {
					b.Fatal(err)
				}
				if !s.Complete {
					b.Logf("incomplete: %+v", s)
				}
				if s.Bytes < benchBytes {
					b.Logf("only %d bytes captured", s.Bytes)
				}
				dropped += s.Dropped
				freezes += s.Freezes
				os.Remove(path)
			}
			rate := func(d time.Duration) float64 {
				return float64(benchBytes) * 8 * float64(b.N) / d.Seconds() / 1e9
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate(plain), "Gbit/s-plain")
			b.ReportMetric(rate(captured), "Gbit/s-captured")
			b.ReportMetric(plain.Seconds()/captured.Seconds(), "ratio")
			b.ReportMetric(float64(dropped)/float64(b.N), "dropped/op")
			b.ReportMetric(float64(freezes)/float64(b.N), "freezes/op")
		})
	}
}
