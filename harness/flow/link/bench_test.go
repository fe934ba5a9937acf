package link

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// stream is a capture of any length, made while it is read: segments with numbers, 10 µs apart, later by delay.
type stream struct {
	flags pcapng.Flags
	delay time.Duration
	skip  int // every so many is left out; zero: none
	n     int
	i     int
	frame []byte
	out   []byte
	left  []byte
}

func newStream(flags pcapng.Flags, n, size int, delay time.Duration, skip int) *stream {
	s := &stream{flags: flags, delay: delay, skip: skip, n: n, frame: tcp(7, size-54, false)}
	s.left = pcapng.AppendInterface(pcapng.AppendSection(nil, pcapng.Section{}), pcapng.Interface{Name: "h1-eth0"})
	return s
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.i > s.n {
			return 0, io.EOF
		}
		s.out = s.out[:0]
		for ; s.i < s.n && len(s.out) < 128<<10; s.i++ {
			if s.skip > 0 && s.i%s.skip == 0 {
				continue
			}
			binary.BigEndian.PutUint32(s.frame[38:], uint32(s.i))
			at := epoch.Add(time.Duration(s.i)*10*time.Microsecond + s.delay)
			s.out = pcapng.AppendPacket(s.out, pcapng.Packet{Time: at, Data: s.frame, Flags: s.flags})
		}
		if s.i == s.n {
			s.out = pcapng.AppendStatistics(s.out, pcapng.Statistics{})
			s.i++
		}
		s.left = s.out
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// heap is what lives on it, after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// atEnd calls f once, where the input ends: the most is held then.
type atEnd struct {
	io.Reader
	f func()
}

func (a *atEnd) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err != nil && a.f != nil {
		a.f()
		a.f = nil
	}
	return n, err
}

func BenchmarkCompare(b *testing.B) {
	const n = 400_000
	for _, size := range []int{66, 1514} {
		b.Run(fmt.Sprintf("frame=%d", size), func(b *testing.B) {
			live := 0.0
			for b.Loop() {
				before := heap()
				received := &atEnd{newStream(pcapng.Inbound, n, size, 20*time.Millisecond, 100), func() { live = heap() - before }}
				e, err := Compare(context.Background(), newStream(pcapng.Outbound, n, size, 0, 0), received, Options{})
				if err != nil || e.Lost != n/100 || !e.Complete() {
					b.Fatal(err, figures(e), e.Problems)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
			b.ReportMetric(live/(1<<20), "MiB-held")
		})
	}
}

func BenchmarkConform(b *testing.B) {
	const n = 400_000
	for b.Loop() {
		c, err := Conform(context.Background(), newStream(pcapng.Outbound, n, 1514, 0, 0), ConformOptions{Rate: 1e9})
		if err != nil || c.Frames != n {
			b.Fatal(err, c)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}
