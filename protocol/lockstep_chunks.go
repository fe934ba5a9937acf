package protocol

import (
	"bytes"
	"io"
)

// LockstepChunks cuts a file into the chunks that a LockstepServer sends. All
// are full but for the last, as the original server sends them, with two
// exceptions that any client puts together again and that spare it a guess: the
// last chunk is never full (its last byte goes alone), so that a full chunk is
// never followed by the end marker; and no chunk is "EOF" (it goes as "EO" and
// "F"), so that "EOF" alone is always the end marker.
//
// It reads ahead in blocks of four chunks and at least 64 KiB, allocates once,
// and has nothing to close.
type LockstepChunks struct {
	r      io.Reader
	buffer int
	block  []byte
	a, z   int // block[a:z] is read and not yet sent
	err    error
}

// NewLockstepChunks cuts what r gives. The buffer is as for NewLockstepServer.
func NewLockstepChunks(r io.Reader, buffer int) *LockstepChunks {
	buffer = lockstepBuffer(buffer)
	return &LockstepChunks{r: r, buffer: buffer, block: make([]byte, max(4*buffer, 64<<10))}
}

// Next returns the next chunk, valid until the next call. After the last one it
// returns io.EOF. An error of the reader comes as it is, after the full chunks
// before it: a chunk that it cut short is not sent, since it would look like
// the file's last.
func (c *LockstepChunks) Next() ([]byte, error) {
	// One byte more than a chunk tells whether the chunk is the last.
	if c.z-c.a <= c.buffer && c.err == nil {
		c.fill()
	}
	n := min(c.z-c.a, c.buffer)
	if c.z-c.a <= c.buffer {
		switch {
		case c.err != io.EOF:
			return nil, c.err
		case n == 0:
			return nil, io.EOF
		case n == c.buffer:
			n--
		}
	}
	if bytes.Equal(c.block[c.a:c.a+n], lockstepEOF) {
		n--
	}
	chunk := c.block[c.a : c.a+n]
	c.a += n
	return chunk, nil
}

func (c *LockstepChunks) fill() {
	c.z = copy(c.block, c.block[c.a:c.z])
	c.a = 0
	for empty := 0; c.z <= c.buffer && c.err == nil; {
		n, err := c.r.Read(c.block[c.z:])
		c.z += n
		if n > 0 {
			empty = 0
		} else if empty++; err == nil && empty >= 100 {
			err = io.ErrNoProgress
		}
		c.err = err
	}
}
