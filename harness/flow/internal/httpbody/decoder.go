package httpbody

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

type state uint8

const (
	atMessage  state = iota // a header begins, or goes on
	inPlain                 // a body that stands there as it is; left bytes of it
	inCoded                 // a compressed body of left bytes
	inCodedEnd              // one that ends with the stream
	atSize                  // a chunk's size
	inChunk                 // left bytes of a chunk
	afterChunk              // the line's end behind it
	inTrailer
	off // no HTTP, or no longer
)

// Decoder decodes one direction. It is not safe for concurrent use.
type Decoder struct {
	h         Handler
	shared    *Shared
	requests  *Requests
	responses bool

	state  state
	left   int64
	wait   []byte // a header or a line that is not yet whole
	body   bool   // Begin was called, and not End
	quiet  bool   // what is in the body is not wanted any more
	coding string // content coding, lower case; "" for none
	z      *inflater
}

// New returns a decoder of what a server sends (responses) or a client sends.
func New(responses bool, requests *Requests, shared *Shared, h Handler) *Decoder {
	return &Decoder{h: h, shared: shared, requests: requests, responses: responses}
}

// Off says whether nothing is decoded at the moment and nothing is waited for.
func (d *Decoder) Off() bool { return d.state == off }

// Begins says whether b, at offset of a stream, may begin a request or a response. It is asked of every segment of
// streams that have no decoder, so it looks at a few bytes only.
func Begins(b []byte, offset int64) bool {
	if offset == 0 && len(b) < 8 {
		return len(b) > 0 && plausible(b, true)
	}
	if len(b) < 8 || b[0] < 'A' || b[0] > 'Z' || b[1] < 'A' || b[1] > 'Z' {
		return false
	}
	return plausible(b, true) || plausible(b, false) && bytes.Contains(b[:min(len(b), maxLine)], []byte(" HTTP/1."))
}

// Feed takes the next bytes of the stream, which begin at offset.
func (d *Decoder) Feed(offset int64, b []byte, m find.Mark) {
	if d.state == off {
		// A segment that begins as a response does: the capture began in the middle, or bytes are missing.
		if !d.responses || !bytes.HasPrefix(b, []byte("HTTP/1.")) {
			return
		}
		d.state = atMessage
	}
	for len(b) > 0 && d.state != off {
		n := d.step(offset, b, m)
		offset += int64(n)
		b = b[n:]
	}
}

// step uses some of b.
func (d *Decoder) step(offset int64, b []byte, m find.Mark) int {
	switch d.state {
	case atMessage:
		return d.message(offset, b)
	case inPlain, inCoded, inCodedEnd, inChunk:
		n := len(b)
		if d.state != inCodedEnd {
			n = int(min(int64(n), d.left))
			d.left -= int64(n)
		}
		if d.state != inPlain {
			d.content(b[:n], offset+int64(n), m)
		}
		if d.left == 0 {
			switch d.state {
			case inPlain:
				d.state = atMessage
			case inCoded:
				d.end()
			case inChunk:
				d.state = afterChunk
			}
		}
		return n
	}
	line, n, ok := d.line(b)
	if !ok {
		return n
	}
	switch d.state {
	case atSize:
		text, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 16, 62)
		switch {
		case err != nil:
			d.lose(offset, "a chunk has no size")
		case size == 0:
			d.state = inTrailer
		default:
			d.left, d.state = int64(size), inChunk
		}
	case afterChunk:
		d.state = atSize
		if len(line) > 0 {
			d.lose(offset, "a chunk is longer than it says")
		}
	case inTrailer:
		if len(line) == 0 {
			d.end()
		}
	}
	return n
}

// line returns the next line without its end, once it is whole.
func (d *Decoder) line(b []byte) (line []byte, used int, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		if len(d.wait)+len(b) > maxLine {
			d.lose(0, "a line of a chunk does not end")
		} else {
			d.hold(b)
		}
		return nil, len(b), false
	}
	line = b[:i]
	if len(d.wait) > 0 {
		line = append(d.wait, line...)
		d.release()
	}
	return bytes.TrimSuffix(line, []byte("\r")), i + 1, true
}

func (d *Decoder) hold(b []byte) {
	d.wait = append(d.wait, b...)
	d.shared.headers += len(b)
}

// release forgets what waited; the bytes stay valid until the next hold.
func (d *Decoder) release() {
	d.shared.headers -= len(d.wait)
	d.wait = d.wait[:0]
	if cap(d.wait) > maxLine {
		d.wait = nil
	}
}

// message takes a header, or as much of it as there is.
func (d *Decoder) message(offset int64, b []byte) int {
	if len(d.wait) == 0 {
		if n := leadingEnds(b); n > 0 { // RFC 9112, 2.2
			return n
		}
	}
	had, all := len(d.wait), b
	begin := offset - int64(had)
	if had > 0 {
		d.hold(b)
		all = d.wait
	}
	if !plausible(all, d.responses) {
		d.stop()
		return len(b)
	}
	from := max(0, had-3)
	i := bytes.Index(all[from:], []byte("\r\n\r\n"))
	if i < 0 {
		if had == 0 {
			d.hold(b)
		}
		if len(d.wait) > maxHeader || d.shared.headers > maxHeaders {
			if d.responses { // a request is told from other protocols by its end only
				d.h.Undecoded(begin, "its header is too long")
			}
			d.stop()
		}
		return len(b)
	}
	i += from
	used := i + 4 - had
	d.release()
	d.header(all[:i], begin+int64(i)+4)
	return used
}

func leadingEnds(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == '\r' || b[n] == '\n') {
		n++
	}
	return n
}

