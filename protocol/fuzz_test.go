package protocol

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
)

// cutReader returns as many bytes a read as the next of its cuts says.
type cutReader struct {
	data, cuts []byte
	n          int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(c.cuts) > 0 {
		n += int(c.cuts[c.n%len(c.cuts)])
		c.n++
	}
	n = copy(p, c.data[:min(n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func addStream(f *testing.F, who byte) {
	whole := []byte(said(transcript(f, "stream.txt"), who))
	f.Add(whole, []byte{0})
	f.Add(whole, []byte{3, 0, 60})
	f.Add(whole[:len(whole)-9], []byte{})
	for _, s := range []string{
		"", "\n", "GET 0 ../x\nGET 1 y\n", "GET 01 a\n", "GET -1 a\n", "OK 0 9223372036854775807 a\nabc", "OK 0 2 a\nabSHA256 ",
		"NO missing a\n", "OK 5 0 \x00\n", "GET 9999999999999999999 a\n",
	} {
		f.Add([]byte(s), []byte{7})
	}
	f.Add(bytes.Repeat([]byte("G"), 2*MaxLine), []byte{255})
}

// What the parser accepts the writer reproduces, and the result is the same
// wherever reads are cut.
func FuzzRequests(f *testing.F) {
	addStream(f, '>')
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		got, err := readRequests(bytes.NewReader(data))
		var again []byte
		for _, r := range got {
			var err error
			if again, err = AppendRequest(again, r); err != nil {
				t.Fatalf("read but not written: %v", err)
			}
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("read %q, wrote %q", data, again)
		}
		gotCut, errCut := readRequests(&cutReader{data: data, cuts: cuts})
		if !reflect.DeepEqual(got, gotCut) || !sameError(err, errCut) {
			t.Fatalf("whole: %+v, %v\ncut: %+v, %v", got, err, gotCut, errCut)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	addStream(f, '<')
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		again, err := rewriteAnswers(bytes.NewReader(data))
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("read %q, wrote %q", data, again)
		}
		againCut, errCut := rewriteAnswers(&cutReader{data: data, cuts: cuts})
		if !bytes.Equal(again, againCut) || !sameError(err, errCut) {
			t.Fatalf("whole: %q, %v\ncut: %q, %v", again, err, againCut, errCut)
		}
	})
}

func sameError(a, b error) bool {
	if len(a.Error()) > 1024 {
		return false // without bound
	}
	return a.Error() == b.Error() && errors.Is(a, io.ErrUnexpectedEOF) == errors.Is(b, io.ErrUnexpectedEOF)
}

// What the writer accepts the parser reads.
func FuzzAppend(f *testing.F) {
	f.Add("a", int64(0), int64(0), "reason")
	f.Add("Atlas Shrugged.txt", int64(1)<<62, int64(1)<<62, "")
	f.Add("..", int64(-1), int64(5), "a\nb\xff\u0085")
	f.Fuzz(func(t *testing.T, name string, offset, length int64, reason string) {
		request := Request{Name: name, Offset: offset}
		if line, err := AppendRequest(nil, request); err == nil {
			if got, err := NewReader(bytes.NewReader(line)).ReadRequest(); err != nil || got != request {
				t.Fatalf("wrote %q, read %+v, %v", line, got, err)
			}
		}
		answer := Answer{OK: true, Name: name, Offset: offset, Length: length}
		if line, err := AppendAnswer(nil, answer); err == nil {
			if got, err := NewReader(bytes.NewReader(line)).ReadAnswer(); err != nil || got != answer {
				t.Fatalf("wrote %q, read %+v, %v", line, got, err)
			}
		}
		line, err := AppendAnswer(nil, Answer{Code: CodeFailed, Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewReader(bytes.NewReader(line)).ReadAnswer()
		if err != nil || got.Code != CodeFailed {
			t.Fatalf("wrote %q, read %+v, %v", line, got, err)
		}
		if fitted, _ := AppendAnswer(nil, got); !bytes.Equal(fitted, line) {
			t.Fatalf("%q does not stay as it was fitted: %q", line, fitted)
		}
	})
}

// Whatever a server sends, and wherever it is cut, the client hands out the
// same content, a prefix of what came; silence anywhere breaks nothing.
func FuzzLockstepClient(f *testing.F) {
	f.Add([]byte("senttwelve bytesEOF"), []byte{3, 15, 2}, uint8(12))
	f.Add([]byte("sentEOFEOFEOEOFEE"), []byte{0}, uint8(4))
	f.Add([]byte("snet"), []byte{1}, uint8(0))
	f.Add([]byte("sentabcdEOFsent"), []byte{3, 0x80 | 6, 0x80}, uint8(4))
	f.Fuzz(func(t *testing.T, data, cuts []byte, buffer uint8) {
		play := func(cuts []byte, quiet bool) (content []byte, c *LockstepClient, err error) {
			c = NewLockstepClient(int(buffer))
			if _, err := c.Request("a"); err != nil {
				t.Fatal(err)
			}
			rest := data
			for i := 0; len(rest) > 0 && err == nil && c.State() != LockstepDone; i++ {
				n := len(rest)
				if len(cuts) > 0 {
					n = min(n, 1+int(cuts[i%len(cuts)]&0x7f))
				}
				var got, send []byte
				got, send, err = c.Feed(rest[:n])
				content = append(content, got...)
				rest = rest[n:]
				if len(send) > 0 && string(send) != "sent" {
					t.Fatalf("sends %q", send)
				}
				if quiet && err == nil && len(cuts) > 0 && cuts[i%len(cuts)]&0x80 != 0 {
					got, _, err = c.Quiet()
					content = append(content, got...)
				}
			}
			if !bytes.HasPrefix(data[min(4, len(data)):], content) {
				t.Fatalf("fed %q, content %q", data, content)
			}
			if cap(c.out) > 2*len(data)+64 {
				t.Fatalf("%d bytes of scratch for %d", cap(c.out), len(data))
			}
			return content, c, err
		}
		whole, c, err := play(nil, false)
		cut, d, errCut := play(cuts, false)
		if !bytes.Equal(whole, cut) || c.State() != d.State() || c.held != d.held || (err == nil) != (errCut == nil) {
			t.Fatalf("whole: %q %v %v\ncut: %q %v %v", whole, c.State(), err, cut, d.State(), errCut)
		}
		_, c, _ = play(cuts, true)
		if err := c.Closed(); err == nil && c.State() != LockstepDone {
			t.Fatalf("closed in state %v without a word", c.State())
		}
	})
}

// Whatever a client sends, the server keeps no more than a name's bytes of it,
// and stays closed once it is.
func FuzzLockstepServer(f *testing.F) {
	f.Add([]byte("../novel/asentsentsentbsent"), []byte{9, 3, 0x83, 3})
	f.Add([]byte("/etc/passwd\x00"), []byte{0x80 | 20})
	f.Add(bytes.Repeat([]byte("sent"), 300), []byte{127})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		files := map[string]string{"a": "abcdefg", "b": "EOF", "sent": ""}
		s := newOurServer(small, files)
		for i, rest := 0, data; len(rest) > 0; i++ {
			n, quiet := len(rest), false
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)]&0x7f))
				quiet = cuts[i%len(cuts)]&0x80 != 0
			}
			closed := s.closed
			out := s.recv(rest[:n])
			if quiet {
				out = append(out[:len(out):len(out)], s.quiet()...)
			}
			if closed && (!s.closed || len(out) > 0) {
				t.Fatalf("after the close: %q", out)
			}
			if s.closed && s.Err() == nil {
				t.Fatal("closed without a reason")
			}
			if len(s.name) > LockstepMaxName || cap(s.name) > 2*LockstepMaxName {
				t.Fatalf("keeps %d bytes of name", len(s.name))
			}
			rest = rest[n:]
		}
	})
}

