package protocol

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// How a client ends where the server closes, or nothing more comes. In a step,
// "~" is silence and "." the connection's end.
func TestLockstepClientEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   []string
		content string
		state   LockstepState
		doubt   int   // the case
		offset  int64 // of the doubt
		err     error // of the end
	}{
		"refused":                {steps: []string{"."}, state: LockstepFailed, err: ErrRefused},
		"cut in the reply":       {steps: []string{"se", "."}, state: LockstepFailed, err: io.ErrUnexpectedEOF},
		"cut before content":     {steps: []string{"sent", "."}, state: LockstepFailed, err: io.ErrUnexpectedEOF},
		"cut in a chunk":         {steps: []string{"sent", "abc", "."}, content: "abc", state: LockstepFailed, err: io.ErrUnexpectedEOF},
		"cut after a full chunk": {steps: []string{"sent", "abcdefgh", "."}, content: "abcdefgh", state: LockstepFailed, err: io.ErrUnexpectedEOF},
		"cut after a short one":  {steps: []string{"sent", "abc", "~", "."}, content: "abc", state: LockstepFailed, err: io.ErrUnexpectedEOF},
		"clean":                  {steps: []string{"sent", "abc", "~", "EOF", "."}, content: "abc", state: LockstepDone},
		"clean, marker split":    {steps: []string{"sent", "abc", "~", "E", "OF"}, content: "abc", state: LockstepDone},
		"content EO":             {steps: []string{"sent", "EO", "~", "EOF"}, content: "EO", state: LockstepDone},
		"full chunks only":       {steps: []string{"sent", "abcdefgh", "EOF", "~"}, content: "abcdefgh", state: LockstepDone, doubt: 1, offset: 8},
		"full chunks, closed":    {steps: []string{"sent", "abcdefgh", "EOF", "."}, content: "abcdefgh", state: LockstepDone, doubt: 1, offset: 8},
		"empty":                  {steps: []string{"sent", "EOF", "~"}, state: LockstepDone, doubt: 1},
		"EOF begins a chunk":     {steps: []string{"sent", "EOF", "x", "~", "EOF"}, content: "EOFx", state: LockstepDone},
		"ends in EOF":            {steps: []string{"sent", "abcEOF", "~", "EOF"}, content: "abcEOF", state: LockstepDone},
		"merged":                 {steps: []string{"sent", "abcEOF", "~", "."}, content: "abcEOF", state: LockstepFailed, doubt: 2, offset: 3, err: ErrAmbiguous},
		"merged, at once":        {steps: []string{"sent", "abcEOF", "."}, content: "abc", state: LockstepFailed, doubt: 2, offset: 3, err: ErrAmbiguous},
		"merged to a full chunk": {steps: []string{"sent", "abcdeEOF", "."}, content: "abcdeEOF", state: LockstepFailed, doubt: 2, offset: 5, err: ErrAmbiguous},
		"quiet too early":        {steps: []string{"sent", "abc", "~", "deEOF", "~"}, content: "abcde", state: LockstepDone, doubt: 3, offset: 5},
		"too early, then full":   {steps: []string{"sent", "abc", "~", "defgh", "ijklmnop", "EOF", "~"}, content: "abcdefghijklmnop", state: LockstepDone, doubt: 1, offset: 16},
		"smaller chunks":         {steps: []string{"sent", "abc", "~", "def", "~", "ghi", "~", "EOF"}, content: "abcdefghi", state: LockstepDone},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewLockstepClient(8)
			if _, err := c.Request("a"); err != nil {
				t.Fatal(err)
			}
			var content, got []byte
			var err error
			for _, step := range tc.steps {
				switch step {
				case "~":
					got, _, err = c.Quiet()
				case ".":
					got, err = nil, c.Closed()
				default:
					got, _, err = c.Feed([]byte(step))
				}
				content = append(content, got...)
			}
			if string(content) != tc.content || c.State() != tc.state || !errors.Is(err, tc.err) {
				t.Errorf("got %q, %v, %v; want %q, %v, %v", content, c.State(), err, tc.content, tc.state, tc.err)
			}
			var doubt *AmbiguousError
			if errors.As(c.Ambiguous(), &doubt); tc.doubt == 0 && doubt != nil ||
				tc.doubt > 0 && (doubt == nil || doubt.Case != tc.doubt || doubt.Offset != tc.offset) {
				t.Errorf("in doubt: %v, want case %d at %d", c.Ambiguous(), tc.doubt, tc.offset)
			}
		})
	}
}

