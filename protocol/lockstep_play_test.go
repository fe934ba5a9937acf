package protocol

import (
	"slices"
	"strings"
	"testing"
)

// With a buffer of 4 bytes these are all the shapes of a file: empty, shorter
// than a chunk, exactly n chunks, more; "EOF" as the file, as the last chunk, at
// a chunk's end, across a boundary, over and over; the acknowledgement as
// content.
var shapes = []string{
	"", "a", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefghi",
	"E", "EO", "EOF", "EOFE", "EOFEO", "EOFEOF", "EOFx", "aEOF", "abEOF", "abcEOF",
	"abcdE", "abcdEO", "abcdEOF", "abcdEOFx", "abcdeEOF", "abcdaEOF", "abcdEOFEOF", "abcdabcEOF",
	"EOFEOFEOF", "EOFEOFEOFEOF", "sent", "sentsent", "sentEOF",
}

const small = 4

// What no client can tell when it speaks to the original server: see
// AmbiguousError, case 1.
func undecidable(content string) bool {
	return len(content)%small == 0 || len(content)%small == 3 && strings.HasSuffix(content, "EOF")
}

func TestOurClientAndOriginalServer(t *testing.T) {
	for _, content := range shapes {
		for _, second := range []string{"xy", "abcd"} {
			files := map[string]string{"a": content, "b": second}
			client := newOurClient(small, []string{"a", "b"})
			first := client.next()
			// The original server takes any part of "sent" for all of it, so only
			// what comes from it is cut.
			s := &search{cutClient: true}
			for _, end := range s.run(t, first, client, &originalServer{files: files, buffer: small, state: "name"}) {
				c := end.client.(*ourClient)
				want, which := content, 0
				if undecidable(content) {
					which = 1
					if len(content)%small == 3 {
						// The server still waits and takes the next name for an
						// acknowledgement. The first file says that it is in doubt.
						want = strings.TrimSuffix(content, "EOF")
						if len(c.ambig) == 0 || c.ambig[0] != 1 || c.got[0] != want {
							t.Errorf("%q: got %q, ambiguous %v", content, c.got, c.ambig)
						}
						continue
					}
				}
				second2 := 0
				if undecidable(second) {
					second2 = 1
				}
				if !slices.Equal(c.got, []string{want, second}) || !slices.Equal(c.ambig, []int{which, second2}) || c.err != nil {
					t.Errorf("%q, %q: got %q, ambiguous %v, %v; want case %d", content, second, c.got, c.ambig, c.err, which)
				}
			}
		}
	}
}

func TestOurClientAndOurServer(t *testing.T) {
	for _, content := range shapes {
		for _, second := range []string{"xy", "EOF", "sent"} {
			files := map[string]string{"a": content, "sent": second}
			client := newOurClient(small, []string{"a", "sent"})
			first := client.next()
			s := &search{cutClient: true, cutServer: true}
			for _, end := range s.run(t, first, client, newOurServer(small, files)) {
				c := end.client.(*ourClient)
				which := 0
				if content == "" {
					which = 1
				}
				if !slices.Equal(c.got, []string{content, second}) || !slices.Equal(c.ambig, []int{which, 0}) || c.err != nil {
					t.Fatalf("%q, %q: got %q, ambiguous %v, %v", content, second, c.got, c.ambig, c.err)
				}
				if srv := end.server.(*ourServer); srv.closed || !srv.Between() {
					t.Fatalf("%q: the server is at %s, %v", content, srv.key(), srv.Err())
				}
			}
		}
	}
}

func TestOriginalClientAndOurServer(t *testing.T) {
	for _, content := range shapes {
		files := map[string]string{"../novel/a": content, "a": content, "b": "xy"}
		client := &originalClient{names: []string{"../novel/a", "b"}, buffer: small}
		s := &search{cutServer: true}
		for _, end := range s.run(t, []byte("../novel/a"), client, newOurServer(small, files)) {
			if c := end.client.(*originalClient); !slices.Equal(c.got, []string{content, "xy"}) || c.ready {
				t.Errorf("%q: got %q, ready %v", content, c.got, c.ready)
			}
		}
	}
}

// The original client acknowledges each part of a split chunk. A server that
// waits for silence before the end marker survives all of it; one that has not
// yet seen a surplus may not, as the documentation says. (A split "sent" or
// "EOF" is beyond any server's help: the original client takes the first part
// for the whole.)
func TestOriginalClientSplitReads(t *testing.T) {
	unseen := 0
	for _, content := range []string{"", "a", "abc", "abcd", "abcdefgh", "abcdefghi", "sentsents"} {
		files := map[string]string{"a": content, "b": "xyz"}
		for _, surplus := range []bool{true, false} {
			server := newOurServer(small, files)
			server.surplus = surplus
			client := &originalClient{names: []string{"a", "b"}, buffer: small}
			s := &search{cutClient: true, cutServer: true, whole: true}
			for _, end := range s.run(t, []byte("a"), client, server) {
				c := end.client.(*originalClient)
				if slices.Equal(c.got, []string{content, "xyz"}) && !c.ready {
					continue
				}
				if surplus {
					t.Errorf("%q: got %q, ready %v, server %s", content, c.got, c.ready, end.server.key())
				}
				unseen++
			}
		}
	}
	if unseen == 0 {
		t.Error("a surplus that no read shows does no harm: the documentation says it does")
	}
}

// The originals with each other: what the dialect does by itself. Were these
// all well, the model would be of something else.
func TestOriginalsBreak(t *testing.T) {
	for _, tc := range []struct {
		content string
		cut     bool
		breaks  bool
	}{
		{content: "abcdefghi"},
		{content: "abEOF"},
		{content: "abcd"},
		{content: "abcdEOF", breaks: true},
		{content: "EOF", breaks: true},
		{content: "ab", cut: true, breaks: true},
	} {
		files := map[string]string{"a": tc.content}
		s := &search{cutClient: tc.cut}
		broken := false
		client := &originalClient{names: []string{"a"}, buffer: small}
		for _, end := range s.run(t, []byte("a"), client, &originalServer{files: files, buffer: small, state: "name"}) {
			c := end.client.(*originalClient)
			broken = broken || c.ready || !slices.Equal(c.got, []string{tc.content})
		}
		if broken != tc.breaks {
			t.Errorf("%q, cut %v: broken %v, want %v", tc.content, tc.cut, broken, tc.breaks)
		}
	}
}

// Quiet given too early, inside messages, is outside the contract; the content is
// still right, or in doubt, where it has no "EOF".
func TestQuietTooEarly(t *testing.T) {
	for _, content := range shapes {
		if strings.Contains(content, "EOF") {
			continue
		}
		files := map[string]string{"a": content}
		client := newOurClient(small, []string{"a"})
		first := client.next()
		s := &search{cutClient: true, cutServer: true, liar: true}
		for _, end := range s.run(t, first, client, newOurServer(small, files)) {
			c := end.client.(*ourClient)
			if c.got[0] != content && len(c.ambig) == 1 && c.ambig[0] == 0 {
				t.Errorf("%q: got %q as if it were whole", content, c.got)
			}
		}
	}
}
