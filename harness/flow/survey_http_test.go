package flow

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

func chunked(content []byte, size int) []byte {
	var b bytes.Buffer
	for len(content) > 0 {
		n := min(size, len(content))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, content[:n])
		content = content[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// get is a request by HTTP and its response, with header lines of the response's own.
func (k *talk) get(name, header string, body []byte) *talk {
	k.say(false, fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: h1\r\n\r\n", name))
	return k.say(true, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\n%s\r\n%s", header, body))
}

func (k *talk) put(name, header string, body []byte) *talk {
	k.say(false, fmt.Appendf(nil, "PUT /%s HTTP/1.1\r\nHost: h1\r\n%s\r\n%s", name, header, body))
	return k.say(true, []byte("HTTP/1.1 204 No Content\r\n\r\n"))
}

const (
	inChunks = "Transfer-Encoding: chunked\r\n"
	asGzip   = "Content-Encoding: gzip\r\n"
)

func length(b []byte) string { return fmt.Sprintf("Content-Length: %d\r\n", len(b)) }

// Files by HTTP, up and down, as they are and coded.
func TestSurveyHTTP(t *testing.T) {
	one := func(s *script) *talk { return s.talk(h2, "10.0.0.1:80", 1000, 5000).open() }
	gzA := gzipped(novelA)
	for _, c := range []struct {
		name   string
		build  func(s *script)
		order  []string
		want   string // capture, connections, streams, wire A, wire B, [order,] close
		detail string
	}{
		{"as they are", func(s *script) { one(s).get("A", length(novelA), novelA).get("B", length(novelB), novelB).close() }, []string{"A", "B"}, "PPPPPPP", "A; B: each begins after"},
		{"another order", func(s *script) { one(s).get("A", length(novelA), novelA).get("B", length(novelB), novelB).close() }, []string{"B", "A"}, "PPPPPFP", "A begins before B has ended"},
		{"order over connections", func(s *script) {
			one(s).get("A", length(novelA), novelA).close()
			s.talk("10.0.0.2:40113", "10.0.0.1:80", 7, 9).open().get("B", length(novelB), novelB).close()
		}, []string{"A", "B"}, "PPPPPPP", ""},
		{"chunked, then gzip", func(s *script) {
			one(s).get("A", inChunks, chunked(novelA, 1000)).get("B", asGzip+length(gzipped(novelB)), gzipped(novelB)).close()
		}, []string{"A", "B"}, "PPPPPPP", "found decoded, in an HTTP body: chunked"},
		{"chunked gzip", func(s *script) {
			one(s).get("B", length(novelB), novelB).get("A", inChunks+asGzip, chunked(gzA, 700)).close()
		}, []string{"B", "A"}, "PPPPPPP", "found decoded, in an HTTP body: chunked, gzip"},
		{"one in one chunk", func(s *script) { // then it stands in the stream as it is
			one(s).get("A", inChunks, chunked(novelA, 1<<20)).get("B", length(novelB), novelB).close()
		}, nil, "PPPPPP", "A: 20,000 bytes, one contiguous run (10.0.0.2:40112, to-client, stream offset 53, packets 6 to 32)."},
		{"gzip, flipped before", func(s *script) {
			one(s).get("A", asGzip+inChunks, chunked(gzipped(flip(novelA, 777)), 999)).get("B", length(novelB), novelB).close()
		}, nil, "PPPFPP", "A: differs at file offset 777 in the HTTP body at stream offset"},
		{"gzip, only half of it", func(s *script) {
			one(s).get("A", asGzip+inChunks, chunked(gzipped(novelA[:9000]), 999)).get("B", length(novelB), novelB).close()
		}, nil, "PPPFPP", "A: only its first 9,000 of 20,000 bytes are in the HTTP body"},
		{"a coding that is not known", func(s *script) {
			one(s).get("A", "Content-Encoding: br\r\n"+length(gzA), gzA).get("B", length(novelB), novelB).close()
		}, nil, "PPPIPP", "could not be decoded: its coding is br"},
		{"a hole in gzip", func(s *script) {
			one(s).get("A", asGzip+length(gzA), gzA).get("B", length(novelB), novelB).close()
			s.remove(s.data(1400)[2])
		}, nil, "PPIIPP", "A: not found; this does not decide"},
		{"uploads", func(s *script) {
			one(s).put("A", inChunks+asGzip, chunked(gzA, 800)).put("B", length(novelB), novelB).close()
		}, []string{"A", "B"}, "PPPPPPP", "to-server"},
		{"upload, flipped", func(s *script) {
			one(s).put("A", length(novelA), flip(novelA, 4321)).put("B", length(novelB), novelB).close()
		}, nil, "PPPFPP", "A: differs at file offset 4,321 (10.0.0.2:40112, to-server"},
		{"a hole in the upload", func(s *script) {
			one(s).put("A", length(novelA), flip(novelA, 1)).put("B", length(novelB), novelB).close()
			s.remove(s.data(1400)[2])
		}, nil, "PPIIPP", "to-server are missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			c.build(s)
			a := analyze(t, s.pcapng(), fileOf("A", novelA), fileOf("B", novelB))
			checks := a.SurveyClaim(Claim{Connections: -1, Order: c.order})
			var all strings.Builder
			for _, check := range checks {
				all.WriteString("\n  " + check.Name + " " + string(check.Verdict) + " " + check.Detail)
			}
			if got := letters(checks); got != c.want {
				t.Errorf("verdicts %s, want %s:%s", got, c.want, all.String())
			}
			if !strings.Contains(all.String(), c.detail) {
				t.Errorf("no detail says %q:%s", c.detail, all.String())
			}
		})
	}
}

// A session's claim holds for coded bodies too, and the check says that they were decoded.
func TestJudgeHTTP(t *testing.T) {
	s := newScript(t)
	k := s.talk(h2, server, 1000, 5000).open()
	k.get("A", inChunks+asGzip, chunked(gzipped(novelA), 700)).get("B", length(novelB), novelB).close()
	a := analyze(t, s.pcapng(), corpus()...)
	for files, want := range map[string]string{"A B": "PPPPP", "B A": "PPPFP", "B": "PPPFP", "A B C": "PPPFP"} {
		checks := a.Judge(claim(strings.Fields(files)...))
		if got := letters(checks); got != want {
			t.Errorf("%s: %s, want %s: %+v", files, got, want, checks)
		}
		if files == "A B" && !strings.Contains(checks[3].Detail, "A was found decoded (HTTP, chunked, gzip)") {
			t.Errorf("%s", checks[3].Detail)
		}
	}
}

// Files too short to be told from chance are never more than INCONCLUSIVE when they are there, and FAIL when they are not.
func TestSurveyShort(t *testing.T) {
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().say(true, []byte("a stream with an x")).say(false, []byte("EOF")).close()
	a := analyze(t, s.pcapng(), fileOf("EOF", []byte("EOF")), fileOf("x", []byte("x")), fileOf("z", []byte("z")), fileOf("empty", nil))
	if checks := a.Survey(-1); letters(checks) != "PPPIIFPP" || !strings.Contains(checks[3].Detail, "to-server, stream offset 0") {
		t.Errorf("%s %+v", letters(checks), checks)
	}
}

// A bomb in a body is stopped, and what it hides is not decided.
func TestSurveyBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("expands 256 MiB")
	}
	bomb := gzipped(make([]byte, 400<<20))
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().get("A", asGzip+length(bomb), bomb).close()
	a := analyze(t, s.pcapng(), fileOf("A", novelA))
	if checks := a.Survey(-1); letters(checks) != "PPPIP" || !strings.Contains(checks[3].Detail, "expands to more") {
		t.Errorf("%+v", checks)
	}
}
