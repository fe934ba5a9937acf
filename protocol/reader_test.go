package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Every kind of short read gives what the whole stream gives.
func TestReaderShortReads(t *testing.T) {
	messages := transcript(t, "stream.txt")
	client, server := said(messages, '>'), said(messages, '<')
	readers := map[string]func(io.Reader) io.Reader{
		"one byte":           iotest.OneByteReader,
		"half":               iotest.HalfReader,
		"data and error":     iotest.DataErrReader,
		"data and error 1":   func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
		"empty reads":        func(r io.Reader) io.Reader { return &idleReader{r: r} },
		"cut inside of data": func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 30), r) },
	}
	for name, wrap := range readers {
		t.Run(name, func(t *testing.T) {
			got, err := readRequests(wrap(strings.NewReader(client)))
			if err != io.EOF || len(got) != len(goldenRequests) {
				t.Errorf("%d requests, %v", len(got), err)
			}
			again, err := rewriteAnswers(wrap(strings.NewReader(server)))
			if err != io.EOF || string(again) != server {
				t.Errorf("answers: %v\n%q", err, again)
			}
		})
	}
}

// idleReader returns nothing and no error every other time.
type idleReader struct {
	r io.Reader
	n int
}

func (r *idleReader) Read(p []byte) (int, error) {
	if r.n++; r.n%2 == 1 {
		return 0, nil
	}
	return r.r.Read(p)
}

// The stream cut off at every byte: a clean end only between messages.
func TestReaderTruncated(t *testing.T) {
	messages := transcript(t, "stream.txt")
	clean := map[int]bool{0: true}
	n := 0
	for i, m := range messages {
		if m.who == '<' {
			n += len(m.bytes)
			clean[n] = i+1 == len(messages) || strings.HasPrefix(m.bytes, "SHA256") || strings.HasPrefix(m.bytes, "NO ")
		}
	}
	server := said(messages, '<')
	for n := range len(server) + 1 {
		again, err := rewriteAnswers(strings.NewReader(server[:n]))
		if clean[n] {
			if err != io.EOF {
				t.Errorf("cut at %d: %v, want EOF", n, err)
			}
			continue
		}
		var at *ReadError
		if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &at) || at.Offset != int64(n) {
			t.Errorf("cut at %d: %v", n, err)
		}
		if !strings.HasPrefix(server, string(again)) {
			t.Errorf("cut at %d: read %q", n, again)
		}
	}
}

// The underlying reader's error comes through, with the place, after all bytes
// before it.
func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	in := NewReader(io.MultiReader(strings.NewReader("GET 0 a\nGET 0 b"), iotest.ErrReader(broken)))
	if req, err := in.ReadRequest(); err != nil || req.Name != "a" {
		t.Fatal(req, err)
	}
	_, err := in.ReadRequest()
	var at *ReadError
	if !errors.Is(err, broken) || !errors.As(err, &at) || at.Offset != 15 {
		t.Errorf("request: %v", err)
	}

	in = NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("GET 0 a\n"))))
	if _, err := in.ReadRequest(); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("timeout: %v", err)
	}
	if _, err := in.ReadRequest(); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("after a timeout: %v, want the same again", err)
	}

	for _, writerTo := range []bool{false, true} {
		in = NewReader(io.MultiReader(strings.NewReader("OK 0 9 a\n1234"), iotest.ErrReader(broken)))
		a, err := in.ReadAnswer()
		if err != nil {
			t.Fatal(err)
		}
		body, got := in.Body(a.Length), bytes.Buffer{}
		if writerTo {
			_, err = io.Copy(&got, body)
		} else {
			_, err = io.Copy(&got, struct{ io.Reader }{body})
		}
		if !errors.Is(err, broken) || got.String() != "1234" || in.Offset() != 13 {
			t.Errorf("body, WriterTo %v: %v after %q at %d", writerTo, err, &got, in.Offset())
		}
	}
	in = NewReader(&idleForever{})
	if _, err := in.ReadRequest(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never gives anything: %v", err)
	}
}

// An error that comes with the last bytes, and only once, stands after them.
func TestReaderErrorWithBytes(t *testing.T) {
	for _, stream := range []string{"OK 0 3 a\nab", "OK 0 3 a\nabc", "OK 0 3 a\n", "OK 0 3 a"} {
		broken := errors.New("broken")
		first := true
		src := readerFunc(func(p []byte) (int, error) {
			if !first {
				t.Errorf("%q: read again after an error", stream)
				return 0, io.EOF
			}
			first = false
			return copy(p, stream), broken
		})
		_, err := rewriteAnswers(src)
		var at *ReadError
		if !errors.Is(err, broken) || !errors.As(err, &at) || at.Offset != int64(len(stream)) {
			t.Errorf("%q: %v", stream, err)
		}
	}
}