func TestLockstepClientRefuses(t *testing.T) {
	c := NewLockstepClient(0)
	if c.Buffer() != DefaultBuffer {
		t.Errorf("buffer %d", c.Buffer())
	}
	var bad *NameError
	if _, err := c.Request("../a"); !errors.As(err, &bad) {
		t.Errorf("../a: %v", err)
	}
	var syntax *SyntaxError
	if _, _, err := c.Feed([]byte("early")); !errors.As(err, &syntax) || c.State() != LockstepFailed {
		t.Errorf("bytes before any request: %v", err)
	}
	c = NewLockstepClient(1)
	if c.Buffer() != LockstepMinBuffer {
		t.Errorf("buffer %d", c.Buffer())
	}
	if _, err := c.Request("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Request("b"); err == nil {
		t.Error("a second request while one is under way")
	}
	if _, _, err := c.Feed([]byte("seHTTP/1.1")); !errors.As(err, &syntax) || syntax.Offset != 2 {
		t.Errorf("garbage: %v", err)
	}
	if err := c.Closed(); err == nil {
		t.Error("a failed client closes cleanly")
	}
}

// What a server does with names and with garbage.
func TestLockstepServerNames(t *testing.T) {
	known := func(name string) bool { return slices.Contains([]string{"a.txt", "sentinel", "long name.txt"}, name) }
	for _, tc := range []struct {
		reads []string
		want  LockstepAction // after the last read
		name  string
		quiet LockstepAction // after silence
	}{
		{[]string{"a.txt"}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"../novel/a.txt"}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"/srv/novels/long name.txt"}, LockstepOpen, "long name.txt", LockstepRead},
		{[]string{`C:\novels\a.txt`}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"../no", "vel/a", ".txt"}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"senta.txt"}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"sent", "sent", "a.txt"}, LockstepOpen, "a.txt", LockstepRead},
		{[]string{"sentinel"}, LockstepOpen, "sentinel", LockstepRead},
		{[]string{"sentsentinel"}, LockstepOpen, "sentinel", LockstepRead},
		{[]string{"sent"}, LockstepRead, "", LockstepRead},
		{[]string{"missing"}, LockstepRead, "", LockstepClose},
		{[]string{"../../etc/passwd"}, LockstepRead, "", LockstepClose},
		{[]string{"a.txt\x00"}, LockstepRead, "", LockstepClose},
		{[]string{"/"}, LockstepRead, "", LockstepClose},
		{[]string{".."}, LockstepRead, "", LockstepClose},
		{[]string{strings.Repeat("x", 10<<20)}, LockstepClose, "", LockstepClose},
		{[]string{strings.Repeat("x", 1023), "x"}, LockstepClose, "", LockstepClose},
		{[]string{"a.txt", "GET / HTTP/1.1"}, LockstepClose, "a.txt", LockstepClose},
		{[]string{"a.txt", "sent", "sen", "x"}, LockstepClose, "a.txt", LockstepClose},
	} {
		s := NewLockstepServer(0, known)
		var act LockstepAction
		for _, read := range tc.reads {
			act = s.Feed([]byte(read))
		}
		if act != tc.want || s.Name() != tc.name {
			t.Errorf("%.40q: %v %q, want %v %q", tc.reads, act, s.Name(), tc.want, tc.name)
		}
		if act := s.Quiet(); act != tc.quiet {
			t.Errorf("%.40q, silence: %v, want %v", tc.reads, act, tc.quiet)
		}
		if (s.Err() != nil) != (tc.quiet == LockstepClose) || s.Err() != nil && len(s.Err().Error()) > 400 {
			t.Errorf("%.40q: %.500v", tc.reads, s.Err())
		}
	}
}

