package novels

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func sources() []Source {
	return append(Nasty(),
		Text("text", 100_000, 1), Text("nothing", -1, 1), Repeat("odd", 10_007, "abc"), Repeat("none", 9, ""), Bytes("bytes", []byte("abc")))
}

// Read at any offset, a source has what it has when it is read in order.
func TestSourceReadAt(t *testing.T) {
	r := random(1)
	for _, s := range sources() {
		whole, err := io.ReadAll(s.NewReader())
		if err != nil || int64(len(whole)) != s.Size() {
			t.Fatalf("%s: %d bytes of %d, %v", s.Name(), len(whole), s.Size(), err)
		}
		if err := iotest.TestReader(s.NewReader(), whole); err != nil && s.Size() < 1<<18 {
			t.Errorf("%s: %v", s.Name(), err)
		}
		for range 200 {
			off, n := r.below(len(whole)+10), r.below(10_000)
			p := bytes.Repeat([]byte{'?'}, n)
			got, err := s.ReadAt(p, int64(off))
			want := whole[min(off, len(whole)):min(off+n, len(whole))]
			if !bytes.Equal(p[:got], want) || (err == io.EOF) != (got < n || off >= len(whole)) {
				t.Fatalf("%s at %d: %d bytes of %d, %v", s.Name(), off, got, n, err)
			}
		}
		if _, err := s.ReadAt(nil, -1); err == nil || err == io.EOF {
			t.Errorf("%s: negative offset: %v", s.Name(), err)
		}
	}
}

func TestNasty(t *testing.T) {
	seen := map[string]int64{}
	total := int64(0)
	for _, s := range Nasty() {
		if _, twice := seen[s.Name()]; twice {
			t.Errorf("%s twice", s.Name())
		}
		seen[s.Name()] = s.Size()
		total += s.Size()
		b, _ := io.ReadAll(s.NewReader())
		if strings.Contains(s.Name(), "in-eof") && !bytes.HasSuffix(b, []byte("EOF")) {
			t.Errorf("%s ends in %q", s.Name(), b[len(b)-3:])
		}
	}
	for name, size := range map[string]int64{"empty": 0, "one-byte": 1, "eof": 3, "all-bytes": 256, "chunk-ends-in-eof": 1024, "chunks-and-eof": 3075} {
		if got, ok := seen[name]; !ok || got != size {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
	if total > 3<<20 {
		t.Errorf("%d bytes together", total)
	}
	b := make([]byte, 256)
	for _, s := range Nasty() {
		if s.Name() == "all-bytes" {
			_, _ = s.ReadAt(b, 0)
		}
	}
	for i, c := range b {
		if int(c) != i {
			t.Fatalf("byte %d is %d", i, c)
		}
	}
}

// The same bytes in every release and on every machine.
func TestTextIsFixed(t *testing.T) {
	b, _ := io.ReadAll(Text("a", 1<<20, 42).NewReader())
	const want = "d9b8be3be705e31ab21679c0f3c880ffc0e812525e66f34a73d585744d2268a2"
	if got := digest(b); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	for _, c := range b {
		if c >= utf8.RuneSelf || c < ' ' && c != '\n' {
			t.Fatalf("byte %#x", c)
		}
	}
}

// No page is like another, in one file or between files.
func TestTextPagesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for page := range int64(200) {
			b := make([]byte, pageSize)
			if _, err := Text("a", math.MaxInt64, seed).ReadAt(b, page*pageSize); err != nil {
				t.Fatal(err)
			}
			if seen[string(b)] {
				t.Fatalf("page %d of seed %d was there before", page, seed)
			}
			seen[string(b)] = true
		}
	}
}

// Gigabytes cost nothing until they are read, and then only what is read.
func TestTextLarge(t *testing.T) {
	const size = 7 << 30
	s := Text("large", size, 9)
	p, q := make([]byte, 3*pageSize), make([]byte, 3*pageSize)
	pool()
	r := random(3)
	var wg sync.WaitGroup
	for range 1000 {
		off := int64(r.next() % (size - uint64(len(p))))
		if n, err := s.ReadAt(p, off); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
		// The same in two parts, cut anywhere.
		cut := r.below(len(q))
		_, _ = s.ReadAt(q[cut:], off+int64(cut))
		_, _ = s.ReadAt(q[:cut], off)
		if !bytes.Equal(p, q) {
			t.Fatalf("at %d, cut at %d: differs", off, cut)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.ReadAt(p, 5<<30+17) }); n != 0 {
		t.Errorf("%v allocations a read", n)
	}
	for range 8 {
		wg.Go(func() {
			b := make([]byte, len(p))
			if _, err := s.ReadAt(b, 6<<30); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, err := s.ReadAt(p, size-5); n != 5 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

func TestWriteSource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		for _, s := range sources() {
			if err := WriteSource(dir, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range sources() {
		want, _ := io.ReadAll(s.NewReader())
		if got, err := os.ReadFile(filepath.Join(dir, s.Name())); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", s.Name(), len(got), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != len(sources()) {
		t.Errorf("%d files of %d", len(entries), len(sources()))
	}
}

func BenchmarkText(b *testing.B) {
	s := Text("a", math.MaxInt64, 1)
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for off := int64(0); b.Loop(); off += int64(len(p)) {
		_, _ = s.ReadAt(p, off)
	}
}
