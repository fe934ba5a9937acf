package protocol

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

var badNames = []string{
	"", ".", "..", "../x", "/etc/passwd", "a/b", "a/", `a\b`, `..\x`, "a\x00b", "\x00", "a\nb", "a\r", "\x1b[2J",
	"a\x7f", "a\u0085b", "\xff", "a\xc3", strings.Repeat("a", 256), strings.Repeat("x", 10<<20),
}

func TestCheckName(t *testing.T) {
	for _, name := range badNames {
		err := CheckName(name)
		var bad *NameError
		if !errors.As(err, &bad) {
			t.Errorf("%.40q passes", name)
			continue
		}
		if len(err.Error()) > 400 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		if _, err := AppendRequest(nil, Request{Name: name}); err == nil {
			t.Errorf("%.40q is written", name)
		}
	}
	for _, name := range []string{"a", "Atlas Shrugged.txt", " ", "...", "..a", "sent", "EOF", "~", "日本", strings.Repeat("a", 255)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestParseDialect(t *testing.T) {
	for s, want := range map[string]Dialect{"": Stream, "stream": Stream, "lockstep": Lockstep} {
		if d, err := ParseDialect(s); d != want || err != nil {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	}
	if _, err := ParseDialect("http"); err == nil || !strings.Contains(err.Error(), "stream or lockstep") {
		t.Errorf("http: %v", err)
	}
}

// One form for each value: everything else is refused, at its offset.
func TestSyntaxErrors(t *testing.T) {
	digest := strings.Repeat("0", 64)
	for _, tc := range []struct {
		read   string
		line   string
		offset int64
	}{
		{"request", "\n", 0},
		{"request", "get 0 a\n", 0},
		{"request", "GET  0 a\n", 4},
		{"request", "GET 00 a\n", 4},
		{"request", "GET 01 a\n", 4},
		{"request", "GET +1 a\n", 4},
		{"request", "GET -1 a\n", 4},
		{"request", "GET 0x1 a\n", 4},
		{"request", "GET 1e3 a\n", 4},
		{"request", "GET 9223372036854775808 a\n", 4},
		{"request", "GET 99999999999999999999999 a\n", 4},
		{"request", "GET 1\n", 4},
		{"request", "GET \n", 4},
		{"request", "GET a\n", 4},
		{"request", "\x16\x03\x01\x02\x00\n", 0},
		{"answer", "OK 1 9223372036854775807 a\n", 5},
		{"answer", "OK 0 -1 a\n", 5},
		{"answer", "OK 0\n", 3},
		{"answer", "NO\n", 0},
		{"answer", "NO missing\n", 3},
		{"answer", "NO missing \n", 11},
		{"answer", "NO nothing x\n", 3},
		{"answer", "NO failed a\tb\n", 10},
		{"answer", "NO failed \xff\n", 10},
		{"answer", "NO failed " + strings.Repeat("r", 513) + "\n", 10},
		{"answer", "HTTP/1.1 200 OK\n", 0},
		{"trailer", "SHA256 " + digest[1:] + "\n", 7},
		{"trailer", "SHA256 " + digest + "0\n", 71},
		{"trailer", "SHA256 " + digest + " \n", 72},
		{"trailer", "SHA256 A" + digest[1:] + "\n", 7},
		{"trailer", "SHA256 " + digest + "\r\n", 71},
		{"trailer", "\n", 0},
	} {
		const before = "GET 0 first\n"
		in := NewReader(strings.NewReader(before + tc.line))
		if _, err := in.ReadRequest(); err != nil {
			t.Fatal(err)
		}
		var err error
		switch tc.read {
		case "request":
			_, err = in.ReadRequest()
		case "answer":
			_, err = in.ReadAnswer()
		case "trailer":
			_, err = in.ReadTrailer()
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.60q: %v", tc.line, err)
			continue
		}
		if want := tc.offset + int64(len(before)); syntax.Offset != want || !strings.HasPrefix(tc.line[tc.offset:], string(syntax.Seen)) {
			t.Errorf("%.60q: %v, want offset %d", tc.line, err, want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	if _, err := AppendRequest(nil, Request{Name: "a", Offset: -1}); err == nil {
		t.Error("a negative offset is written")
	}
	for _, a := range []Answer{
		{OK: true, Name: "a", Offset: -1}, {OK: true, Name: "a", Length: -1}, {OK: true, Name: "a", Offset: 1, Length: math.MaxInt64},
		{OK: true, Name: "../a"}, {Code: "nothing"}, {},
	} {
		if b, err := AppendAnswer([]byte("x"), a); err == nil || string(b) != "x" {
			t.Errorf("%+v: %q, %v", a, b, err)
		}
	}
}

func TestReasonIsMadeToFit(t *testing.T) {
	for reason, want := range map[string]string{
		"":                         "failed",
		"open x: a\nb\x00\xff":     "open x: a?b??",
		strings.Repeat("é", 400):   strings.Repeat("é", 256),
		strings.Repeat("–", 400):   strings.Repeat("–", 170),
		"read – \u009bx: no space": "read – ?x: no space",
	} {
		line, err := AppendAnswer(nil, Answer{Code: CodeFailed, Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		a, err := NewReader(strings.NewReader(string(line))).ReadAnswer()
		if err != nil || a.Reason != want || !utf8.ValidString(a.Reason) {
			t.Errorf("%.40q: %.40q, %v", reason, a.Reason, err)
		}
	}
}

func TestRefusedError(t *testing.T) {
	err := Answer{Code: CodeMissing, Reason: "no such file"}.Err()
	if !errors.Is(err, &RefusedError{Code: CodeMissing}) || errors.Is(err, &RefusedError{Code: CodeBusy}) {
		t.Error(err)
	}
	if err := (Answer{OK: true}).Err(); err != nil {
		t.Error(err)
	}
}