// The same for a body that is read past the buffer.
func TestBodyErrorWithBytes(t *testing.T) {
	const size = 10_000
	for _, cut := range []int{4500, size} { // in the body; at its end
		for _, writerTo := range []bool{false, true} {
			broken := errors.New("broken")
			left := cut
			in := NewReader(readerFunc(func(p []byte) (int, error) {
				if left == 0 {
					t.Errorf("cut at %d: read again after an error", cut)
					return 0, io.EOF
				}
				n := min(left, len(p), 4096)
				if left -= n; left == 0 {
					return n, broken
				}
				return n, nil
			}))
			body := in.Body(size)
			var got bytes.Buffer
			var err error
			if writerTo {
				_, err = io.Copy(&got, body)
			} else {
				_, err = io.Copy(&got, struct{ io.Reader }{body})
			}
			if got.Len() != cut || cut < size && !errors.Is(err, broken) || cut == size && err != nil {
				t.Errorf("cut at %d, WriterTo %v: %d bytes, %v", cut, writerTo, got.Len(), err)
			}
			if _, err := in.ReadTrailer(); cut == size && !errors.Is(err, broken) {
				t.Errorf("the trailer after the body: %v", err)
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type idleForever struct{}

func (idleForever) Read([]byte) (int, error) { return 0, nil }

func TestReaderRefusesLineInsideBody(t *testing.T) {
	in := NewReader(strings.NewReader("OK 0 3 a\nabc"))
	a, _ := in.ReadAnswer()
	in.Body(a.Length)
	if _, err := in.ReadTrailer(); !errors.Is(err, errBody) {
		t.Errorf("trailer before the body's end: %v", err)
	}
}

// A failed writer of the body is the writer's error, and the stream goes on
// where the writing stopped.
func TestBodyWriteTo(t *testing.T) {
	in := NewReader(iotest.OneByteReader(strings.NewReader("OK 0 6 a\nabcdefSHA256 " + strings.Repeat("0", 64) + "\n")))
	a, err := in.ReadAnswer()
	if err != nil {
		t.Fatal(err)
	}
	body := in.Body(a.Length)
	var got bytes.Buffer
	if _, err := io.CopyN(&got, body, 2); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if _, err := io.Copy(writerFunc(func([]byte) (int, error) { return 0, full }), io.LimitReader(body, 0)); err != nil {
		t.Fatal(err)
	}
	n, err := body.(io.WriterTo).WriteTo(&got)
	if n != 4 || err != nil || got.String() != "abcdef" {
		t.Errorf("%d bytes, %v: %q", n, err, &got)
	}
	if _, err := in.ReadTrailer(); err != nil {
		t.Error(err)
	}
	in = NewReader(strings.NewReader("abcdef"))
	body = in.Body(6)
	if _, err := body.(io.WriterTo).WriteTo(writerFunc(func([]byte) (int, error) { return 0, full })); err != full {
		t.Errorf("writer's error: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A header without end is refused at the bound, whatever its length.
func TestReaderEndlessLine(t *testing.T) {
	endless := &countingReader{r: io.LimitReader(repeat("GET 0 aaaaaaaaaa"), 10<<20)}
	in := NewReader(endless)
	_, err := in.ReadRequest()
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset != 0 || len(syntax.Seen) > 64 {
		t.Errorf("got %v", err)
	}
	if endless.n > 4096 {
		t.Errorf("read %d bytes to refuse", endless.n)
	}
	if _, again := in.ReadRequest(); again != err {
		t.Errorf("then %v, want the same again", again)
	}
	longest := append([]byte("NO failed "), bytes.Repeat([]byte("r"), MaxReason)...)
	if a, err := NewReader(bytes.NewReader(append(longest, '\n'))).ReadAnswer(); err != nil || len(a.Reason) != MaxReason {
		t.Errorf("the longest line: %v", err)
	}
}

type repeat string

func (s repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = s[i%len(s)]
	}
	return len(p), nil
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// A bad name is a *NameError, and the connection goes on.
func TestReaderBadNames(t *testing.T) {
	for _, name := range badNames {
		if strings.Contains(name, "\n") || len(name) > 900 {
			continue
		}
		in := NewReader(strings.NewReader(fmt.Sprintf("GET 7 %s\nGET 0 good\n", name)))
		req, err := in.ReadRequest()
		var bad *NameError
		if !errors.As(err, &bad) || req.Name != name || req.Offset != 7 {
			t.Errorf("%q: %+v, %v", name, req, err)
		}
		if req, err := in.ReadRequest(); err != nil || req.Name != "good" {
			t.Errorf("after %q: %+v, %v", name, req, err)
		}
	}
}
