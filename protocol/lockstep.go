package protocol

import (
	"errors"
	"fmt"
)

// The lockstep dialect's messages. They are read-only.
var (
	lockstepSent = []byte("sent")
	lockstepEOF  = []byte("EOF")
)

// LockstepMaxName is the most that the server reads as a name, in bytes: the
// original's recv(1024), whatever the buffer for chunks is.
const LockstepMaxName = 1024

// LockstepMinBuffer is the smallest buffer: a full chunk must be longer than the
// end marker.
const LockstepMinBuffer = 4

// LockstepReady is what the server sends when the file is open. The caller may
// change the slice.
func LockstepReady() []byte { return append([]byte(nil), lockstepSent...) }

// LockstepEnd is what the server sends after the file. The caller may change
// the slice.
func LockstepEnd() []byte { return append([]byte(nil), lockstepEOF...) }

// lockstepBuffer settles a buffer size: zero and less is DefaultBuffer, and the
// smallest is LockstepMinBuffer.
func lockstepBuffer(n int) int {
	if n <= 0 {
		return DefaultBuffer
	}
	return max(n, LockstepMinBuffer)
}

// ErrAmbiguous is what every *AmbiguousError is, for errors.Is.
var ErrAmbiguous = errors.New("the lockstep dialect cannot tell content from its end")

// AmbiguousError says that a received file may be longer or shorter than what
// was taken for it, because the dialect has no lengths. There are three such
// cases:
//
//  1. "EOF" alone, where a chunk could stand after nothing but full chunks: the
//     file ends there (its size is a multiple of the buffer; the empty file is
//     one), or "EOF" is its last chunk. Taken for the end. An original server
//     leaves it open; [LockstepChunks] never does, but for the empty file,
//     since it never sends a full chunk last nor "EOF" as content.
//  2. A chunk that ends in "EOF", and then the connection's end, acknowledged
//     or not: the marker may have been merged with the chunk. The file is taken
//     for cut off.
//  3. Quiet was given inside a message (it proved too short: a chunk went on
//     after it was acknowledged), and then bytes that end in "EOF" and are more
//     than that, and silence. Taken for the end.
//
// There are no others where both sides use one buffer size, the server sends a
// chunk or the end marker only for an acknowledgement, and Quiet is given only
// between messages: then every file is either right or in doubt, wherever reads
// are cut. (All files of up to a few chunks have been played through every cut
// against a model of the original programs.) Outside of that there is one that
// does not show: Quiet given inside a short chunk, whose rest then is "EOF" in a
// read of its own, is taken for the end. Nor can an original server live with an
// acknowledgement that TCP splits: it takes both parts for one each, and runs
// ahead. The cure for all of them is the stream dialect.
type AmbiguousError struct {
	Offset int64  // bytes of the file before the "EOF" in question
	Case   int    // 1, 2 or 3, as above
	Reason string // the case in words
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("file offset %d: %s: use the stream dialect", e.Offset, e.Reason)
}

// Is makes every *AmbiguousError match ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// ErrRefused says that a lockstep peer closed the connection where it had no
// other way to say no.
var ErrRefused = errors.New("refused by closing the connection, the only no of the lockstep dialect: ask for a name that the server has, or by the stream dialect, which says why")
