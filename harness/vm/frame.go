package vm

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// A kind says what a frame is. A serial line has no end of file, no exit status and no window size, so what passes
// between Run and the guest's process 1 is framed: a kind, the length of the body in four bytes, the body.
type kind byte

const (
	// From Run.
	kindInput  kind = 'i' // bytes for standard input; no body is its end
	kindWindow kind = 'w' // rows and columns of the terminal, two bytes each
	kindSignal kind = 's' // one byte: send the command this signal

	// From the guest.
	kindReady  kind = 'r' // the command has been started
	kindCredit kind = 'c' // four bytes: so much more input may be sent
	kindOutput kind = 'o' // bytes of standard output
	kindError  kind = 'e' // bytes of standard error
	kindFailed kind = 'f' // a text: the command could not be started
	kindExit   kind = 'x' // one byte: the command's exit status; the last frame
)

const (
	frameHeader = 5
	frameMost   = 32 << 10 // longest body
)

// A frameWriter writes frames, each whole. It may be used by several goroutines.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
	b  []byte
}

func (w *frameWriter) write(k kind, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		n := min(len(body), frameMost)
		w.b = append(w.b[:0], byte(k))
		w.b = binary.BigEndian.AppendUint32(w.b, uint32(n))
		w.b = append(w.b, body[:n]...)
		if _, err := w.w.Write(w.b); err != nil {
			return err
		}
		if body = body[n:]; len(body) == 0 {
			return nil
		}
	}
}

// readFrame reads a frame into b, which has room for frameMost bytes, and returns its body. The error is io.EOF where
// the line ended between two frames.
func readFrame(r io.Reader, b []byte) (kind, []byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[1:])
	if n > frameMost {
		return 0, nil, fmt.Errorf("serial line: a frame of kind %q and %d bytes, at most %d were expected: something else wrote to the line", header[0], n, frameMost)
	}
	if _, err := io.ReadFull(r, b[:n]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind(header[0]), b[:n], nil
}
