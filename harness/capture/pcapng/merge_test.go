package pcapng_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wireproof/wireproof/harness/capture/internal/readback"
	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// made is a file with one interface and packets of these times.
func made(t *testing.T, name string, flags pcapng.Flags, nanos ...int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapng.NewWriter(&b, pcapng.Section{Comment: "of " + name})
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.AddInterface(pcapng.Interface{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	err = w.WriteNames([]pcapng.Name{{Addr: netip.MustParseAddr("10.0.0.1"), Names: []string{"h1"}}})
	for i, n := range nanos {
		if err == nil {
			err = w.WritePacket(pcapng.Packet{Interface: id, Time: time.Unix(0, n), Data: fmt.Appendf(nil, "%s %d%s", name, i+1, strings.Repeat(".", i%9)), Flags: flags})
		}
	}
	if err == nil {
		err = w.WriteStatistics(pcapng.Statistics{Interface: id, Received: uint64(len(nanos)), Dropped: uint64(len(name))})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func merge(t *testing.T, comments pcapng.CommentFunc, files ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var sources []io.Reader
	for _, f := range files {
		sources = append(sources, iotest.HalfReader(bytes.NewReader(f)))
	}
	if err := pcapng.Merge(&out, sources, comments); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t *testing.T, b []byte) *readback.File {
	t.Helper()
	f, err := readback.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Without comments, a copy of one file is that file.
func TestMergeOfOneIsACopy(t *testing.T) {
	file := made(t, "h1-eth0", pcapng.Outbound, 5, 3, 9)
	if got := merge(t, nil, file); !bytes.Equal(got, file) {
		t.Errorf("%d bytes of %d", len(got), len(file))
	}
}

// Comments are added, and nothing else changes: neither a byte nor a time.
func TestComments(t *testing.T) {
	for _, flags := range []pcapng.Flags{0, pcapng.Outbound | pcapng.ChecksumNotReady} {
		file := made(t, "h1-eth0", flags, 5, 6, 7, 8, 9, 10)
		out := merge(t, func(source int, packet uint64) []string {
			switch {
			case source != 0:
				t.Errorf("source %d", source)
			case packet == 2:
				return []string{"the SYN"}
			case packet == 6:
				return []string{"first", "söcond", ""}
			}
			return nil
		}, file)
		before, after := read(t, file), read(t, out)
		if len(after.Packets) != 6 {
			t.Fatalf("%d packets", len(after.Packets))
		}
		for i, p := range after.Packets {
			b := before.Packets[i]
			if p.Nanos != b.Nanos || !bytes.Equal(p.Data, b.Data) || p.Length != b.Length || p.Interface != b.Interface || p.Flags != b.Flags || p.HasFlags != b.HasFlags {
				t.Errorf("flags %x: packet %d was %+v, is %+v", flags, i+1, b, p)
			}
			if want := map[int]string{1: "the SYN", 5: "first\nsöcond"}[i]; p.Comment != want {
				t.Errorf("packet %d says %q, want %q", i+1, p.Comment, want)
			}
		}
		if n, ok := after.Statistics[0].Count(5); !ok || n != 7 {
			t.Errorf("dropped %d", n)
		}
	}
}

// Several files become one, in the order of their times; each interface keeps its own order.
func TestMergeInOrderOfTime(t *testing.T) {
	const files, packets = 5, 400
	random := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for i := range files {
		nanos := make([]int64, packets)
		for k := range nanos {
			nanos[k] = 1_700_000_000_000_000_000 + random.Int64N(1e9)
		}
		slices.Sort(nanos)
		all = append(all, made(t, fmt.Sprint("s", i, "-eth", i), 0, nanos...))
	}
	f := read(t, merge(t, func(source int, packet uint64) []string { return []string{fmt.Sprint(source, " ", packet)} }, all...))
	if len(f.Packets) != files*packets || len(f.Interfaces) != files || len(f.Statistics) != files {
		t.Fatalf("%d packets, %d interfaces, %d statistics", len(f.Packets), len(f.Interfaces), len(f.Statistics))
	}
	var last uint64
	next := make([]int, files)
	for i, p := range f.Packets {
		if p.Nanos < last {
			t.Fatalf("packet %d is older than the one before", i+1)
		}
		last = p.Nanos
		next[p.Interface]++
		name := string(f.Interfaces[p.Interface].Options[2])
		if want := fmt.Sprintf("%s %d", name, next[p.Interface]); strings.TrimRight(string(p.Data), ".") != want {
			t.Fatalf("packet %d is %q, want %q", i+1, p.Data, want)
		}
		if want := fmt.Sprint(p.Interface, " ", next[p.Interface]); p.Comment != want {
			t.Fatalf("packet %d says %q, want %q", i+1, p.Comment, want)
		}
	}
	if len(f.Names) != 1 {
		t.Errorf("names %v", f.Names)
	}
}

// What a Writer did not make is refused, not misread, and a file that breaks off is not taken for a whole one.
func TestMergeRefuses(t *testing.T) {
	good := made(t, "h1-eth0", 0, 1, 2, 3)
	for name, file := range map[string][]byte{
		"empty":        nil,
		"text":         []byte(strings.Repeat("no capture ", 20)),
		"cut":          good[:len(good)-5],
		"section only": good[:7],
		"zero length":  append(bytes.Clone(good), make([]byte, 40)...),
		"two sections": append(bytes.Clone(good), good...),
		"big endian":   bytes.Replace(bytes.Clone(good), []byte("\x4d\x3c\x2b\x1a"), []byte("\x1a\x2b\x3c\x4d"), 1),
		"other interface": bytes.Replace(bytes.Clone(good), pcapng.AppendPacket(nil, pcapng.Packet{Time: time.Unix(0, 2), Data: []byte("h1-eth0 2.")}),
			pcapng.AppendPacket(nil, pcapng.Packet{Interface: 7, Time: time.Unix(0, 2), Data: []byte("h1-eth0 2.")}), 1),
	} {
		if err := pcapng.Merge(io.Discard, []io.Reader{bytes.NewReader(good), bytes.NewReader(file)}, nil); !errors.Is(err, pcapng.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := errors.New("disk full")
	if err := pcapng.Merge(failingWriter{full}, []io.Reader{bytes.NewReader(good)}, nil); !errors.Is(err, full) {
		t.Errorf("a writer that fails: %v", err)
	}
	broken := errors.New("no read")
	if err := pcapng.Merge(io.Discard, []io.Reader{io.MultiReader(bytes.NewReader(good[:200]), iotest.ErrReader(broken))}, nil); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

// growing is a file of which only a part has been written.
type growing struct {
	all []byte
	at  int
	now int
}

func (g *growing) Read(b []byte) (int, error) {
	if g.at == g.now {
		return 0, io.EOF
	}
	n := copy(b, g.all[g.at:g.now])
	g.at += n
	return n, nil
}

// Wherever the files are cut while they grow, what is followed is what would be merged.
func TestFollower(t *testing.T) {
	a := made(t, "h1-eth0", pcapng.Inbound, 10, 30, 50, 70)
	b := made(t, "s1-eth1", pcapng.Outbound, 20, 40, 60, 80)
	want := merge(t, nil, a, b)
	head := bytes.Index(a, []byte("h1-eth0 1")) - 28
	for step := 1; step < 200; step += 7 {
		files := []*growing{{all: a, now: head}, {all: b, now: head}}
		var out bytes.Buffer
		f, err := pcapng.NewFollower(&out, []io.Reader{files[0], files[1]})
		if err != nil {
			t.Fatal(err)
		}
		for files[0].now < len(a) {
			for i, g := range files {
				g.now = min(len(g.all), g.now+(1+2*i)*step) // one is behind the other
			}
			// All that is older than what comes last has been written to both.
			last := func(g *growing) int64 {
				var n int64
				for i := range 4 {
					if at := bytes.Index(g.all, fmt.Appendf(nil, " %d", i+1)); at >= 0 && at+40 < g.now {
						n = int64(i)
					}
				}
				return n * 20
			}
			if err := f.Until(time.Unix(0, min(last(files[0]), last(files[1])))); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("step %d: %d bytes, want %d", step, out.Len(), len(want))
		}
	}
	if err := func() error {
		f, err := pcapng.NewFollower(io.Discard, []io.Reader{&growing{all: a, now: len(a) - 3}})
		if err != nil {
			return err
		}
		return f.Close()
	}(); !errors.Is(err, pcapng.ErrForeign) {
		t.Errorf("a file without its end: %v", err)
	}
}