// plausible says whether b can begin a message.
func plausible(b []byte, response bool) bool {
	if response {
		const v = "HTTP/1."
		n := min(len(b), len(v))
		return string(b[:n]) == v[:n]
	}
	for i, c := range b[:min(len(b), 20)] { // a method: capital letters, then a space
		switch {
		case c == ' ':
			return i > 0
		case c != '-' && (c < 'A' || c > 'Z'):
			return false
		}
	}
	return len(b) < 20
}

// header decides from a message's header how its body, at offset, is framed (RFC 9112, 6.3).
func (d *Decoder) header(text []byte, offset int64) {
	first, rest, _ := bytes.Cut(text, []byte("\r\n"))
	chunked, length := false, int64(-1)
	d.coding = ""
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := strings.Cut(string(line), ":")
		value = strings.ToLower(strings.TrimSpace(value))
		switch strings.ToLower(name) {
		case "transfer-encoding":
			chunked = value == "chunked" || strings.HasSuffix(value, ",chunked") || strings.HasSuffix(value, " chunked")
			if before := strings.TrimRight(strings.TrimSuffix(value, "chunked"), ", "); before != "" {
				d.coding = before
			}
		case "content-encoding":
			if value != "identity" {
				d.coding = value
			}
		case "content-length":
			if n, err := strconv.ParseInt(value, 10, 62); err == nil && n >= 0 {
				length = n
			}
		}
	}
	until := d.responses
	if d.responses {
		until = d.status(string(first), &chunked, &length)
	} else {
		method, _, _ := strings.Cut(string(first), " ")
		d.requests.push(strings.Clone(method))
		if !chunked && length < 0 {
			length = 0
		}
	}
	if d.state == off {
		return
	}
	switch {
	case !chunked && d.coding == "" && length < 0 && until: // until the stream ends, as it is
		d.stop()
	case !chunked && (d.coding == "" || length == 0):
		d.left, d.state = max(length, 0), inPlain
		if d.left == 0 {
			d.state = atMessage
		}
	default:
		d.begin(offset, chunked, length)
	}
}

// status applies what a response's status and its request's method say of its body.
func (d *Decoder) status(line string, chunked *bool, length *int64) (until bool) {
	_, code, _ := strings.Cut(line, " ")
	code, _, _ = strings.Cut(code, " ")
	method := ""
	if !strings.HasPrefix(code, "1") {
		method = d.requests.pop()
	}
	switch {
	case code == "101", method == "CONNECT" && strings.HasPrefix(code, "2"): // another protocol follows
		d.stop()
	case strings.HasPrefix(code, "1"), code == "204", code == "304", method == "HEAD":
		*chunked, *length = false, 0
	}
	return true
}

func (d *Decoder) begin(offset int64, chunked bool, length int64) {
	var names []string
	if chunked {
		names = append(names, "chunked")
		d.state = atSize
	} else if d.left = length; length < 0 {
		d.state = inCodedEnd
	} else {
		d.state = inCoded
	}
	if d.coding != "" {
		names = append(names, d.coding)
	}
	d.quiet = false
	switch d.coding {
	case "":
	case "gzip", "x-gzip", "deflate":
		if d.z = d.shared.inflater(d.coding == "deflate"); d.z == nil {
			d.undecoded(offset, "too many compressed bodies at once")
			return
		}
	default:
		d.undecoded(offset, "its coding is "+d.coding)
		return
	}
	d.body = true
	d.h.Begin(offset, strings.Join(names, ", "))
}

// undecoded passes over a body.
func (d *Decoder) undecoded(offset int64, why string) {
	d.h.Undecoded(offset, why)
	d.quiet, d.coding = true, ""
}

// content takes bytes of a body, with the chunks' framing taken off.
func (d *Decoder) content(b []byte, end int64, m find.Mark) {
	switch {
	case d.quiet:
	case d.z == nil:
		d.quiet = !d.h.Bytes(b, end, m)
	default:
		wanted := true
		d.z.push(b, func(out []byte) bool {
			wanted = d.h.Bytes(out, end, m)
			return wanted
		})
		if d.quiet = !wanted || d.z.failed(); d.quiet {
			d.finish(false)
		}
	}
}

// end ends the message.
func (d *Decoder) end() {
	d.finish(true)
	d.state = atMessage
}

// finish ends the body.
func (d *Decoder) finish(whole bool) {
	if d.z != nil {
		whole = d.z.close() && whole
		d.shared.put(d.z)
		d.z = nil
	}
	if d.body {
		d.body = false
		d.h.End(whole)
	}
}

// lose gives up where framing makes no sense.
func (d *Decoder) lose(offset int64, why string) {
	if d.body && offset > 0 {
		d.h.Undecoded(offset, why)
	}
	d.stop()
}

func (d *Decoder) stop() {
	d.finish(false)
	d.release()
	d.wait = nil
	d.state = off
}

// Missing says that n bytes at offset are not known. Where framing goes on behind them is known in the
// middle of a body or a chunk that reaches further; elsewhere the decoder waits for the next response.
func (d *Decoder) Missing(offset, n int64, m find.Mark) {
	inside := n < d.left && (d.state == inPlain || d.state == inCoded || d.state == inChunk)
	if !inside {
		d.stop()
		return
	}
	d.left -= n
	switch {
	case d.z != nil: // what follows cannot be inflated
		d.quiet = true
		d.finish(false)
	case d.body && !d.quiet:
		d.h.Skip(n, m)
	}
}

// End says that the stream ends here.
func (d *Decoder) End() {
	d.finish(d.state == inCodedEnd)
	d.stop()
}
