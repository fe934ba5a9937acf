package flow

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func analyzeAll(t testing.TB, captures map[string][]byte, order []string, files ...File) *Analysis {
	t.Helper()
	var in []Input
	for _, name := range order {
		in = append(in, Input{Name: name, Reader: bytes.NewReader(captures[name])})
	}
	a, err := AnalyzeAll(context.Background(), in, Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A capture compressed by gzip or zstd is judged as the capture is.
func TestJudgeCompressed(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().serve("A", novelA).close()
	plain := s.pcapng()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(plain)
	z.Close()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for how, capture := range map[string][]byte{"gzip": zipped.Bytes(), "zstd": e.EncodeAll(plain, nil)} {
		a := analyze(t, capture, corpus()...)
		if got := letters(a.Judge(claim("A"))); got != "PPPPP" || a.Captures[0].Compression != how {
			t.Errorf("%s: %s, %+v", how, got, a.Captures)
		}
	}
	cut := zipped.Bytes()[:zipped.Len()*2/3]
	if got := analyze(t, cut, corpus()...).Judge(claim("A")); letters(got) != "IIPII" || !strings.Contains(got[0].Detail, "the input ends in the middle") {
		t.Errorf("gzip, cut: %+v", got)
	}
}

// The same traffic captured at both of its ends, in two files: each packet counts once. What one file lost, the other has.
func TestTwoCaptures(t *testing.T) {
	near := newScript(t)
	k := near.talk(h2, server, 1000, 5000).open().serve("A", novelA)
	k.raw(true, "PA", k.sSeq-1460, k.cSeq, append(bytes.Clone(novelA[20_000-1460+24:]), "SHA256 0123456789abcdef\n"...))
	k.serve("B", novelB).close()
	far := newScript(t)
	for _, p := range near.packets {
		p.time, p.data = p.time+2e6, bytes.Clone(p.data)
		p.data[22]-- // time to live
		far.packets = append(far.packets, p)
	}
	near.remove(near.data(1460)[3])
	captures := map[string][]byte{"server.pcapng": near.pcapng(), "client.pcapng": far.pcapng()}
	for _, order := range [][]string{{"server.pcapng", "client.pcapng"}, {"client.pcapng", "server.pcapng"}} {
		a := analyzeAll(t, captures, order, corpus()...)
		if got := letters(a.Judge(claim("A", "B"))); got != "PPPPP" {
			t.Errorf("%v: %s %+v", order, got, a.Judge(claim("A", "B")))
		}
		c := a.Connections[0]
		if len(a.Connections) != 1 || c.Retransmissions != 1 || c.Capture != "server.pcapng" || c.FirstPacket != 1 {
			t.Errorf("%v: %d connections, %d retransmissions, first packet %d of %q", order, len(a.Connections), c.Retransmissions, c.FirstPacket, c.Capture)
		}
		if f := c.Files[0]; f.Name != "A" || f.Capture != "server.pcapng" {
			t.Errorf("%v: %+v", order, f)
		}
	}
	// Alone, the one with the hole does not decide.
	if got := letters(analyze(t, near.pcapng(), corpus()...).Judge(claim("A", "B"))); got != "PPIIP" {
		t.Errorf("alone: %s", got)
	}
}

// The files of a rotated capture are one capture, in whatever order they are named.
func TestRotatedCapture(t *testing.T) {
	s := newScript(t)
	k := s.talk(h2, server, 1000, 5000).open().serve("A", novelA)
	k.raw(true, "PA", k.sSeq-24, k.cSeq, []byte("SHA256 0123456789abcdef\n")) // in the second file
	k.serve("B", novelB).close()
	all := s.packets
	captures := map[string][]byte{}
	for i, name := range []string{"cap0", "cap1", "cap2"} {
		s.packets = all[i*len(all)/3 : (i+1)*len(all)/3]
		captures[name] = s.pcapng()
	}
	a := analyzeAll(t, captures, []string{"cap2", "cap0", "cap1"}, corpus()...)
	if got := letters(a.Judge(claim("A", "B"))); got != "PPPPP" {
		t.Errorf("%s %+v", got, a.Judge(claim("A", "B")))
	}
	if c := a.Connections[0]; len(a.Interfaces) != 1 || int(c.Segments) != len(all) || c.Retransmissions != 1 || c.Capture != "cap0" {
		t.Errorf("%d interfaces, %d of %d segments, %d retransmissions, first in %q", len(a.Interfaces), c.Segments, len(all), c.Retransmissions, c.Capture)
	}
	for _, f := range a.Connections[0].Files {
		if f.Name == "B" && (f.Capture != "cap1" || f.LastCapture != "cap2" || f.LastPacket == 0) {
			t.Errorf("%+v", f)
		}
	}
	// Without the middle one the hole is seen.
	a = analyzeAll(t, captures, []string{"cap0", "cap2"}, corpus()...)
	if got := a.Judge(claim("A", "B")); letters(got) != "PPIIP" || !strings.Contains(got[2].Detail, "never seen") {
		t.Errorf("%+v", got)
	}
}