// Where a client acknowledges too often, or must, the end marker waits.
func TestLockstepServerSurplus(t *testing.T) {
	for _, tc := range []struct {
		buffer int
		ack    string
		waits  bool
	}{{0, "sent", false}, {0, "sentsent", true}, {DefaultBuffer + 1, "sent", true}} {
		s := NewLockstepServer(tc.buffer, func(string) bool { return true })
		for _, read := range []string{"a", "sent", tc.ack} {
			s.Feed([]byte(read))
		}
		act := s.Finish()
		if waits := act == LockstepRead && s.WantsQuiet(); waits != tc.waits {
			t.Errorf("%+v: %v", tc, act)
		}
		if tc.waits {
			if act := s.Feed([]byte("sent")); act != LockstepRead {
				t.Errorf("%+v: a stray acknowledgement: %v", tc, act)
			}
			act = s.Quiet()
		}
		if act != LockstepFinish || !s.Between() {
			t.Errorf("%+v: %v at last", tc, act)
		}
	}
}

// A stray acknowledgement before a name shows a surplus, too.
func TestLockstepServerStray(t *testing.T) {
	s := NewLockstepServer(0, func(name string) bool { return name == "a" })
	for _, read := range []string{"senta", "sent"} {
		s.Feed([]byte(read))
	}
	if act := s.Finish(); act != LockstepRead || !s.WantsQuiet() {
		t.Errorf("after a stray acknowledgement: %v", act)
	}
}

func TestLockstepChunks(t *testing.T) {
	for _, content := range append(shapes, strings.Repeat("x", 64<<10), strings.Repeat("EOF", 50_000)) {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
			c := NewLockstepChunks(wrap(strings.NewReader(content)), small)
			var got, last []byte
			for {
				chunk, err := c.Next()
				if err == io.EOF {
					break
				}
				if err != nil || len(chunk) == 0 || len(chunk) > small || string(chunk) == "EOF" {
					t.Fatalf("%.20q: chunk %q, %v", content, chunk, err)
				}
				got, last = append(got, chunk...), bytes.Clone(chunk)
			}
			if string(got) != content || len(last) == small {
				t.Errorf("%.20q: got %.20q, the last chunk %q", content, got, last)
			}
		}
	}
	broken := errors.New("broken")
	c := NewLockstepChunks(io.MultiReader(strings.NewReader("abcdefgh"), iotest.ErrReader(broken)), small)
	if chunk, err := c.Next(); string(chunk) != "abcd" || err != nil {
		t.Errorf("%q, %v", chunk, err)
	}
	if _, err := c.Next(); err != broken {
		t.Errorf("a reader's error: %v", err)
	}
	if _, err := NewLockstepChunks(idleForever{}, 0).Next(); err != io.ErrNoProgress {
		t.Errorf("a reader that never gives anything: %v", err)
	}
}

// exchanges returns a function that plays one exchange of a file without end.
func exchanges(tb testing.TB, buffer int) func() {
	s := NewLockstepServer(buffer, func(string) bool { return true })
	c := NewLockstepClient(buffer)
	name, err := c.Request("a")
	if err != nil || s.Feed(name) != LockstepOpen {
		tb.Fatal(err)
	}
	chunks := NewLockstepChunks(&cycle{b: bytes.Repeat([]byte("EOF sent "), 9999)}, buffer)
	_, ack, _ := c.Feed(LockstepReady())
	return func() {
		if act := s.Feed(ack); act != LockstepSend {
			tb.Fatal(act)
		}
		chunk, err := chunks.Next()
		if err != nil {
			tb.Fatal(err)
		}
		if _, ack, err = c.Feed(chunk); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestLockstepDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(1000, exchanges(t, 0)); n != 0 {
		t.Errorf("%v allocations an exchange", n)
	}
}

func BenchmarkLockstepExchange(b *testing.B) {
	exchange := exchanges(b, 0)
	b.SetBytes(DefaultBuffer)
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}
