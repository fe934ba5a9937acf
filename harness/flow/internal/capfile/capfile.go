// Package capfile reads packet captures, pcap and pcapng, from a stream: both
// byte orders, micro- and nanoseconds, several sections and interfaces, compressed
// by gzip or zstd or not. It holds one packet at a time and trusts no length it reads.
//
// Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
package capfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxPacket is the largest captured packet that is read, in bytes. It covers
// the snap length of every tool (262,144) and IPv6 jumbograms as Linux makes them.
const MaxPacket = 1 << 20

// ErrNotCapture is returned by [NewReader] for other input.
var ErrNotCapture = errors.New("not a packet capture")

// FormatError says where and how a capture breaks off. Packets before it are good.
type FormatError struct {
	Offset int64  // in the file, of the block or record
	What   string // a clause for people
	Cut    bool   // the input ended in the middle, rather than being nonsense
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("capture breaks off at byte %d: %s", e.Offset, e.What)
}

// Packet is one captured packet.
type Packet struct {
	Data      []byte // captured bytes, valid until the next call of Next
	Length    int    // on the wire; len(Data) or more
	Time      int64  // nanoseconds since 1970, 0 if the capture does not say
	Interface int    // index in Interfaces
	Flags     uint32 // epb_flags, 0 if absent

	// Of Merged:
	Capture int    // index of the input
	Number  uint64 // in its capture, from 1
}

// Interface is one interface of a capture, in the order of their appearance
// through all sections.
type Interface struct {
	Name       string
	LinkType   uint16
	SnapLen    uint32
	Dropped    uint64 // by the interface and by the operating system
	DropsKnown bool
	Capture    int // of Merged: index of the input that it was first met in

	counted  uint64 // sum of the drop counts of packets
	resol    resolution
	offsetNS int64
}

// Reader reads one capture. It is not safe for concurrent use.
type Reader struct {
	src     io.Reader
	buf     []byte // buf[r:w] is read and not yet used
	r, w    int
	used    int64 // file offset of buf[r]
	srcErr  error
	order   binary.ByteOrder
	little  bool
	ng      bool
	nano    bool
	ifaces  []Interface
	base    int // first interface of the current section
	tooMany bool
	comment []string
	failed  error

	compression string
	close       func()
	swap        func(full []byte, n int) []byte
}

// Bounds on what a hostile capture can make the reader keep.
const (
	maxInterfaces = 4096
	maxComments   = 16
	maxText       = 1024 // bytes of a name or a comment
	firstBuffer   = 256 << 10
)

// NewReader reads the beginning of a capture. Input that is none gives an error
// with ErrNotCapture in its chain; a read that fails, that read's error.
func NewReader(src io.Reader) (*Reader, error) { return NewReaderSize(src, firstBuffer) }

