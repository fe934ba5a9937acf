package flow

import (
	"fmt"
	"io"
	"slices"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/httpbody"
)

// Body is an HTTP/1.1 message body whose bytes in the stream are not those of its content.
type Body struct {
	Offset int64  // in the stream, of its first byte
	Coding string // what was undone: "chunked", "gzip", "deflate", "chunked, gzip"
	Number int    // of the connection's bodies in this direction, from 1
}

// bodies looks for files in the bodies of one stream that have to be decoded for it.
type bodies struct {
	s      *stream
	dec    *httpbody.Decoder
	search *find.Stream // of the body at hand; nil if no files are looked for
	out    io.Writer    // Options.Body's
	now    Body
	count  int
	seen   int // runs of search that are in found

	found   []decoded
	partial []decodedPartial
	why     string // the first body that could not be decoded
	others  int
}

type decoded struct {
	find.Found
	body Body
	end  int64 // offset in the stream behind what it took
}

type decodedPartial struct {
	find.Partial
	body Body
}

// What compressed bodies may expand to in all: a capture that is a bomb does not keep the verifier busy for
// longer than one of this many times its size.
const (
	expandFloor  = 256 << 20
	expandFactor = 16
	maxDecoded   = 1024 // runs, of one stream
)

func (t *tracker) bodiesOf(s *stream, c *conn) *bodies {
	b := &bodies{s: s}
	if c.requests == nil {
		c.requests = &httpbody.Requests{}
	}
	b.dec = httpbody.New(s.dir == ToClient, c.requests, &t.http, b)
	return b
}

// Begin implements httpbody.Handler, as do the methods below.
func (b *bodies) Begin(offset int64, coding string) {
	b.count++
	b.now, b.seen = Body{Offset: offset, Coding: coding, Number: b.count}, 0
	switch t := b.s.t; {
	case t.set == nil:
	case b.search == nil:
		b.search = t.set.Stream()
	default:
		b.search.Reset()
	}
	if f := b.s.t.opts.Body; f != nil {
		b.out = f(b.s.c.sum, b.s.dir, b.now)
	}
}

func (b *bodies) Bytes(p []byte, end int64, m find.Mark) bool {
	t := b.s.t
	if t.expanded += int64(len(p)); t.expanded > expandFloor+expandFactor*int64(t.a.Bytes) {
		b.Undecoded(b.now.Offset, "it expands to more than the verifier follows")
		return false
	}
	if b.search != nil {
		b.search.Feed(p, m, false)
		b.collect(end)
	}
	if b.out != nil {
		if _, err := b.out.Write(p); err != nil {
			b.out = nil
		}
	}
	return true
}

func (b *bodies) collect(end int64) {
	for list := b.search.Found(); b.seen < len(list) && len(b.found) < maxDecoded; b.seen++ {
		b.found = append(b.found, decoded{list[b.seen], b.now, end})
	}
}

func (b *bodies) Skip(n int64, m find.Mark) {
	if b.search != nil {
		b.search.Skip(n, m)
		b.collect(b.s.next)
	}
	if s, ok := b.out.(io.Seeker); ok {
		s.Seek(n, io.SeekCurrent)
	}
}

func (b *bodies) End(whole bool) {
	if b.search != nil {
		b.search.End()
		for _, p := range b.search.Partial() {
			if len(b.partial) < 16 {
				b.partial = append(b.partial, decodedPartial{p, b.now})
			}
		}
	}
	b.out = nil
}

func (b *bodies) Undecoded(offset int64, why string) {
	if b.why == "" {
		b.why = fmt.Sprintf("the HTTP body at stream offset %s %s could not be decoded: %s", thousands(offset), b.s.dir, why)
	} else {
		b.others++
	}
}

// undecoded is the sentence about bodies that could not be decoded, or "".
func (b *bodies) undecoded() string {
	if b == nil || b.others == 0 || b.why == "" {
		if b == nil {
			return ""
		}
		return b.why
	}
	return fmt.Sprintf("%s; and %s more", b.why, thousands(int64(b.others)))
}

// list adds what was found in bodies to the files of a connection. What the stream itself shows is left out: a
// small file in one chunk.
func (b *bodies) list(r *Connection, raw []Found, whole map[int]bool) {
	t := b.s.t
	for _, f := range b.found {
		name, size := t.opts.Files[f.File].Name, t.opts.Files[f.File].Size
		whole[f.File] = true
		if slices.ContainsFunc(raw, func(o Found) bool {
			return o.Name == name && o.Offset >= f.body.Offset && o.Offset+o.Size <= f.end
		}) {
			continue
		}
		r.Files = append(r.Files, Found{
			Name: name, Direction: b.s.dir, Offset: f.body.Offset, Size: size, Unseen: f.Unseen,
			Decoded: f.body.Coding, Body: f.body.Number, InBody: f.Start, Encoded: f.end - f.body.Offset,
			Packet: f.First.Packet, Time: unix(f.First.Time), LastPacket: f.Last.Packet, LastTime: unix(f.Last.Time),
			Capture: t.capture(f.First), LastCapture: t.capture(f.Last),
		})
	}
}
