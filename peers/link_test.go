package peers

import (
	"io"
	"net"
	"testing"
)

// Who closed first counts, whatever the read tells: the other end answers our closing with its own.
func TestOurReasonComesBeforeTheirClosing(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	l, err := newLink(t.Context(), ours, SocketOptions{}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.why(io.EOF); err != io.EOF {
		t.Errorf("open: %v", err)
	}
	limit := &LimitError{Limit: "header"}
	l.fail(limit)
	if err := l.why(io.EOF); err != error(limit) {
		t.Errorf("closed by us: %v", err)
	}
}