// Any file, any buffer, and reads cut anywhere: our client gets from our server
// what it has, and is in doubt only of the empty file.
func FuzzLockstepTransfer(f *testing.F) {
	f.Add([]byte("abcdefgh"), []byte{0, 3}, uint8(4))
	f.Add([]byte("EOF"), []byte{}, uint8(9))
	f.Add([]byte("xxEOFEOF"), []byte{1, 2, 3}, uint8(8))
	f.Fuzz(func(t *testing.T, content, cuts []byte, buffer uint8) {
		files := map[string]string{"a": string(content), "b": "xy"}
		s, c := newOurServer(int(buffer), files), newOurClient(int(buffer), []string{"a", "b"})
		toServer, toClient := c.next(), []byte(nil)
		cut := func(there []byte) int {
			if len(cuts) == 0 {
				return len(there)
			}
			n := min(len(there), 1+int(cuts[0]))
			cuts = append(slices.Clone(cuts[1:]), cuts[0])
			return n
		}
		for {
			switch {
			case len(toServer) > 0:
				n := cut(toServer)
				toClient = append(toClient, s.recv(toServer[:n])...)
				toServer = toServer[n:]
				continue
			case len(toClient) > 0:
				n := cut(toClient)
				toServer = append(toServer, c.recv(toClient[:n])...)
				toClient = toClient[n:]
				continue
			case c.patient():
				toServer = append(toServer, c.quiet()...)
				continue
			}
			break
		}
		doubt := 0
		if len(content) == 0 {
			doubt = 1
		}
		if !slices.Equal(c.got, []string{string(content), "xy"}) || !slices.Equal(c.ambig, []int{doubt, 0}) {
			t.Fatalf("got %q, ambiguous %v", c.got, c.ambig)
		}
	})
}
