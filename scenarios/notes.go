package scenarios

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/protocol"
)

// notes collects what is worth a comment in a capture, while the capture is being analysed.
type notes struct {
	dialect protocol.Dialect
	files   []string // that may be asked for
	list    []note
	omitted uint64 // beyond maxNotes
}

// A note is an event, or a request: then it has a file.
type note struct {
	packet, first  uint64 // first names the connection
	offset, length int64
	kind           flow.EventKind
	direction      flow.Direction
	at             int64 // nanoseconds since 1970
	file           string
}

const (
	// maxNotes bounds the memory, to about 25 MB: a link that loses may have more retransmissions than anybody will read.
	maxNotes = 1 << 18
	// asked is the kind of a request.
	asked flow.EventKind = "request"
)

// watch has an analysis tell the notes what it sees.
func (n *notes) watch(o flow.Options) flow.Options {
	o.Events = func(e flow.Event) {
		n.add(note{packet: e.Packet, first: e.First, offset: e.Offset, length: e.Length, kind: e.Kind, direction: e.Direction, at: e.Time.UnixNano()})
	}
	o.Sink = func(c flow.Connection, d flow.Direction) flow.Sink {
		if d != flow.ToServer {
			return nil
		}
		return &requests{notes: n, first: c.FirstPacket}
	}
	return o
}

func (n *notes) add(what note) {
	if len(n.list) == maxNotes {
		n.omitted++
		return
	}
	n.list = append(n.list, what)
}

// requests finds requests in what a client sends. In the stream dialect each is a line that ends in the name, in lockstep a
// segment of its own that is a path.
type requests struct {
	notes *notes
	first uint64
	line  []byte // of the stream dialect, not whole yet
}

// Bytes implements flow.Sink.
func (q *requests) Bytes(offset int64, b []byte, packet uint64, t time.Time) {
	whole := func(text []byte) {
		name, ok := q.name(text)
		if !ok {
			return
		}
		q.notes.add(note{packet: packet, first: q.first, offset: offset, kind: asked, direction: flow.ToServer, at: t.UnixNano(), file: name})
	}
	if q.notes.dialect == protocol.Lockstep {
		whole(b)
		return
	}
	for {
		line, rest, ends := bytes.Cut(b, []byte{'\n'})
		q.line = append(q.line, line[:min(len(line), max(0, protocol.MaxLine-len(q.line)))]...)
		if !ends {
			return
		}
		whole(q.line)
		q.line, b = q.line[:0], rest
	}
}

// name is the file that a request names.
func (q *requests) name(text []byte) (string, bool) {
	if q.notes.dialect == protocol.Lockstep {
		text = text[bytes.LastIndexByte(text, '/')+1:]
	} else if words := bytes.SplitN(text, []byte{' '}, 3); len(words) == 3 { // GET offset name
		text = words[2]
	}
	i := slices.Index(q.notes.files, string(text))
	if i < 0 {
		return "", false
	}
	return q.notes.files[i], true
}

// Missing implements flow.Sink: a line with a hole is none.
func (q *requests) Missing(int64, int64) { q.line = q.line[:0] }

// Done implements flow.Sink.
func (q *requests) Done() {}

// comments puts the notes into words, by packet. host says whose an address is.
func (n *notes) comments(a *flow.Analysis, host func(netip.Addr) string) map[uint64][]string {
	texts := map[uint64][]string{}
	say := func(packet uint64, format string, args ...any) {
		texts[packet] = append(texts[packet], fmt.Sprintf(format, args...))
	}
	end := func(e netip.AddrPort) string { return fmt.Sprintf("%s:%d", host(e.Addr()), e.Port()) }
	known := map[uint64]int{} // a connection's number, by its first packet
	for i, c := range a.Connections {
		known[c.FirstPacket] = i
	}
	requested := map[uint64]int{}
	var last uint64
	for _, e := range n.list {
		last = max(last, e.packet)
		who, c := "an attempt at a connection", flow.Connection{}
		if i, ok := known[e.first]; ok {
			who, c = fmt.Sprintf("connection %d", i+1), a.Connections[i]
		} else if i := slices.IndexFunc(a.Attempts, func(c flow.Connection) bool { return c.FirstPacket == e.first }); i >= 0 {
			c = a.Attempts[i]
		}
		by := "client"
		if e.direction == flow.ToClient {
			by = "server"
		}
		switch e.kind {
		case flow.EventSYN:
			say(e.packet, "%s: handshake, SYN: %s opens it to %s", who, end(c.Client), end(c.Server))
		case flow.EventSYNACK:
			say(e.packet, "%s: handshake, SYN-ACK: %s accepts", who, end(c.Server))
		case flow.EventEstablished:
			say(e.packet, "%s: handshake, ACK: established, %v after the SYN", who, c.RoundTrip.Round(time.Microsecond))
		case asked:
			requested[e.first]++
			say(e.packet, "%s: request for file %d, %s", who, requested[e.first], e.file)
		case flow.EventRetransmission:
			what := "of the handshake"
			if e.length == 0 && e.offset > 0 {
				what = "of the FIN"
			} else if e.length > 0 {
				what = fmt.Sprintf("of %d bytes at stream offset %d", e.length, e.offset)
			}
			say(e.packet, "%s: retransmission by the %s %s", who, by, what)
		case flow.EventFIN:
			say(e.packet, "%s: FIN by the %s, after %d bytes", who, by, e.offset+e.length)
		case flow.EventReset:
			say(e.packet, "%s: reset by the %s", who, by)
		}
	}
	if n.omitted > 0 {
		say(last, "%d events after this one have no comment", n.omitted)
	}
	for i, c := range a.Connections {
		files := slices.DeleteFunc(slices.Clone(c.Files), func(f flow.Found) bool { return f.Direction != flow.ToClient })
		for k, f := range files {
			which := fmt.Sprintf("file %d of %d, %s", k+1, len(files), f.Name)
			say(f.Packet, "connection %d: first byte of %s, at stream offset %d", i+1, which, f.Offset)
			say(f.LastPacket, "connection %d: last byte of %s: %d bytes, %v after the first", i+1, which, f.Size, f.LastTime.Sub(f.Time).Round(time.Microsecond))
		}
	}
	return texts
}

// hostNamed says whose an address is, by the topology; the address itself where it is nobody's.
func (r *run) hostNamed(a netip.Addr) string {
	for _, h := range r.scenario.Topo.Hosts {
		if at, ok := r.scenario.Topo.HostAddr(h.Name); ok && at == a {
			return h.Name
		}
	}
	return strings.TrimPrefix(a.String(), "::ffff:")
}
