package protocol

import (
	"io"
	"testing"
)

// cycle repeats bytes without end, also between reads.
type cycle struct {
	b  []byte
	at int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.b[c.at:])
	c.at = (c.at + n) % len(c.b)
	return n, nil
}

func benchmarkFiles(b *testing.B, size int) {
	one, err := AppendAnswer(nil, Answer{OK: true, Name: "Shogun.txt", Length: int64(size)})
	if err != nil {
		b.Fatal(err)
	}
	one = AppendTrailer(append(one, make([]byte, size)...), Trailer{})
	in := NewReader(&cycle{b: one})
	buf := make([]byte, 256<<10)
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	for b.Loop() {
		a, err := in.ReadAnswer()
		if err != nil {
			b.Fatal(err)
		}
		body := in.Body(a.Length)
		for err == nil {
			_, err = body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		if _, err := in.ReadTrailer(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReaderSmallFiles(b *testing.B) { benchmarkFiles(b, 100) }
func BenchmarkReaderNovels(b *testing.B)     { benchmarkFiles(b, 2_600_000) }
