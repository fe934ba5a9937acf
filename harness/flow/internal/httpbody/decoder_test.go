package httpbody

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// record is a Handler that writes down what it is told.
type record struct {
	bodies    []string // coding, content, whole
	offsets   []int64
	now       bytes.Buffer
	coding    string
	undecoded []string
	most      int
}

func (r *record) Begin(offset int64, coding string) {
	r.coding = coding
	r.offsets = append(r.offsets, offset)
	r.now.Reset()
}

func (r *record) Bytes(b []byte, _ int64, _ find.Mark) bool {
	r.now.Write(b)
	return r.most == 0 || r.now.Len() < r.most
}
func (r *record) Skip(n int64, _ find.Mark) { fmt.Fprintf(&r.now, "<%d unknown>", n) }
func (r *record) End(whole bool) {
	r.bodies = append(r.bodies, fmt.Sprintf("%s|%s|%v", r.coding, r.now.String(), whole))
}
func (r *record) Undecoded(_ int64, why string) { r.undecoded = append(r.undecoded, why) }

func squeeze(t testing.TB, how, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch how {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	default:
		w, _ = flate.NewWriter(&b, 6)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func chunks(text string, sizes ...int) string {
	var b strings.Builder
	for i := 0; len(text) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(text))
		fmt.Fprintf(&b, "%x;ext=1\r\n%s\r\n", n, text[:n])
		text = text[n:]
	}
	return b.String() + "0\r\nTrailer: yes\r\n\r\n"
}

// decode feeds a stream cut at random, and lists the bodies.
func decode(responses bool, stream string, cut *rand.Rand, methods ...string) *record {
	r := &record{}
	d := New(responses, &Requests{methods: methods}, &Shared{}, r)
	at := 0
	for at < len(stream) {
		n := len(stream) - at
		if cut != nil {
			n = min(n, 1+cut.IntN(1+cut.IntN(40)))
		}
		d.Feed(int64(at), []byte(stream[at:at+n]), find.Mark{})
		at += n
	}
	d.End()
	return r
}

func TestDecode(t *testing.T) {
	long := strings.Repeat("what is squeezed is the same when it is let out. ", 300)
	gz, zl, fl := squeeze(t, "gzip", long), squeeze(t, "zlib", long), squeeze(t, "deflate", long)
	plain := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain"
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks("in pieces", 4)
	length := func(b, coding string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-encoding: %s\r\nCONTENT-LENGTH: %d\r\n\r\n%s", coding, len(b), b)
	}
	for _, c := range []struct {
		name, stream string
		request      bool
		methods      []string
		want         []string
		undecoded    string
	}{
		{name: "plain", stream: plain + plain},
		{name: "chunked", stream: chunked + plain + chunked, want: []string{"chunked|in pieces|true", "chunked|in pieces|true"}},
		{name: "gzip", stream: length(gz, "gzip") + chunked, want: []string{"gzip|" + long + "|true", "chunked|in pieces|true"}},
		{name: "x-gzip", stream: length(gz, "x-gzip"), want: []string{"x-gzip|" + long + "|true"}},
		{name: "deflate as zlib", stream: length(zl, "deflate") + plain, want: []string{"deflate|" + long + "|true"}},
		{name: "deflate, bare", stream: length(fl, "deflate") + plain, want: []string{"deflate|" + long + "|true"}},
		{name: "chunked gzip", stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunks(gz, 7, 100) + chunked,
			want: []string{"chunked, gzip|" + long + "|true", "chunked|in pieces|true"}},
		{name: "transfer coding gzip", stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunks(gz, 50), want: []string{"chunked, gzip|" + long + "|true"}},
		{name: "gzip to the end", stream: "HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gz, want: []string{"gzip|" + long + "|true"}},
		{name: "plain to the end", stream: "HTTP/1.0 200 OK\r\n\r\nHTTP is a word\r\n\r\n"},
		{name: "HEAD, then GET", stream: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + chunked, methods: []string{"HEAD", "GET"},
			want: []string{"chunked|in pieces|true"}},
		{name: "continue, no content, not modified", stream: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n" + chunked,
			want: []string{"chunked|in pieces|true"}},
		{name: "another protocol", stream: "HTTP/1.1 101 Switching\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", want: nil},
		{name: "upload", request: true, stream: "GET / HTTP/1.1\r\nHost: h\r\n\r\nPUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks("an upload", 3), want: []string{"chunked|an upload|true"}},
		{name: "no HTTP", stream: "OK 0 12 novel.txt\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"},
		{name: "no HTTP, from a client", request: true, stream: "\x16\x03\x01\x02\x00 hello"},
		{name: "brotli", stream: length("whatever", "br") + chunked, want: []string{"chunked|in pieces|true"}, undecoded: "its coding is br"},
		{name: "cut", stream: chunked[:len(chunked)-33], want: []string{"chunked|in piece|false"}},
		{name: "no chunk", stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", want: []string{"chunked||false"}, undecoded: "a chunk has no size"},
		{name: "damaged gzip", stream: length(gz[:20]+"damage"+gz[26:], "gzip") + chunked, want: []string{"", "chunked|in pieces|true"}},
		{name: "endless header", stream: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeader), undecoded: "its header is too long"},
	} {
		for seed := range uint64(30) {
			cut := rand.New(rand.NewPCG(seed, 9))
			if seed == 0 {
				cut = nil
			}
			r := decode(!c.request, c.stream, cut, c.methods...)
			ok := len(r.bodies) == len(c.want)
			for i := range r.bodies {
				if c.want != nil && i < len(c.want) && c.want[i] == "" {
					ok = ok && strings.HasSuffix(r.bodies[i], "|false")
				} else {
					ok = ok && r.bodies[i] == c.want[i]
				}
			}
			if !ok {
				t.Errorf("%s, seed %d: %.200q\nwant %.200q", c.name, seed, r.bodies, c.want)
			}
			if c.undecoded != "" && (len(r.undecoded) != 1 || r.undecoded[0] != c.undecoded) || c.undecoded == "" && len(r.undecoded) > 0 {
				t.Errorf("%s, seed %d: %q, want %q", c.name, seed, r.undecoded, c.undecoded)
			}
		}
	}
}

// What net/http writes is what its client reads.
func TestAgainstNetHTTP(t *testing.T) {
	content := strings.Repeat("a page of a book, ", 5000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, content[:1000])
		w.(http.Flusher).Flush()
		io.WriteString(w, content[1000:])
	}))
	defer s.Close()
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var wire bytes.Buffer
	if err := resp.Write(&wire); err != nil { // chunked again, by the standard library
		t.Fatal(err)
	}
	if r := decode(true, wire.String(), nil); len(r.bodies) != 1 || r.bodies[0] != "chunked|"+content+"|true" {
		t.Errorf("%.100q", r.bodies)
	}
}

