package series

import (
	"bytes"
	"strings"
	"testing"
)

// How fast captures of full segments are read, in bytes of the capture.
func BenchmarkRead(b *testing.B) {
	w := newWire(b).open(1)
	data := strings.Repeat("x", 1448)
	for i := range 20_000 {
		w.after(10_000).s("A", i*1448, 0, data)
		if i%2 == 1 {
			w.after(10_000).c("A", 0, (i+1)*1448, "")
		}
	}
	b.SetBytes(int64(w.b.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(b.Context(), bytes.NewReader(w.b.Bytes()), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
