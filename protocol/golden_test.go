package protocol

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A golden transcript has one message a line: ">" from the client or "<" from
// the server, and the bytes as a Go string; "~" is silence. "#" begins a comment.
type message struct {
	who   byte
	bytes string
}

func transcript(t testing.TB, name string) (messages []message) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		m := message{who: line[0]}
		if line != "~" {
			if m.bytes, err = strconv.Unquote(strings.TrimSpace(line[1:])); err != nil {
				t.Fatalf("%s:%d: %v", name, n, err)
			}
		}
		messages = append(messages, m)
	}
	return messages
}

func said(messages []message, who byte) string {
	var b strings.Builder
	for _, m := range messages {
		if m.who == who {
			b.WriteString(m.bytes)
		}
	}
	return b.String()
}

var goldenFiles = map[string]string{
	"Shogun.txt": "The ship came in at dusk.\n",
	"empty":      "",
	"naïve – 1":  "OK 0 5 \nSHA256",
}

// The golden exchange: what was asked for, and what the server says to it.
var goldenRequests = []Request{
	{Name: "Shogun.txt"},
	{Name: "Shogun.txt", Offset: 9},
	{Name: "missing.txt", Offset: math.MaxInt64},
	{Name: "empty"},
	{Name: "Shogun.txt", Offset: 26},
	{Name: "Shogun.txt", Offset: 27},
	{Name: "naïve – 1"},
}

func serveGolden(b []byte, r Request) ([]byte, error) {
	content, ok := goldenFiles[r.Name]
	switch {
	case !ok:
		return AppendAnswer(b, Answer{Code: CodeMissing, Reason: "no such file"})
	case r.Offset > int64(len(content)):
		return AppendAnswer(b, Answer{Code: CodeOffset, Reason: fmt.Sprintf("the file has %d bytes", len(content))})
	}
	sent := content[r.Offset:]
	b, err := AppendAnswer(b, Answer{OK: true, Name: r.Name, Offset: r.Offset, Length: int64(len(sent))})
	b = append(b, sent...)
	return AppendTrailer(b, Trailer{sha256.Sum256([]byte(sent)), wholeDigest(content, r), r.Offset > 0}), err
}

func wholeDigest(content string, r Request) (d [32]byte) {
	if r.Offset > 0 {
		d = sha256.Sum256([]byte(content))
	}
	return d
}

func TestGoldenStream(t *testing.T) {
	messages := transcript(t, "stream.txt")
	var asked, answered []byte
	var err error
	for _, r := range goldenRequests {
		if asked, err = AppendRequest(asked, r); err != nil {
			t.Fatal(err)
		}
		if answered, err = serveGolden(answered, r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(said(messages, '>'), string(asked)); diff != "" {
		t.Errorf("client (-golden +written):\n%s", diff)
	}
	if diff := cmp.Diff(said(messages, '<'), string(answered)); diff != "" {
		t.Errorf("server (-golden +written):\n%s", diff)
	}
	got, err := readRequests(strings.NewReader(said(messages, '>')))
	if diff := cmp.Diff(goldenRequests, got); diff != "" || err != io.EOF {
		t.Errorf("requests read, %v (-want +got):\n%s", err, diff)
	}
	again, err := rewriteAnswers(strings.NewReader(said(messages, '<')))
	if diff := cmp.Diff(said(messages, '<'), string(again)); diff != "" || err != io.EOF {
		t.Errorf("answers read and written again, %v (-golden +got):\n%s", err, diff)
	}
}

// readRequests reads until an error, which it returns.
func readRequests(r io.Reader) (requests []Request, err error) {
	in := NewReader(r)
	for {
		req, err := in.ReadRequest()
		if err != nil {
			return requests, err
		}
		requests = append(requests, req)
	}
}

// rewriteAnswers reads a server's bytes, and writes what it understood.
func rewriteAnswers(r io.Reader) (again []byte, err error) {
	in := NewReader(r)
	for {
		a, err := in.ReadAnswer()
		if err != nil {
			return again, err
		}
		if again, err = AppendAnswer(again, a); err != nil {
			return again, fmt.Errorf("read but not written: %w", err)
		}
		if !a.OK {
			continue
		}
		body, err := io.ReadAll(in.Body(a.Length))
		again = append(again, body...)
		if err != nil {
			return again, err
		}
		tr, err := in.ReadTrailer()
		if err != nil {
			return again, err
		}
		again = AppendTrailer(again, tr)
	}
}

// Each line of the lockstep transcript is one read; both machines must say
// what it says, and the content must be the files'.
func TestGoldenLockstep(t *testing.T) {
	files := map[string]string{
		"Shogun.txt": "twelve bytes", "end.txt": "at the end: EOF", "full.txt": "sixteen bytes ok", "EOF.txt": "EOF",
	}
	s := newOurServer(16, files)
	c := newOurClient(16, []string{"Shogun.txt", "end.txt", "full.txt", "EOF.txt"})
	var said []message
	say := func(who byte, b []byte) {
		if len(b) > 0 {
			said = append(said, message{who, string(b)})
		}
	}
	say('>', c.next())
	for quiet := false; ; {
		last := said[len(said)-1]
		n := len(said)
		switch {
		case last.who == '~':
			say('>', c.quiet())
		case last.who == '>':
			say('<', s.recv([]byte(last.bytes)))
		default:
			say('>', c.recv([]byte(last.bytes)))
		}
		if len(said) > n {
			quiet = false
			continue
		}
		if quiet || !c.patient() {
			break
		}
		quiet = true
		said = append(said, message{who: '~'})
	}
	for i, name := range c.names {
		if i >= len(c.got) || c.got[i] != files[name] || c.ambig[i] != 0 {
			t.Errorf("%s: got %q, ambiguous %v", name, c.got, c.ambig)
		}
	}
	if diff := cmp.Diff(transcript(t, "lockstep.txt"), said, cmp.AllowUnexported(message{})); diff != "" {
		t.Errorf("(-golden +said):\n%s", diff)
	}
}
