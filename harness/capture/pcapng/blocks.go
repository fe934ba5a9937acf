package pcapng

import (
	"errors"
	"fmt"
	"io"
)

// ErrForeign is in the chain of the error of [Merge] and [Follower] for a file that a
// [Writer] did not make: of another byte order, with several sections, or no
// capture at all.
var ErrForeign = errors.New("not a capture of this program's")

// blocks reads a file of a Writer's block by block, also while it grows: at its end
// next returns io.EOF, and later what has come meanwhile.
type blocks struct {
	r    io.Reader
	buf  []byte // buf[at:end] is read and not yet used
	at   int
	end  int
	used int64 // offset in the file of buf[at]
}

const (
	blocksBuffer = 512 << 10
	// longestBlock is more than a Writer makes of a packet: 262,144 bytes, and a comment.
	longestBlock = 1 << 20
)

// next returns the next whole block, which is valid, and may be written to, until the
// call after. The end of the file, also in the middle of a block, is io.EOF, and
// rest tells how much of a block is there.
func (b *blocks) next() ([]byte, error) {
	head, err := b.have(12)
	if err != nil {
		return nil, err
	}
	n := le.Uint32(head[4:])
	if n < 12 || n%4 != 0 || n > longestBlock {
		return nil, fmt.Errorf("%w: a block of %d bytes at byte %d", ErrForeign, n, b.used)
	}
	block, err := b.have(int(n))
	if err != nil {
		return nil, err
	}
	if twin := le.Uint32(block[n-4:]); twin != n {
		return nil, fmt.Errorf("%w: a block of %d and of %d bytes at byte %d", ErrForeign, n, twin, b.used)
	}
	b.at += int(n)
	b.used += int64(n)
	return block, nil
}

// rest is how many bytes of a block that is not whole there are at the end.
func (b *blocks) rest() int { return b.end - b.at }

// have returns the next n bytes without using them.
func (b *blocks) have(n int) ([]byte, error) {
	for b.end-b.at < n {
		if len(b.buf)-b.at < n {
			if len(b.buf) < n {
				grown := make([]byte, max(n, blocksBuffer))
				b.end = copy(grown, b.buf[b.at:b.end])
				b.buf = grown
			} else {
				b.end = copy(b.buf, b.buf[b.at:b.end])
			}
			b.at = 0
		}
		got, err := b.r.Read(b.buf[b.end:])
		b.end += got
		switch {
		case got > 0:
		case err == nil:
			return nil, io.ErrNoProgress
		default:
			return nil, err
		}
	}
	return b.buf[b.at : b.at+n], nil
}

// appendComments appends a packet block with comments in front of its other options.
func appendComments(b, block []byte, comments []string) []byte {
	start := len(b)
	captured := int(le.Uint32(block[20:]))
	options := PacketHeadLen + captured + -captured&3
	b = append(b, block[:options]...)
	o := len(b)
	for _, text := range comments {
		b = appendText(b, optComment, text)
	}
	if rest := block[options : len(block)-4]; len(rest) > 0 {
		b = append(b, rest...) // with its end mark
	} else {
		b = endOptions(b, o)
	}
	return closeBlock(b, start)
}

// checkPacket says whether a packet block holds what it claims to.
func checkPacket(block []byte) bool {
	return len(block) >= packetFixedLen && uint64(le.Uint32(block[20:])) <= uint64(len(block)-packetFixedLen)
}
