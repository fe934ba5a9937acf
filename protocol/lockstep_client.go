package protocol

import (
	"bytes"
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
// What a client does is settled by the count of bytes and by silence alone:
// without Quiet the content is the same wherever reads are cut.
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
	fill   int   // bytes since the last full chunk ended, the held ones included
	since  int   // bytes since the last acknowledgement, the held ones included
	held   int   // bytes of "EOF" kept back: content, or the end
	quiet  bool  // the last acknowledgement was given on Quiet, not for a full chunk
	credit bool  // the chunk in progress was acknowledged before it was full
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
// until b changes, and neither is to be written to. Bytes that cannot stand
// here are a *SyntaxError: the client has failed.
func (c *LockstepClient) Feed(b []byte) (content, send []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	at := c.offset
	c.offset += int64(len(b))
	switch c.state {
	case LockstepReceiving:
		content, send = c.receive(b)
		return content, send, nil
	case LockstepAsked:
		for i, v := range b {
			if v != lockstepSent[c.reply] {
				return nil, nil, c.fail(at+int64(i), b[i:], `"sent"`)
			}
			if c.reply++; c.reply < len(lockstepSent) {
				continue
			}
			c.state = LockstepReceiving
			if i+1 < len(b) { // a server that does not wait for the answer
				content, _ = c.receive(b[i+1:])
			}
			return content, lockstepSent, nil
		}
		return nil, nil, nil
	}
	return nil, nil, c.fail(at, b, "nothing, since no file is asked for")
}

func (c *LockstepClient) fail(at int64, seen []byte, want string) error {
	c.state = LockstepFailed
	return syntaxError(at, seen, want)
}

// receive takes bytes of chunks and the end marker.
func (c *LockstepClient) receive(b []byte) (content, send []byte) {
	// Chunks that come whole are the rule; the rest of this is for the others.
	c.since += len(b)
	for fill := c.fill + len(b); ; fill -= c.buffer {
		if c.fill = fill; fill < c.buffer {
			break
		}
		if c.credit {
			c.credit = false
			continue
		}
		c.quiet = false
		c.since = fill - c.buffer
		send = lockstepSent
	}
	content = b
	if c.held > 0 {
		c.out = append(append(c.out[:0], lockstepEOF[:c.held]...), b...)
		content = c.out
	}
	c.held = heldBytes(content[len(content)-min(len(content), c.since):])
	content = content[:len(content)-c.held]
	c.total += int64(len(content))
	if len(content) > 0 {
		c.maybe = -1
	}
	switch {
	case c.since == 0 && bytes.HasSuffix(content, lockstepEOF):
		c.maybe = c.total - int64(len(lockstepEOF))
	case c.marker() && c.quiet:
		c.state = LockstepDone
	}
	return content, send
}

// marker says whether what came since the last acknowledgement is exactly the
// end marker.
func (c *LockstepClient) marker() bool {
	return c.since == len(lockstepEOF) && c.held == len(lockstepEOF)
}

// heldBytes is the length of the longest end of b that "EOF" begins with.
func heldBytes(b []byte) int {
	for n := min(len(lockstepEOF), len(b)); n > 0; n-- {
		if bytes.Equal(b[len(b)-n:], lockstepEOF[:n]) {
			return n
		}
	}
	return 0
}

// Quiet says that nothing has come for longer than a message takes. What it
// returns is as for Feed.
func (c *LockstepClient) Quiet() (content, send []byte, err error) {
	if !c.WantsQuiet() {
		return nil, nil, nil
	}
	if c.held == len(lockstepEOF) {
		switch {
		case c.marker():
			c.done(1, "EOF after nothing but full chunks may be the end or the last chunk, taken for the end")
			return nil, nil, nil
		case c.quiet:
			c.done(3, "a chunk went on after it was acknowledged, and EOF at its end may be content, taken for the end")
			return nil, nil, nil
		}
	}
	// The message is complete, so what was held back is content.
	content = lockstepEOF[:c.held]
	c.total += int64(c.held)
	c.maybe = -1
	if c.held == len(lockstepEOF) {
		c.maybe = c.total - int64(c.held)
	}
	c.held, c.since = 0, 0
	c.quiet, c.credit = true, c.fill > 0
	return content, lockstepSent, nil
}

// done ends the file in one of AmbiguousError's cases.
func (c *LockstepClient) done(which int, reason string) {
	c.state = LockstepDone
	c.ambig = &AmbiguousError{Offset: c.total, Case: which, Reason: reason}
}

// Closed says that the server closed the connection. It returns nil where that
// is a clean end: nothing was asked for, or the file was done. It returns
// ErrRefused where the server never said "sent", an *AmbiguousError where the
// file may have ended all the same, and otherwise a *ReadError of
// io.ErrUnexpectedEOF. A last "EOF" at the place of the end marker is the end:
// the state is then LockstepDone, and Ambiguous has its word as ever.
func (c *LockstepClient) Closed() error {
	const merged = "the connection ended after a chunk that ends in EOF, which may be the end marker, taken for cut off"
	during := "lockstep answer"
	switch c.state {
	case LockstepIdle, LockstepDone:
		return nil
	case LockstepAsked:
		if c.reply == 0 {
			c.state = LockstepFailed
			return ErrRefused
		}
	case LockstepReceiving:
		during = "lockstep file"
		switch {
		case c.marker():
			_, _, err := c.Quiet()
			return err
		case c.held == len(lockstepEOF):
			c.maybe = c.total
			fallthrough
		case c.since == 0 && c.maybe >= 0:
			c.state = LockstepFailed
			c.ambig = &AmbiguousError{Offset: c.maybe, Case: 2, Reason: merged}
			return c.ambig
		}
	}
	c.state = LockstepFailed
	return &ReadError{Offset: c.offset, During: during, Err: io.ErrUnexpectedEOF}
}
