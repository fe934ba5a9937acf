package peers

import (
	"fmt"
	"time"
)

// Limits bound what a peer can cost. A negative duration means no limit.
type Limits struct {
	// Header is the longest time that a header may take. On a server: from the
	// connection, or from the first byte of a later request, to the end of the
	// request; zero is 10 s. On a client: from the request, or from the end of
	// the file before it, to the end of the answer; zero is 2 min, since a sequential
	// server may have others to serve first.
	Header time.Duration `json:"header,omitempty"`
	// Idle is the longest time without progress: no byte read, none written and
	// none acknowledged by the other end. It is looked at four times in that time, so
	// the end may come a quarter later. Zero is 30 s.
	Idle time.Duration `json:"idle,omitempty"`
	// Total is the longest time that a connection may last. Zero is none.
	Total time.Duration `json:"total,omitempty"`
	// MaxConns is how many connections a thread or fork server holds at once;
	// further ones wait in the backlog. Zero and less are 1024. A client ignores it.
	MaxConns int `json:"max_conns,omitempty"`
}

// LimitError says that a peer ended a connection because a limit was reached.
// It is a timeout in the sense of net.Error.
type LimitError struct {
	Limit string        // "header", "idle" or "total"
	After time.Duration // the limit
}

func (e *LimitError) Error() string {
	switch e.Limit {
	case "header":
		return fmt.Sprintf("header not complete after %v: the other end is too slow, or raise the header limit", e.After)
	case "total":
		return fmt.Sprintf("connection not done after %v: raise the total limit", e.After)
	}
	return fmt.Sprintf("no progress for %v: the other end is gone or stuck, or raise the idle limit", e.After)
}

// Timeout reports true.
func (e *LimitError) Timeout() bool { return true }

// Temporary reports false: the connection is closed.
func (e *LimitError) Temporary() bool { return false }

// resolved replaces zeros by what they mean on this side; none is zero then.
func (l Limits) resolved(header time.Duration) Limits {
	settle := func(d *time.Duration, zero time.Duration) {
		if *d == 0 {
			*d = zero
		}
		*d = max(*d, 0)
	}
	settle(&l.Header, header)
	settle(&l.Idle, 30*time.Second)
	settle(&l.Total, 0)
	if l.MaxConns <= 0 {
		l.MaxConns = 1024
	}
	return l
}

const (
	serverHeader = 10 * time.Second
	clientHeader = 2 * time.Minute
)
