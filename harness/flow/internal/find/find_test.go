package find

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func set(t testing.TB, files ...[]byte) *Set {
	t.Helper()
	var list []Source
	for i, f := range files {
		list = append(list, Source{Name: fmt.Sprint(i), Size: int64(len(f)), At: bytes.NewReader(f)})
	}
	s, err := NewSet(list, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// feed passes a stream on in pieces of the sizes that cut gives, over and over.
func feed(st *Stream, text []byte, cut ...int) {
	for i, packet := 0, uint64(1); len(text) > 0; i, packet = i+1, packet+1 {
		n := min(len(text), max(1, cut[i%len(cut)]))
		st.Feed(text[:n], Mark{Packet: packet}, st.set.Plain(text[:n]))
		text = text[n:]
	}
	st.End()
}

// everywhere is every place of a file in a text, found the slow way.
func everywhere(text, file []byte) (at []int64) {
	for i := 0; i+len(file) <= len(text); i++ {
		if bytes.Equal(text[i:i+len(file)], file) {
			at = append(at, int64(i))
		}
	}
	return at
}

func starts(st *Stream, file int) (at []int64) {
	for _, f := range st.Found() {
		if f.File == file {
			at = append(at, f.Start)
		}
	}
	slices.Sort(at)
	return at
}

func check(t *testing.T, text []byte, files [][]byte, cut ...int) {
	t.Helper()
	checkSet(t, set(t, files...), text, files, cut...)
	var looked []Source
	for i, f := range files {
		looked = append(looked, Source{Name: fmt.Sprint(i), Size: int64(len(f)), At: &shown{Reader: bytes.NewReader(f), b: f}})
	}
	s, err := NewSet(looked, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	checkSet(t, s, text, files, cut...)
}

func checkSet(t *testing.T, s *Set, text []byte, files [][]byte, cut ...int) {
	t.Helper()
	st := s.Stream()
	feed(st, text, cut...)
	for i, f := range files {
		if len(f) < Short {
			continue
		}
		got, want := starts(st, i), everywhere(text, f)
		if st.Bounded(i) {
			for _, g := range got { // what is found is there, if not all
				if !slices.Contains(want, g) {
					t.Errorf("file %d (%d bytes), cut %v: found at %d, which is wrong", i, len(f), cut, g)
				}
			}
		} else if !slices.Equal(got, want) {
			t.Errorf("file %d (%d bytes), cut %v: found at %v, is at %v", i, len(f), cut, got, want)
		}
	}
}

// Texts of two letters repeat themselves in every way; the slow search knows.
func TestFindsWhatTheSlowSearchFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		text := make([]byte, 200+r.IntN(2000))
		period := 1 + r.IntN(150)
		for i := range text {
			text[i] = "ab"[r.IntN(2)]
			if i >= period && r.IntN(200) > 0 {
				text[i] = text[i-period]
			}
		}
		var files [][]byte
		for range 1 + r.IntN(4) {
			at := r.IntN(len(text) - 10)
			f := bytes.Clone(text[at : at+8+r.IntN(len(text)-at-8)])
			if r.IntN(3) == 0 {
				f[r.IntN(len(f))] ^= 3
			}
			files = append(files, f)
		}
		check(t, text, files, 1+r.IntN(300), 1+r.IntN(40), 1+r.IntN(1500))
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("sentsentsentEOFsent"), uint16(4), uint16(12), uint8(3), uint8(1))
	f.Add(bytes.Repeat([]byte("ab"), 200), uint16(10), uint16(130), uint8(70), uint8(9))
	f.Fuzz(func(t *testing.T, text []byte, from, size uint16, a, b uint8) {
		if len(text) == 0 || len(text) > 1<<14 {
			return
		}
		lo := int(from) % len(text)
		hi := min(len(text), lo+int(size))
		check(t, text, [][]byte{text[lo:hi], append(bytes.Clone(text[lo:hi]), 'x', 'y'), text[lo : lo+(hi-lo)/2]}, int(a), int(b))
	})
}

func TestPartial(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	file := make([]byte, 50_000)
	for i := range file {
		file[i] = byte(r.Uint32())
	}
	for _, at := range []int{0, 1, 63, 64, 65, 127, 128, 16383, 16384, 40000, 49999} {
		changed := bytes.Clone(file)
		changed[at] ^= 0x55
		st := set(t, file).Stream()
		feed(st, append([]byte("before"), changed...), 1460)
		p := st.Partial()
		if len(st.Found()) != 0 || len(p) != 1 || p[0].Start != 6 || p[0].Agreed != int64(at) || p[0].Ended || p[0].Expected != file[at] || p[0].Saw != changed[at] {
			t.Errorf("changed at %d: %+v", at, p)
		} else if want := uint64((6+at)/1460 + 1); p[0].At.Packet != want {
			t.Errorf("changed at %d: packet %d, want %d", at, p[0].At.Packet, want)
		}
	}
}

// The marks of a run are the packets of its first and last byte.
func TestMarks(t *testing.T) {
	file := bytes.Repeat([]byte("0123456789abcdef.."), 100)
	for _, cut := range []int{1460, 100, 64, 40} {
		st := set(t, file).Stream()
		feed(st, append(make([]byte, 95), file...), cut)
		f := st.Found()
		if len(f) != 1 || f[0].First.Packet != uint64(95/cut+1) || f[0].Last.Packet != uint64((95+len(file)-1)/cut+1) {
			t.Errorf("in pieces of %d: %+v", cut, f)
		}
	}
}

func TestSkip(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	file := make([]byte, 5000)
	for i := range file {
		file[i] = byte(r.Uint32())
	}
	st := set(t, file).Stream()
	st.Feed(file[:2000], Mark{Packet: 1}, false)
	st.Skip(500, Mark{})
	st.Feed(file[2500:], Mark{Packet: 2}, false)
	if f := st.Found(); len(f) != 1 || f[0].Unseen != 500 {
		t.Errorf("%+v", f)
	}
	st.Reset()
	st.Feed(file[:2000], Mark{Packet: 1}, false)
	st.Skip(5000, Mark{})
	if f := st.Found(); len(f) != 1 || f[0].Unseen != 3000 {
		t.Errorf("to the end: %+v", f)
	}
	st.Reset()
	st.Feed(file[:2000], Mark{Packet: 1}, false)
	st.Skip(500, Mark{})
	st.Feed(file[2499:], Mark{Packet: 2}, false) // one byte off
	if f := st.Found(); len(f) != 0 {
		t.Errorf("shifted: %+v", f)
	}
}

// A search that would be quadratic gives up, and says so.
func TestWorkIsBounded(t *testing.T) {
	file := append(bytes.Repeat([]byte("a"), 1<<19), 'b')
	s := set(t, file)
	st := s.Stream()
	page := bytes.Repeat([]byte("a"), 1<<16)
	for range 64 {
		st.Feed(page, Mark{}, false)
	}
	if !st.Bounded(0) {
		t.Error("not said to be bounded")
	}
	if st.work > workFloor+(workFactor+2)*st.pos {
		t.Errorf("%d bytes compared for %d of stream", st.work, st.pos)
	}
}

func TestFileThatShrank(t *testing.T) {
	_, err := NewSet([]Source{{Name: "A", Size: 100, At: bytes.NewReader(make([]byte, 50))}}, 0)
	if err == nil {
		t.Error("no error")
	}
	s, err := NewSet([]Source{{Name: "A", Size: 100_000, At: bytes.NewReader(make([]byte, 50_000))}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	feed(s.Stream(), make([]byte, 100_000), 1460)
	if s.Err() == nil {
		t.Error("no error when the file ended early")
	}
}
