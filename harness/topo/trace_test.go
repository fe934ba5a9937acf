package topo_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestParseTrace(t *testing.T) {
	for text, want := range map[string]Trace{
		"5\n":               {5},
		"0\n0\n3\n3\n7":     {0, 0, 3, 3, 7},
		"1\r\n2\r\n":        {1, 2},
		"007\n4294967295\n": {7, 4294967295},
	} {
		for _, r := range []*strings.Reader{strings.NewReader(text), strings.NewReader(text)} {
			if got, err := ParseTrace(iotest.OneByteReader(r)); err != nil || !slices.Equal(got, want) {
				t.Errorf("%q: %v, %v", text, got, err)
			}
		}
	}
	for text, want := range map[string]string{
		"":                                ErrTraceEmpty.Error(),
		"0\n0\n":                          ErrTracePeriod.Error(),
		"5\n4\n":                          "line 2: 4 after 5: " + ErrTraceBack.Error(),
		"5\n\n6\n":                        `line 2: "" is no time`,
		"5\n6 ms\n":                       `line 2: "6 ms" is no time`,
		"-1\n":                            `line 1: "-1" is no time`,
		"1.5\n":                           `line 1: "1.5" is no time`,
		"4294967296\n":                    "whole number of milliseconds below 2^32",
		"1\n" + strings.Repeat("2", 9000): "line 2: ",
	} {
		if _, err := ParseTrace(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
	broken := errors.New("broken")
	if _, err := ParseTrace(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader's error: %v", err)
	}
	if err := (Trace{3, 2}).Validate(); !errors.Is(err, ErrTraceBack) {
		t.Errorf("a made trace that goes back: %v", err)
	}
}

func TestTraceFigures(t *testing.T) {
	trace := Trace{0, 10, 10, 20}
	if trace.Period() != 20*time.Millisecond || trace.MeanRate() != 4*1500*8/0.020 {
		t.Errorf("period %v, rate %v", trace.Period(), trace.MeanRate())
	}
	if got := trace.Opportunities(); !slices.Equal(got, []time.Duration{0, 1e7, 1e7, 2e7}) {
		t.Errorf("opportunities %v", got)
	}
	if Trace(nil).Period() != 0 || Trace(nil).MeanRate() != 0 {
		t.Error("an empty trace has a period or a rate")
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte("1\n2\n2\n9\n"))
	f.Add([]byte("0\n0\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		trace, err := ParseTrace(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		n, err := trace.WriteTo(&b)
		if err != nil || n != int64(b.Len()) {
			t.Fatalf("wrote %d of %d: %v", n, b.Len(), err)
		}
		again, err := ParseTrace(&b)
		if err != nil || !slices.Equal(trace, again) {
			t.Errorf("%q is %v, and written and read %v, %v", text, trace, again, err)
		}
		if trace.Validate() != nil || trace.Period() <= 0 || !(trace.MeanRate() > 0) {
			t.Errorf("%q is taken and not valid", text)
		}
	})
}
