package find

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wireproof/wireproof/harness/mapped"
)

// shown is a file that can be looked at.
type shown struct {
	*bytes.Reader
	b         []byte
	forgotten int
	released  bool
}

func (s *shown) View(size int64) ([]byte, func(), func(), error) {
	return s.b[:size], func() { s.forgotten++ }, func() { s.released = true }, nil
}

// Several streams at once, at different places of a file: what was looked at is forgotten before it is more than the
// memory, and nothing else tells a file that is looked at from one that is read.
func TestViewsStayBounded(t *testing.T) {
	content := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{9}).Read(content)
	f := &shown{Reader: bytes.NewReader(content), b: content}
	const memory = 1 << 20
	s, err := NewSet([]Source{{Name: "f", Size: int64(len(content)), At: f}}, memory)
	if err != nil {
		t.Fatal(err)
	}
	const streams, segment = 20, 1460
	var list [streams]*Stream
	for i := range list {
		list[i] = s.Stream()
		list[i].Feed(content[:i<<17], Mark{}, false)
	}
	before := f.forgotten
	pages := map[int]bool{} // looked at since the last time, by streams and 64 KiB
	for at := 0; at+segment < 1<<20; at += segment {
		for i, st := range list {
			was := f.forgotten
			st.Feed(content[i<<17+at:][:segment], Mark{}, false)
			if f.forgotten != was {
				clear(pages)
			}
			pages[(i<<17+at+segment-1)>>16] = true
			if len(pages)<<16 > 2*memory {
				t.Fatalf("%d KiB looked at, and not forgotten", len(pages)<<6)
			}
		}
	}
	if n := f.forgotten - before; n < 8 || n > 200 {
		t.Errorf("forgotten %d times for 20 MiB, of which 2 are kept", n)
	}
	for i, st := range list {
		st.Feed(content[i<<17+(1<<20)/segment*segment:], Mark{}, false)
		if got := starts(st, 0); len(got) != 1 || got[0] != 0 {
			t.Errorf("stream %d: found at %v", i, got)
		}
	}
	if s.Close(); !f.released || s.Err() != nil {
		t.Errorf("released: %t, %v", f.released, s.Err())
	}
}

// A file that is cut while it is compared is an error, wherever its new end lies in a page.
func TestFileIsCut(t *testing.T) {
	content := make([]byte, mapped.Least+100_000)
	rand.NewChaCha8([32]byte{9}).Read(content)
	for _, end := range []int64{mapped.Least, mapped.Least - 1000} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := mapped.Dir(dir).Open("f")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s, err := NewSet([]Source{{Name: "f", Size: int64(len(content)), At: f.(*mapped.File)}}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		st := s.Stream()
		st.Feed(content[:500_000], Mark{}, false)
		if err := os.Truncate(path, end); err != nil {
			t.Fatal(err)
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		st.Feed(content[500_000:], Mark{}, false)
		if s.Err() == nil || len(st.Found()) != 0 {
			t.Errorf("cut at %d: found %v, error %v", end, st.Found(), s.Err())
		}
		if _, ok := s.selfAgree(0, 64, int64(len(content))-64); ok {
			t.Errorf("cut at %d: compared with itself behind its end", end)
		}
	}
}
