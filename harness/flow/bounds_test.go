package flow

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// Retransmissions older than the history are compared with the file that lies there, or are
// said not to have been compared.
func TestOlderThanHistory(t *testing.T) {
	book := text(10<<20, 21) // more than the history of a stream
	for _, c := range []struct {
		name   string
		at     int // where in the stream the late retransmission lies
		change bool
		want   string
	}{
		{"in a file", 1 << 20, false, "PPPPP"},
		{"in a file, changed", 1 << 20, true, "PPFPP"},
		{"in no file", 10, false, "PPIPP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			k := s.talk(h2, server, 1000, 5000).open()
			k.mss = 32000
			base := k.sSeq
			stream := append(text(5000, 22), book...)
			k.say(true, stream)
			again := bytes.Clone(stream[c.at : c.at+1000])
			if c.change {
				again[500] ^= 1
			}
			k.raw(true, "PA", base+uint32(c.at), k.cSeq, again)
			k.close()
			a := analyze(t, s.pcapng(), fileOf("book", book))
			if got := a.Judge(claim("book")); letters(got) != c.want {
				t.Errorf("%s, want %s: %+v", letters(got), c.want, got)
			}
		})
	}
}

// A segment that comes after more than the verifier holds: INCONCLUSIVE, never FAIL. One that
// comes in time is waited for.
func TestWaitingFillsMemory(t *testing.T) {
	book := text(6<<20, 23)
	for _, c := range []struct {
		name  string
		after int // bytes
		want  string
	}{
		{"in time", 1 << 20, "PPPPP"},
		{"too late", 5 << 20, "PPIIP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			k := s.talk(h2, server, 1000, 5000).open()
			base := k.sSeq
			for at := 0; at < len(book); at += 32000 {
				if at != 64000 {
					k.raw(true, "PA", base+uint32(at), k.cSeq, book[at:min(len(book), at+32000)])
				}
				if at/32000 == c.after/32000 {
					k.raw(true, "PA", base+64000, k.cSeq, book[64000:96000])
				}
			}
			k.sSeq += uint32(len(book))
			k.ackClient()
			k.close()
			a := analyzeWith(t, bytes.NewReader(s.pcapng()), Options{Files: []File{fileOf("book", book)}, MemoryBytes: 4 << 20})
			if got := a.Judge(claim("book")); letters(got) != c.want {
				t.Errorf("%s, want %s: %+v", letters(got), c.want, got)
			}
			if c.after > 4<<20 && !strings.Contains(a.Connections[0].Limited, "memory") {
				t.Errorf("limited: %q", a.Connections[0].Limited)
			}
		})
	}
}

func TestAnalyzeErrors(t *testing.T) {
	if _, err := Analyze(context.Background(), strings.NewReader("no capture at all"), Options{}); !errors.Is(err, ErrNotCapture) {
		t.Errorf("text: %v", err)
	}
	s := newScript(t)
	s.talk(h2, server, 1, 2).open().serve("A", novelA).close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Analyze(ctx, bytes.NewReader(s.pcapng()), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	short := fileOf("A", novelA)
	short.Size += 10
	if _, err := Analyze(context.Background(), bytes.NewReader(s.pcapng()), Options{Files: []File{short}}); err == nil || !strings.Contains(err.Error(), "must not change") {
		t.Errorf("a file shorter than its size: %v", err)
	}
	boom := errors.New("boom")
	broken := File{Name: "broken", Size: 100, Open: func() (ReaderAtCloser, error) { return nil, boom }}
	if _, err := Analyze(context.Background(), bytes.NewReader(s.pcapng()), Options{Files: []File{broken}}); !errors.Is(err, boom) {
		t.Errorf("a file that cannot be opened: %v", err)
	}
}
