package protocol

import (
	"bytes"
	"crypto/sha256"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fields takes one line apart. Offsets in its errors count from the line's
// first byte; the Reader adds where the line stands.
type fields struct {
	line []byte // with its LF
	at   int
	err  *SyntaxError
}

func (f *fields) want(what string) {
	if f.err == nil {
		f.err = syntaxError(int64(f.at), f.line[f.at:], what)
	}
}

// word consumes text if it stands next.
func (f *fields) word(text string) bool {
	if f.err == nil && bytes.HasPrefix(f.line[f.at:], []byte(text)) {
		f.at += len(text)
		return true
	}
	return false
}

func (f *fields) need(text, what string) {
	if !f.word(text) {
		f.want(what)
	}
}

// number consumes the one canonical form of a number up to limit, and the space
// after it.
func (f *fields) number(limit int64, what string) int64 {
	if f.err != nil {
		return 0
	}
	start, v := f.at, int64(0)
	for ; f.line[f.at] != ' '; f.at++ { // the LF ends every line, and is no digit
		d := int64(f.line[f.at]) - '0'
		if d < 0 || d > 9 || v > (limit-d)/10 || (f.at > start && v == 0) {
			f.at = start
			f.want(what)
			return 0
		}
		v = v*10 + d
	}
	if f.at == start {
		f.want(what)
		return 0
	}
	f.at++
	return v
}

// rest consumes what is left of the line but its LF.
func (f *fields) rest() string {
	if f.err != nil {
		return ""
	}
	s := string(f.line[f.at : len(f.line)-1])
	f.at = len(f.line) - 1
	return s
}

func (f *fields) digest() (d [sha256.Size]byte) {
	if f.err != nil {
		return d
	}
	const what = "a SHA-256 of 64 lower-case hexadecimal digits"
	start := f.at
	if len(f.line)-start < 2*len(d)+1 {
		f.want(what)
		return d
	}
	for i := range d {
		hi, lo := nibble(f.line[start+2*i]), nibble(f.line[start+2*i+1])
		if hi < 0 || lo < 0 {
			f.want(what)
			return d
		}
		d[i] = byte(hi<<4 | lo)
	}
	f.at = start + 2*len(d)
	return d
}

func nibble(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

func parseRequest(line []byte) (Request, error) {
	f := &fields{line: line}
	f.need("GET ", `"GET OFFSET NAME"`)
	var r Request
	r.Offset = f.number(math.MaxInt64, "an offset from 0 to 2^63-1 in its shortest form, and a space")
	r.Name = f.rest()
	if f.err != nil {
		return Request{}, f.err
	}
	return r, CheckName(r.Name)
}

func parseAnswer(line []byte) (Answer, error) {
	f := &fields{line: line}
	a := Answer{}
	if f.word("NO ") {
		f.refusal(&a)
	} else {
		f.need("OK ", `"OK OFFSET LENGTH NAME" or "NO CODE REASON"`)
		a.OK = true
		a.Offset = f.number(math.MaxInt64, "an offset from 0 to 2^63-1 in its shortest form, and a space")
		a.Length = f.number(math.MaxInt64-a.Offset, "a length from 0 to 2^63-1 less the offset in its shortest form, and a space")
		a.Name = f.rest()
	}
	if f.err != nil {
		return Answer{}, f.err
	}
	if a.OK {
		return a, CheckName(a.Name)
	}
	return a, nil
}

func (f *fields) refusal(a *Answer) {
	code, _, found := bytes.Cut(f.line[f.at:len(f.line)-1], []byte(" "))
	a.Code = Code(code)
	if !found || !a.Code.known() {
		f.want("a code (missing, name, offset, busy, failed or request), and a space")
		return
	}
	f.at += len(code) + 1
	start := f.at
	a.Reason = f.rest()
	if a.Reason == "" || len(a.Reason) > MaxReason || !utf8.ValidString(a.Reason) ||
		strings.ContainsFunc(a.Reason, unicode.IsControl) {
		f.at = start
		f.want("a reason of 1 to 512 bytes of UTF-8 without control characters")
	}
}

func parseTrailer(line []byte) (Trailer, error) {
	f := &fields{line: line}
	var t Trailer
	f.need("SHA256 ", `"SHA256 DIGEST" or "SHA256 DIGEST DIGEST"`)
	t.Sent = f.digest()
	if f.word(" ") {
		t.HasWhole = true
		t.Whole = f.digest()
	}
	f.need("\n", "the line's end")
	if f.err != nil {
		return Trailer{}, f.err
	}
	return t, nil
}