// Bytes that are not known: inside a chunk they are passed over; where framing is lost, the next response is found.
func TestMissing(t *testing.T) {
	r := &record{}
	d := New(true, &Requests{}, &Shared{}, r)
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	d.Feed(0, []byte(head+"a\r\n01"), find.Mark{})
	d.Missing(0, 5, find.Mark{})
	d.Feed(0, []byte("789\r\n"), find.Mark{})
	d.Missing(0, 100, find.Mark{})
	d.Feed(0, []byte("garbage"), find.Mark{})
	d.Feed(0, []byte(head+chunks("again", 9)), find.Mark{})
	want := []string{"chunked|01<5 unknown>789|false", "chunked|again|true"}
	if fmt.Sprint(r.bodies) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", r.bodies, want)
	}
}

// A handler that wants no more of a body gets no more of it, and the next one whole.
func TestStop(t *testing.T) {
	bomb := squeeze(t, "gzip", strings.Repeat("\x00", 50<<20))
	stream := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb)
	r := &record{most: 100_000}
	shared := &Shared{}
	d := New(true, &Requests{}, shared, r)
	d.Feed(0, []byte(stream+"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks("small", 9)), find.Mark{})
	if len(r.bodies) != 2 || len(r.bodies[0]) > 200_000 || r.bodies[1] != "chunked|small|true" {
		t.Errorf("%d bodies, the first of %d bytes", len(r.bodies), len(r.bodies[0]))
	}
	if shared.inflaters != 0 {
		t.Errorf("%d inflaters in use", shared.inflaters)
	}
}

// Whatever is fed, and wherever it is cut, the result is the same, and nothing stays in use.
func FuzzDecoder(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks("seed", 2), uint64(1), true)
	gz := squeeze(f, "gzip", "seed")
	f.Add(fmt.Sprintf("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(gz), gz), uint64(2), false)
	f.Fuzz(func(t *testing.T, stream string, seed uint64, responses bool) {
		if strings.Count(stream, "HTTP/1.") > 1 {
			return // a resumption depends on the cuts
		}
		whole := decode(responses, stream, nil)
		cut := decode(responses, stream, rand.New(rand.NewPCG(seed, 1)))
		if fmt.Sprint(whole.bodies) != fmt.Sprint(cut.bodies) {
			t.Errorf("%q\n%q", whole.bodies, cut.bodies)
		}
	})
}
