package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wireproof/wireproof/protocol"
)

// BenchmarkStream fetches one file over loopback: what the network took, and
// with the digests of both ends.
func BenchmarkStream(b *testing.B) {
	for _, size := range []int64{64 << 10, 4 << 20, 1 << 30} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) { benchmark(b, protocol.Stream, size) })
	}
}

// BenchmarkLockstep is the speed of a round trip for each 1,024 bytes.
func BenchmarkLockstep(b *testing.B) {
	b.Run("13MB", func(b *testing.B) { benchmark(b, protocol.Lockstep, 13_000_000) })
}

func benchmark(b *testing.B, dialect protocol.Dialect, size int64) {
	dir := b.TempDir()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		b.Fatal(err)
	}
	for block, left := make([]byte, 1<<20), size; left > 0; left -= 1 << 20 {
		block[0]++
		f.Write(block[:min(left, 1<<20)])
	}
	f.Close()
	dial := serve(b, &Server{Files: os.DirFS(dir), Dialect: dialect, Model: Thread})
	b.SetBytes(size)
	var seconds float64
	for b.Loop() {
		c := &Client{Dial: dial, Dialect: dialect, Dir: b.TempDir()}
		got, err := c.Fetch(b.Context(), []string{"file"})
		if err != nil {
			b.Fatal(err)
		}
		seconds += got.Files[0].Seconds
		b.StopTimer()
		os.RemoveAll(c.Dir)
		b.StartTimer()
	}
	b.ReportMetric(float64(size)*float64(b.N)/1e6/seconds, "wire-MB/s")
}
