package pcapng_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/capture/internal/readback"
	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// Several goroutines write several interfaces into one file.
func TestWriterConcurrent(t *testing.T) {
	var buf bytes.Buffer
	w, err := pcapng.NewWriter(&buf, pcapng.Section{Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	const writers, n = 4, 200
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			id, err := w.AddInterface(pcapng.Interface{Name: fmt.Sprint("if", i)})
			if err != nil {
				t.Error(err)
				return
			}
			for k := range n {
				p := pcapng.Packet{Interface: id, Time: time.Unix(0, int64(k)), Data: bytes.Repeat([]byte{byte(id)}, k)}
				if k%2 == 0 {
					err = w.WritePacket(p)
				} else {
					block := pcapng.AppendPacket(nil, p)
					err = w.WriteBlocks([][]byte{block[:20], block[20:]})
				}
				if err != nil {
					t.Error(err)
				}
			}
			if err := w.WriteStatistics(pcapng.Statistics{Interface: id, Received: n}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := readback.Parse(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	next := make([]int, writers)
	for _, p := range f.Packets {
		if k := next[p.Interface]; len(p.Data) != k || p.Nanos != uint64(k) || !bytes.Equal(p.Data, bytes.Repeat([]byte{byte(p.Interface)}, k)) {
			t.Fatalf("interface %d, packet %d: % x", p.Interface, k, p.Data)
		}
		next[p.Interface]++
	}
	for i, k := range next {
		if k != n {
			t.Errorf("interface %d: %d packets", i, k)
		}
	}
	if len(f.Interfaces) != writers || len(f.Statistics) != writers {
		t.Errorf("%d interfaces, %d statistics", len(f.Interfaces), len(f.Statistics))
	}
}

// Vectors of every size reach a file, a pipe and a plain writer alike, more of
// them than one writev(2) takes.
func TestWriteBlocks(t *testing.T) {
	block := pcapng.AppendPacket(nil, pcapng.Packet{Data: bytes.Repeat([]byte("data"), 150_000)})
	var bufs [][]byte
	for rest := block; len(rest) > 0; {
		n := min(len(rest), 1+len(bufs)%300)
		if len(bufs) == 2500 {
			n = len(rest) // a single one larger than what is gathered
		}
		bufs = append(bufs, rest[:n])
		rest = rest[n:]
	}
	write := func(w io.Writer) {
		pw, err := pcapng.NewWriter(w, pcapng.Section{})
		if err != nil {
			t.Error(err)
			return
		}
		pw.AddInterface(pcapng.Interface{})
		for range 3 {
			if err := pw.WriteBlocks(bufs); err != nil {
				t.Error(err)
			}
		}
		if err := pw.Flush(); err != nil {
			t.Error(err)
		}
	}
	var want bytes.Buffer
	write(&want)
	if f, err := readback.Parse(want.Bytes()); err != nil || len(f.Packets) != 3 {
		t.Fatal(err)
	}
	var buffered bytes.Buffer
	write(bufio.NewWriterSize(&buffered, 1<<20))
	if !bytes.Equal(buffered.Bytes(), want.Bytes()) {
		t.Error("buffered writer: not the same")
	}
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	write(f)
	f.Close()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("file: not the same: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() { defer w.Close(); write(w) }()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("pipe: not the same: %v", err)
	}
}

// The first error stays, and nothing is written after it.
func TestWriterFails(t *testing.T) {
	broken := errors.New("broken")
	for limit := range 5 {
		f := &limited{left: limit, err: broken}
		w, err := pcapng.NewWriter(f, pcapng.Section{})
		if limit == 0 {
			if !errors.Is(err, broken) {
				t.Errorf("NewWriter: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, e1 := w.AddInterface(pcapng.Interface{Name: "a"})
		e2 := w.WriteNames(nil)
		e3 := w.WriteBlocks([][]byte{{1, 2, 3, 4}})
		e4 := w.WriteBlocks([][]byte{{1, 2, 3, 4}})
		for i, err := range []error{e1, e2, e3, e4} {
			if want := i+1 >= limit; errors.Is(err, broken) != want {
				t.Errorf("%d writes: call %d: %v", limit, i, err)
			}
		}
		if w.Err() != broken || !errors.Is(w.Flush(), broken) {
			t.Errorf("Err: %v", w.Err())
		}
		if f.calls > limit+1 {
			t.Errorf("%d writes after the first error", f.calls-limit-1)
		}
	}
}

type limited struct {
	left, calls int
	err         error
}

func (l *limited) Write(b []byte) (int, error) {
	l.calls++
	if l.left == 0 {
		return 0, l.err
	}
	l.left--
	return len(b), nil
}

// A packet or counters of an interface that is not in the file are refused:
// readers stop at them.
func TestUnknownInterface(t *testing.T) {
	var buf bytes.Buffer
	w, err := pcapng.NewWriter(&buf, pcapng.Section{})
	if err != nil {
		t.Fatal(err)
	}
	n := buf.Len()
	if w.WritePacket(pcapng.Packet{}) == nil || w.WriteStatistics(pcapng.Statistics{}) == nil {
		t.Error("no error")
	}
	if w.Err() != nil || buf.Len() != n {
		t.Error("the file is spoilt")
	}
}

// What is written is read back, whatever the bytes.
func FuzzRoundTrip(f *testing.F) {
	f.Add("h1-eth0", "comment", []byte("frame"), int64(1), uint32(pcapng.Inbound), uint16(3), "note", uint64(7), uint64(2))
	f.Add("", "", []byte{}, int64(-1), uint32(0), uint16(0), "", uint64(0), ^uint64(0))
	f.Fuzz(func(t *testing.T, name, comment string, data []byte, nanos int64, flags uint32, more uint16, note string, received, dropped uint64) {
		if len(name) > pcapng.MaxText || len(comment) > pcapng.MaxText || len(note) > pcapng.MaxText {
			t.Skip() // cut: see TestLongText
		}
		at := time.Unix(0, nanos)
		var buf bytes.Buffer
		w, err := pcapng.NewWriter(&buf, pcapng.Section{Comment: comment})
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.AddInterface(pcapng.Interface{Name: name, SnapLen: uint32(more)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WritePacket(pcapng.Packet{Interface: id, Time: at, Data: data, Length: len(data) + int(more), Flags: pcapng.Flags(flags), Comment: note}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteStatistics(pcapng.Statistics{Interface: id, End: at, Received: received, Dropped: dropped}); err != nil {
			t.Fatal(err)
		}
		got, err := readback.Parse(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Section[1]) != comment || string(got.Interfaces[0].Options[2]) != name || got.Interfaces[0].SnapLen != uint32(more) {
			t.Errorf("section %v, interface %+v", got.Section, got.Interfaces[0])
		}
		p := got.Packets[0]
		if p.Nanos != uint64(nanos) || !bytes.Equal(p.Data, data) || p.Length != len(data)+int(more) || p.Flags != flags || p.HasFlags != (flags != 0) || p.Comment != note {
			t.Errorf("packet %+v", p)
		}
		r, _ := got.Statistics[0].Count(4)
		d, _ := got.Statistics[0].Count(5)
		if r != received || d != dropped {
			t.Errorf("statistics %+v", got.Statistics[0])
		}
	})
}
