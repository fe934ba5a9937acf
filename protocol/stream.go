package protocol

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// MaxLine is the longest line of the stream dialect in bytes, its LF included.
// The longest well-formed one, a refusal, has 524.
const MaxLine = 1024

// MaxReason is the longest reason of a refusal in bytes.
const MaxReason = 512

// Code says in one word why a server refused.
type Code string

const (
	CodeMissing Code = "missing" // it serves no file of that name
	CodeName    Code = "name"    // the name breaks CheckName
	CodeOffset  Code = "offset"  // the offset lies past the file's end
	CodeBusy    Code = "busy"    // it serves as many as it is allowed to
	CodeFailed  Code = "failed"  // it could not read the file
	CodeRequest Code = "request" // the line was no request; it closes the connection
)

func (c Code) known() bool {
	switch c {
	case CodeMissing, CodeName, CodeOffset, CodeBusy, CodeFailed, CodeRequest:
		return true
	}
	return false
}

// Request asks for a file from an offset on.
type Request struct {
	Name   string // see CheckName
	Offset int64  // bytes of the file to leave out; zero is the whole file
}

// Answer is the line before a file's bytes, or the refusal instead of it.
type Answer struct {
	OK     bool
	Name   string // OK: the file's name, as asked for
	Offset int64  // OK: bytes of the file left out, as asked for
	Length int64  // OK: raw bytes that follow
	Code   Code   // not OK: why, for programs
	Reason string // not OK: why, for people
}

// Err is nil for an accepted request and a *RefusedError for a refused one.
func (a Answer) Err() error {
	if a.OK {
		return nil
	}
	return &RefusedError{Code: a.Code, Reason: a.Reason}
}

// RefusedError is a server's refusal as an error. errors.Is finds it by its
// code, whatever the reason, with a target that has no reason:
//
//	errors.Is(err, &protocol.RefusedError{Code: protocol.CodeMissing})
type RefusedError struct {
	Code   Code
	Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("server refused (%s): %s", e.Code, e.Reason)
}

// Is reports whether target is a refusal with the same code and either no
// reason or the same one.
func (e *RefusedError) Is(target error) bool {
	t, ok := target.(*RefusedError)
	return ok && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// Trailer is the line after a file's bytes.
type Trailer struct {
	Sent     [sha256.Size]byte // SHA-256 of the bytes that this answer sent
	Whole    [sha256.Size]byte // SHA-256 of the whole file, where HasWhole
	HasWhole bool              // the answer's offset was greater than zero
}

// AppendRequest appends r's line to b. It returns b as it was and a *NameError,
// or another error for a negative offset, where r cannot be written.
func AppendRequest(b []byte, r Request) ([]byte, error) {
	if err := CheckName(r.Name); err != nil {
		return b, err
	}
	if r.Offset < 0 {
		return b, fmt.Errorf("request for %q: offset %d is negative: use 0 for the whole file", r.Name, r.Offset)
	}
	b = append(b, "GET "...)
	b = strconv.AppendInt(b, r.Offset, 10)
	b = append(b, ' ')
	b = append(b, r.Name...)
	return append(b, '\n'), nil
}

// AppendAnswer appends a's line to b, or returns b as it was and an error where
// a cannot be written. A reason is made to fit: control characters and bytes
// that are no UTF-8 become '?', what is over MaxReason is cut off, and an empty
// one becomes the code.
func AppendAnswer(b []byte, a Answer) ([]byte, error) {
	if !a.OK {
		if !a.Code.known() {
			return b, fmt.Errorf("answer: code %q is unknown: use one of the package's codes", clip(string(a.Code)))
		}
		b = append(b, "NO "...)
		b = append(b, a.Code...)
		b = append(b, ' ')
		b = append(b, fitReason(a)...)
		return append(b, '\n'), nil
	}
	if err := CheckName(a.Name); err != nil {
		return b, err
	}
	if a.Offset < 0 || a.Length < 0 || a.Length > math.MaxInt64-a.Offset {
		return b, fmt.Errorf("answer for %q: offset %d and length %d: want both from 0 on and their sum below 2^63", a.Name, a.Offset, a.Length)
	}
	b = append(b, "OK "...)
	b = strconv.AppendInt(b, a.Offset, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, a.Length, 10)
	b = append(b, ' ')
	b = append(b, a.Name...)
	return append(b, '\n'), nil
}

// AppendTrailer appends t's line to b.
func AppendTrailer(b []byte, t Trailer) []byte {
	b = append(b, "SHA256 "...)
	b = appendDigest(b, t.Sent)
	if t.HasWhole {
		b = append(b, ' ')
		b = appendDigest(b, t.Whole)
	}
	return append(b, '\n')
}

func appendDigest(b []byte, d [sha256.Size]byte) []byte {
	const digits = "0123456789abcdef"
	for _, v := range d {
		b = append(b, digits[v>>4], digits[v&15])
	}
	return b
}

func fitReason(a Answer) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(a.Reason, "?"))
	if len(s) > MaxReason {
		s = strings.ToValidUTF8(s[:MaxReason], "")
	}
	if s == "" {
		return string(a.Code)
	}
	return s
}
