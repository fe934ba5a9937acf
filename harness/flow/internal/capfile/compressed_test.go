package capfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, b []byte, o ...zstd.EOption) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, o...)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

// A compressed capture holds the packets that it was made of, however it is cut into reads.
func TestCompressed(t *testing.T) {
	plain := sections(binary.LittleEndian).Bytes()
	r, err := NewReader(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := all(t, r)
	two := append(gzipped(t, plain[:len(plain)/2]), gzipped(t, plain[len(plain)/2:])...) // as gzip a >>b makes them
	for name, in := range map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstandard(t, plain), "gzip of two members": two} {
		for _, src := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in)), iotest.DataErrReader(bytes.NewReader(in))} {
			r, err := NewReader(src)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := all(t, r)
			if err != io.EOF || len(got) != len(want) {
				t.Errorf("%s: %d packets and %v, want %d", name, len(got), err, len(want))
			}
			if how := r.Compression(); !strings.HasPrefix(name, how) || how == "" {
				t.Errorf("%s: compression %q", name, how)
			}
			r.Close()
		}
	}
}

// Where compression breaks off or is damaged, the packets before are read, and the error says what it is.
func TestCompressedBroken(t *testing.T) {
	w := &writer{order: binary.LittleEndian}
	w.section("").iface(1, 0, "eth0", 9)
	for i := range 2000 {
		w.packet(0, uint64(i), bytes.Repeat([]byte{byte(i), byte(i * i), byte(i >> 3)}, 100), 300, 0)
	}
	damaged := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)*3/4] ^= 0xff; return b }
	for name, in := range map[string][]byte{
		"gzip, cut": gzipped(t, w.Bytes())[:len(gzipped(t, w.Bytes()))*3/4], "gzip, damaged": damaged(gzipped(t, w.Bytes())),
		"zstd, cut": zstandard(t, w.Bytes())[:len(zstandard(t, w.Bytes()))*3/4], "zstd, damaged": damaged(zstandard(t, w.Bytes())),
	} {
		r, err := NewReader(bytes.NewReader(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		list, err := all(t, r)
		var f *FormatError
		if !errors.As(err, &f) || len(list) == 2000 {
			t.Errorf("%s: %d packets and %v, want a FormatError", name, len(list), err)
		}
		t.Logf("%s: %d packets, %v", name, len(list), err)
		r.Close()
	}
}

// A few bytes that ask for a window of gigabytes are refused.
func TestWindowIsBounded(t *testing.T) {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0} // window descriptor 0xa8: 2 GiB
	if _, err := NewReader(bytes.NewReader(frame)); !errors.Is(err, ErrNotCapture) || !strings.Contains(err.Error(), "window") {
		t.Errorf("%v", err)
	}
}
