package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// LockstepState is where a LockstepClient stands.
type LockstepState int

const (
	LockstepIdle      LockstepState = iota // nothing is asked for: call Request
	LockstepAsked                          // the name was sent, "sent" is to come
	LockstepReceiving                      // content is to come
	LockstepDone                           // the end marker came: ask Ambiguous, then call Request or close
	LockstepFailed                         // the server's bytes make no sense here: close
)

func (s LockstepState) String() string {
	switch s {
	case LockstepIdle:
		return "idle"
	case LockstepAsked:
		return "asked"
	case LockstepReceiving:
		return "receiving"
	case LockstepDone:
		return "done"
	case LockstepFailed:
		return "failed"
	}
	return fmt.Sprintf("LockstepState(%d)", int(s))
}

// LockstepClient is the client's half of the lockstep dialect as a state
// machine: bytes that came go in, content and bytes to send come out. It does
// no I/O, knows no time, allocates nothing for an exchange, and is not safe for
// concurrent use. A driver is this loop:
//
//	send, err := c.Request(name); write(send)
//	for err == nil && c.State() != LockstepDone {
//		var content []byte
//		n, timeout := read(buf) // with the quiet period as deadline if c.WantsQuiet()
//		if timeout {
//			content, send, err = c.Quiet()
//		} else { // at the connection's end: return c.Closed()
//			content, send, err = c.Feed(buf[:n])
//		}
//		file.Write(content); write(send)
//	}
//	err = c.Ambiguous()
//
// A full chunk (buffer bytes since the last one ended) is acknowledged at once.
// A shorter one is the first part of a split read or the file's last: it is
// acknowledged on Quiet. After that the server owes the next message, so "EOF"
// is the end, at once. "EOF" where nothing but full chunks stand before it is
// the end on Quiet, and ambiguous. The client sends one acknowledgement for
// each message, never one for a part of it as the original client does, so that
// a server that waits for acknowledgements cannot have its end marker merged
// with the last chunk.
type LockstepClient struct {
	buffer int
	state  LockstepState
	reply  int   // bytes of the server's "sent" matched
	fill   int   // bytes since the last chunk ended, the held ones included
	since  int   // bytes since the last acknowledgement, the held ones included
	held   int   // bytes of "EOF" that were kept back: content, or the end
	short  bool  // the chunk in progress was acknowledged before it was full
	owed   bool  // a chunk went on after it was acknowledged: the server owes a message
	total  int64 // bytes of the file that were handed out
	maybe  int64 // offset of an acknowledged "EOF" at a chunk's end, or -1
	offset int64 // bytes that came on the connection
	ambig  *AmbiguousError
	out    []byte // scratch for content that does not lie in the caller's slice
}

// NewLockstepClient returns the machine for one connection. The buffer, in
// bytes, must be the server's: zero is DefaultBuffer, and less than
// LockstepMinBuffer is raised to it.
func NewLockstepClient(buffer int) *LockstepClient {
	return &LockstepClient{buffer: lockstepBuffer(buffer), maybe: -1}
}

// Buffer is the length of a full chunk in bytes.
func (c *LockstepClient) Buffer() int { return c.buffer }

// State is where the client stands.
func (c *LockstepClient) State() LockstepState { return c.state }

// WantsQuiet says whether Quiet would change anything now: only then does the
// driver need a timer.
func (c *LockstepClient) WantsQuiet() bool {
	return c.state == LockstepReceiving && c.since > 0
}

// Ambiguous is nil, or an *AmbiguousError where the file asked for last may be
// longer or shorter than what was handed out for it.
func (c *LockstepClient) Ambiguous() error {
	if c.ambig == nil {
		return nil
	}
	return c.ambig
}

// Request asks for the next file: it returns the bytes to send. It fails with a
// *NameError for a bad name, and where a file is still under way.
func (c *LockstepClient) Request(name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if c.state != LockstepIdle && c.state != LockstepDone {
		return nil, fmt.Errorf("request for %q: the client is %s: ask again on a new connection", name, c.state)
	}
	*c = LockstepClient{buffer: c.buffer, state: LockstepAsked, maybe: -1, offset: c.offset, out: c.out[:0]}
	return []byte(name), nil
}

// Feed takes what one read returned. It returns content for the file and bytes
// to send, either of which may be empty; both are valid until the next call or
// until b changes. Bytes that cannot stand here are a *SyntaxError: the client
// has failed.
func (c *LockstepClient) Feed(b []byte) (content, send []byte, err error) {
	at := c.offset
	c.offset += int64(len(b))
	switch {
	case len(b) == 0:
		return nil, nil, nil
	case c.state == LockstepAsked:
		return nil, nil, errors.New("TODO")
	}
	_ = at
	return nil, nil, nil
}

// Quiet says that nothing has come for longer than a message takes. What it
// returns is as for Feed.
func (c *LockstepClient) Quiet() (content, send []byte, err error) {
	return nil, nil, nil
}

// Closed says that the server closed the connection. It returns nil where that
// is a clean end: nothing was asked for, or the file was done. It returns
// ErrRefused where the server never said "sent", an *AmbiguousError where the
// file may have ended all the same, and otherwise io.ErrUnexpectedEOF with the
// file offset. A last "EOF" at the place of the end marker is the end, and the
// state is then LockstepDone.
func (c *LockstepClient) Closed() error {
	_ = bytes.Equal
	return io.ErrUnexpectedEOF
}
