package protocol

import (
	"bytes"
	"fmt"
)

// LockstepAction is what the driver of a LockstepServer has to do next.
type LockstepAction int

const (
	// LockstepRead: read from the connection and call Feed; where WantsQuiet,
	// call Quiet if nothing comes for the quiet period.
	LockstepRead LockstepAction = iota
	// LockstepOpen: open the file Name() and send LockstepReady, then read. Where
	// it cannot be opened, close the connection.
	LockstepOpen
	// LockstepSend: send the next chunk of the file, then read. Where none is
	// left, do what Finish says.
	LockstepSend
	// LockstepFinish: send LockstepEnd, then read: the next name may come.
	LockstepFinish
	// LockstepClose: close the connection; Err says why.
	LockstepClose
)

func (a LockstepAction) String() string {
	switch a {
	case LockstepRead:
		return "read"
	case LockstepOpen:
		return "open"
	case LockstepSend:
		return "send"
	case LockstepFinish:
		return "finish"
	case LockstepClose:
		return "close"
	}
	return fmt.Sprintf("LockstepAction(%d)", int(a))
}

type serverState int

const (
	serverName   serverState = iota // a name is to come
	serverGo                        // ready was sent, "sent" is to come
	serverSend                      // the driver sends a chunk, and "sent" is to come, or it finishes
	serverDrain                     // all is acknowledged, but acknowledgements may be on their way
	serverClosed                    // for good
)

// LockstepServer is the server's half of the lockstep dialect as a state
// machine: bytes that came go in, the driver's next action comes out. It does
// no I/O, knows no time, allocates nothing for an exchange, and is not safe for
// concurrent use. A driver is this loop:
//
//	act := LockstepRead
//	for {
//		switch act {
//		case LockstepOpen:
//			file = open(s.Name()); chunks = NewLockstepChunks(file, s.Buffer())
//			write("sent")
//		case LockstepSend:
//			chunk, err := chunks.Next()
//			if err == io.EOF { act = s.Finish(); continue }
//			write(chunk)
//		case LockstepFinish:
//			write("EOF")
//		case LockstepClose:
//			return s.Err()
//		}
//		act = s.Feed(read()) // or s.Quiet()
//	}
//
// The name is the last element of the path that came, by '/' or '\'. It is
// looked up after every read, and the first that is known is served: of two
// served names of which one begins with the other, the longer one must come in
// one read, as it does from the originals. One that is not known may be the
// first part of a split read, so it is refused (LockstepClose) only on Quiet,
// or once LockstepMaxName bytes are there. "sent" before a name is a stray
// acknowledgement and skipped, unless a known name begins so.
//
// One exchange is one "sent", however it is split. The original server takes
// any read of up to 100 bytes for an acknowledgement; this one takes only
// "sent", as the original client sends it, and closes on anything else. More
// than one in a read is still one: a client that acknowledges each part of a
// split chunk, as the original does, sends too many. Once such a surplus was
// seen, and from the start where the buffer is longer than the original client's
// recv(1024), the end marker waits for Quiet, so that it is not merged with the
// last chunk at the client. A surplus that shows in no read is not seen.
type LockstepServer struct {
	known   func(string) bool
	buffer  int
	state   serverState
	name    []byte // the bytes that came for a name
	file    string // the name being served
	ack     int    // bytes of "sent" matched
	surplus bool   // the client acknowledges more often than it is sent to
	offset  int64  // bytes that came on the connection
	err     error
}

// NewLockstepServer returns the machine for one connection. The buffer is the
// longest chunk in bytes: zero is DefaultBuffer, and less than
// LockstepMinBuffer is raised to it. known says whether a name (one that passes
// CheckName) is served; it is called once or a few times for each read in which
// a name is expected.
func NewLockstepServer(buffer int, known func(name string) bool) *LockstepServer {
	buffer = lockstepBuffer(buffer)
	return &LockstepServer{known: known, buffer: buffer, surplus: buffer > DefaultBuffer}
}

// Buffer is the longest chunk in bytes.
func (s *LockstepServer) Buffer() int { return s.buffer }

// Name is the file of the last LockstepOpen.
func (s *LockstepServer) Name() string { return s.file }

