package flow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// A capture that waits for more, such as a pipe's, is left as soon as ctx is done.
func TestAnalyzeLeavesAWaitingReader(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1, 2).open().serve("A", novelA).close()
	r, w := io.Pipe()
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		w.Write(s.pcapng())
		cancel() // it has all been read, and the reader waits for more
	}()
	if _, err := Analyze(ctx, r, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// However reads are cut, and however large packets are, the result is the same.
func TestReadsOfAnySize(t *testing.T) {
	book := text(3<<20, 40)
	s := newScript(t)
	k := s.talk(h2, server, 1000, 5000).open()
	for i := 0; len(book) > i; { // from a byte to more than a buffer's worth in a record
		k.mss = min(65000, 1+i/3)
		n := min(len(book)-i, k.mss)
		k.say(true, book[i:i+n])
		i += n
	}
	k.close()
	capture := s.pcapng()
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(capture), "halves": iotest.HalfReader(bytes.NewReader(capture)), "with the end": iotest.DataErrReader(bytes.NewReader(capture)),
	} {
		a := analyzeWith(t, r, Options{Files: []File{fileOf("book", book)}})
		if got := letters(a.Judge(claim("book"))); got != "PPPPP" || a.Packets != uint64(len(s.packets)) {
			t.Errorf("%s: %s, %d packets of %d", name, got, a.Packets, len(s.packets))
		}
	}
}