// NewReaderSize is NewReader with a buffer of so many bytes, which grows where a packet needs it.
func NewReaderSize(src io.Reader, size int) (*Reader, error) {
	r := &Reader{src: src, buf: make([]byte, max(size, 4096)), close: func() {}}
	head, err := r.beginning()
	if err != nil {
		return nil, err
	}
	in, how, closer, err := decompressed(bytes.Clone(head), src)
	if err != nil {
		return nil, err
	}
	if how != "" {
		r.src, r.compression, r.close = in, how, closer
		r.r, r.w, r.srcErr = 0, 0, nil
		if head, err = r.beginning(); err != nil {
			r.close()
			return nil, fmt.Errorf("%w (compressed by %s)", err, how)
		}
	}
	if err := r.header(head); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// beginning returns all that one read gave, of which there are four bytes at least.
func (r *Reader) beginning() ([]byte, error) {
	b, err := r.peek(4)
	switch {
	case err == nil:
		return r.buf[r.r:r.w], nil
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && r.compression == "":
		return nil, err
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %v", ErrNotCapture, err)
	case len(b) == 0 && errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: it is cut before its first packet", ErrNotCapture)
	case len(b) == 0:
		return nil, fmt.Errorf("%w: it is empty", ErrNotCapture)
	}
	return nil, fmt.Errorf("%w: it has only %d bytes", ErrNotCapture, len(b))
}

// header reads what comes before the first packet.
func (r *Reader) header(b []byte) error {
	switch magic := binary.LittleEndian.Uint32(b); magic {
	case 0x0A0D0D0A:
		r.ng = true
		return r.firstSection()
	case 0xA1B2C3D4, 0xA1B23C4D:
		r.setOrder(true)
		r.nano = magic == 0xA1B23C4D
		return r.pcapHeader()
	case 0xD4C3B2A1, 0x4D3CB2A1:
		r.setOrder(false)
		r.nano = magic == 0x4D3CB2A1
		return r.pcapHeader()
	}
	return fmt.Errorf("%w: it begins with % x, neither pcap nor pcapng%s", ErrNotCapture, b[:4], looksLike(b))
}

// looksLike names what people hand over by mistake.
func looksLike(b []byte) string {
	for _, k := range []struct{ magic, what string }{
		{"BZh", " (it is compressed by bzip2: decompress it first)"},
		{"\xfd7zXZ", " (it is compressed by xz: decompress it first)"},
		{"\x04\x22\x4d\x18", " (it is compressed by lz4: decompress it first)"},
		{"PK\x03\x04", " (it is a zip archive: unpack it first)"},
		{"snoop\x00", " (it is a capture by snoop: convert it with editcap)"},
		{"\x34\xcd\xb2\xa1", " (it is pcap as modified by Kuznetzov: convert it with editcap)"},
		{"\x7fELF", " (it is a program)"},
	} {
		if bytes.HasPrefix(b, []byte(k.magic)) {
			return k.what
		}
	}
	return ""
}

// Swap makes the reader ask f for another buffer, of n bytes at least, where it would overwrite the one it has: packets
// stay valid until then, rather than until the next call of Next.
func (r *Reader) Swap(f func(full []byte, n int) []byte) { r.swap = f }

// Close lets go of what decompression holds. It does not close the source.
func (r *Reader) Close() { r.close() }

// Compression returns "gzip", "zstd", or "" for neither.
func (r *Reader) Compression() string { return r.compression }

// Format returns "pcap" or "pcapng".
func (r *Reader) Format() string {
	if r.ng {
		return "pcapng"
	}
	return "pcap"
}

// Interfaces returns those met so far. The slice is valid until the next call of
// Next; statistics are complete after io.EOF.
func (r *Reader) Interfaces() []Interface { return r.ifaces }

// Comments returns those of the sections met so far, at most 16.
func (r *Reader) Comments() []string { return r.comment }

// Next reads one packet into p. At the end it returns io.EOF, where the capture
// breaks off a *FormatError; both again on every later call.
func (r *Reader) Next(p *Packet) error {
	if r.failed != nil {
		return r.failed
	}
	var err error
	if r.ng {
		err = r.nextBlock(p)
	} else {
		err = r.nextRecord(p)
	}
	if err != nil {
		r.failed = err
	}
	return err
}

func (r *Reader) setOrder(little bool) {
	r.little = little
	if little {
		r.order = binary.LittleEndian
	} else {
		r.order = binary.BigEndian
	}
}

// peek returns the next n bytes without using them; with an error, those there
// are. n is at most MaxPacket and a header.
func (r *Reader) peek(n int) ([]byte, error) {
	if r.w-r.r >= n {
		return r.buf[r.r : r.r+n], nil
	}
	return r.fill(n)
}

func (r *Reader) fill(n int) ([]byte, error) {
	switch full := len(r.buf)-r.r < max(n, len(r.buf)/2); {
	case full && r.swap != nil:
		next := r.swap(r.buf, n)
		r.w = copy(next, r.buf[r.r:r.w])
		r.r, r.buf = 0, next
	case full && r.r > 0:
		copy(r.buf, r.buf[r.r:r.w])
		r.w -= r.r
		r.r = 0
	}
	if n > len(r.buf)-r.r {
		size := len(r.buf)
		for size < n {
			size *= 2
		}
		grown := make([]byte, size)
		r.w = copy(grown, r.buf[r.r:r.w])
		r.r = 0
		r.buf = grown
	}
	for empty := 0; r.w-r.r < n; {
		if r.srcErr != nil {
			return r.buf[r.r:r.w], r.srcErr
		}
		m, err := r.src.Read(r.buf[r.w:])
		r.w += m
		r.srcErr = err
		if m == 0 && err == nil {
			if empty++; empty > 100 {
				r.srcErr = io.ErrNoProgress
			}
		} else {
			empty = 0
		}
	}
	return r.buf[r.r : r.r+n], nil
}

func (r *Reader) use(n int) { r.r += n; r.used += int64(n) }

// skip uses n bytes without holding them.
func (r *Reader) skip(n int64) error {
	for n > 0 {
		have := int64(r.w - r.r)
		if have == 0 {
			b, err := r.peek(1)
			if err != nil && len(b) == 0 {
				return err
			}
			continue
		}
		step := min(have, n)
		r.use(int(step))
		n -= step
	}
	return nil
}

// broken turns a failed read inside a block that begins at off into the error for
// the caller: a capture cut short, or the source's own failure in words.
func (r *Reader) broken(off int64, what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Offset: off, What: "the input ends in the middle of " + what, Cut: true}
	}
	return &FormatError{Offset: off, What: fmt.Sprintf("reading %s: %v", what, err), Cut: true}
}

func clip(b []byte) string {
	if len(b) > maxText {
		b = b[:maxText]
	}
	return string(b)
}