// WantsQuiet says whether Quiet would change anything now: only then does the
// driver need a timer.
func (s *LockstepServer) WantsQuiet() bool {
	return s.state == serverDrain || s.state == serverName && len(s.name) > 0
}

// Between says whether the connection is between exchanges, where its end is a
// clean one.
func (s *LockstepServer) Between() bool {
	return s.state == serverName && (len(s.name) == 0 || onlyAcks(s.name))
}

// Err says why the machine asked to close: a *NameError for a name that is not
// served, a *SyntaxError for bytes that are no acknowledgement.
func (s *LockstepServer) Err() error { return s.err }

// Feed takes what one read returned and says what to do.
func (s *LockstepServer) Feed(b []byte) LockstepAction {
	s.offset += int64(len(b))
	switch s.state {
	case serverName:
		return s.feedName(b)
	case serverSend, serverGo, serverDrain:
		return s.feedAck(b)
	}
	return LockstepClose
}

func (s *LockstepServer) feedAck(b []byte) LockstepAction {
	acks := 0
	for i, c := range b {
		if c != lockstepSent[s.ack] {
			return s.close(syntaxError(s.offset-int64(len(b)-i), b[i:], `"sent"`))
		}
		if s.ack++; s.ack == len(lockstepSent) {
			s.ack = 0
			acks++
		}
	}
	if acks > 1 {
		s.surplus = true
	}
	if acks > 0 && s.state != serverDrain {
		s.state = serverSend
		return LockstepSend
	}
	return LockstepRead
}

// Finish says that no chunk is left, after LockstepSend. It returns
// LockstepFinish, or LockstepRead where the end marker has to wait for Quiet.
func (s *LockstepServer) Finish() LockstepAction {
	if s.state != serverSend {
		return s.idle()
	}
	if s.surplus {
		s.state = serverDrain
		return LockstepRead
	}
	return s.finish()
}

func (s *LockstepServer) finish() LockstepAction {
	s.state, s.ack = serverName, 0
	return LockstepFinish
}

// Quiet says that nothing has come for longer than a message takes.
func (s *LockstepServer) Quiet() LockstepAction {
	switch {
	case s.state == serverDrain:
		return s.finish()
	case s.state == serverName && len(s.name) > 0:
		if onlyAcks(s.name) {
			s.name = s.name[:0]
			return LockstepRead
		}
		return s.refuse()
	}
	return s.idle()
}

func (s *LockstepServer) idle() LockstepAction {
	if s.state == serverClosed {
		return LockstepClose
	}
	return LockstepRead
}

func (s *LockstepServer) feedName(b []byte) LockstepAction {
	room := LockstepMaxName - len(s.name)
	s.name = append(s.name, b[:min(len(b), room)]...)
	for rest := s.name; len(rest) > 0; {
		if name := string(lastElement(rest)); CheckName(name) == nil && s.known(name) {
			s.surplus = s.surplus || len(rest) < len(s.name)
			s.file, s.name, s.state = name, s.name[:0], serverGo
			return LockstepOpen
		}
		var stray bool
		if rest, stray = bytes.CutPrefix(rest, lockstepSent); !stray {
			break
		}
	}
	if len(b) > room || len(s.name) == LockstepMaxName {
		return s.refuse()
	}
	return LockstepRead
}

func (s *LockstepServer) refuse() LockstepAction {
	name := string(lastElement(s.name))
	err := CheckName(name)
	if err == nil {
		err = &NameError{Name: clip(name), Reason: "it is not served here: ask for one of the server's files"}
	}
	return s.close(err)
}

func (s *LockstepServer) close(err error) LockstepAction {
	s.state, s.err = serverClosed, err
	return LockstepClose
}

// lastElement is what follows the last separator of a path, of either kind.
func lastElement(path []byte) []byte {
	return path[bytes.LastIndexAny(path, `/\`)+1:]
}

// onlyAcks says whether b is "sent" over and over, the last one perhaps cut.
func onlyAcks(b []byte) bool {
	for i, c := range b {
		if c != lockstepSent[i%len(lockstepSent)] {
			return false
		}
	}
	return true
}
