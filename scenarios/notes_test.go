package scenarios

import (
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/protocol"
)

// Requests are found however the stream is cut, and nothing else is taken for one.
func TestRequestsAreFound(t *testing.T) {
	files := []string{"Don Quixote.txt", "sent", "a"}
	for _, c := range []struct {
		dialect  protocol.Dialect
		segments []string
		want     []string
	}{
		{protocol.Stream, []string{"GET 0 Don Quixote.txt\nGET 17 a\n"}, []string{"1 Don Quixote.txt", "1 a"}},
		{protocol.Stream, []string{"GET 0 Don", " Quixote.txt", "\n"}, []string{"3 Don Quixote.txt"}},
		{protocol.Stream, []string{"GET 0 nobody's\n", "GET 0 sent\n", "Don Quixote.txt"}, []string{"2 sent"}},
		{protocol.Lockstep, []string{"Don Quixote.txt", "sent", "../novel/a"}, []string{"1 Don Quixote.txt", "2 sent", "3 a"}},
		{protocol.Lockstep, []string{"GET 0 a\n", "sentsent"}, nil},
	} {
		n := &notes{dialect: c.dialect, files: files}
		sink := n.watch(flow.Options{}).Sink(flow.Connection{FirstPacket: 9}, flow.ToServer)
		var offset int64
		for i, s := range c.segments {
			sink.Bytes(offset, []byte(s), uint64(i+1), time.Now())
			offset += int64(len(s))
		}
		var got []string
		for _, note := range n.list {
			got = append(got, string(rune('0'+note.packet))+" "+note.file)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q, want %q", c.dialect, c.segments, got, c.want)
		}
	}
}

// What goes on for ever does not fill the memory, and the last comment says that there was more.
func TestNotesAreBounded(t *testing.T) {
	n := &notes{}
	tell := n.watch(flow.Options{}).Events
	for i := range uint64(maxNotes + 7) {
		tell(flow.Event{Kind: flow.EventRetransmission, Packet: i + 1})
	}
	texts := n.comments(&flow.Analysis{}, nil)
	last := texts[maxNotes]
	if len(n.list) != maxNotes || len(last) != 2 || last[1] != "7 events after this one have no comment" {
		t.Errorf("%d notes; the last says %q", len(n.list), last)
	}
}
