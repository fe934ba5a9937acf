// Package find looks for files in a stream of bytes, each as one contiguous run,
// without holding the stream or a file.
//
// A skip table over the first bytes of all files (Wu and Manber, "A fast algorithm
// for multi-pattern searching", 1994) proposes places where a file may begin;
// from there on stream and file are compared piece by piece. Files whose
// beginning recurs in themselves propose many places: one is followed, the others
// are remembered, and when the one fails they are checked against the file alone,
// since what was seen of the stream there equals the file (the idea of Knuth,
// Morris and Pratt).
package find

import (
	"errors"
	"fmt"
	"io"
)

const (
	// Anchor is how many bytes of a file are looked for to find where it may begin.
	Anchor = 64
	// Short is the size below which a file is too short to be told from chance.
	// Eight bytes are 2^64 possibilities for random bytes, and names, digits and
	// words of a protocol are seldom as long as to contain such a run unasked.
	Short = 8

	maxWaiting     = 64   // places remembered for a file while another is followed
	maxTracks      = 256  // files followed at once in a stream
	maxOccurrences = 1024 // of short files, in a stream
	maxFound       = 4096 // in a stream
	maxUnsearched  = 64
	maxFoundAll    = 32768 // in all streams
	maxOverlap     = 256
	maxPartial     = 16
	// Bytes of a file compared with itself, for each byte of the stream, before
	// the search gives up on places that it would have to prove in that way.
	workFactor = 16
	workFloor  = 64 << 20
)

// Source is a file to look for.
type Source struct {
	Name string
	Size int64
	At   io.ReaderAt // may be a Viewer too
}

// Set is the files looked for and the memory shared by all searches. It is not
// safe for concurrent use. Close lets go of the files.
type Set struct {
	files  []Source
	long   *table // files of Anchor bytes and more
	medium *table // files of Short bytes and more, fewer than Anchor
	shorts []short
	pieces *pieces
	views  views
	found  int
	err    error
}

type short struct {
	file int
	text []byte
}

// NewSet prepares to look for files, with memory bytes for pieces of them.
func NewSet(files []Source, memory int64) (*Set, error) {
	// Views are not in the heap, of which the garbage collector wants as much again.
	s := &Set{files: files, pieces: newPieces(files, memory), views: newViews(len(files), 2*memory)}
	var long, medium []anchor
	for i, f := range files {
		if f.Size == 0 {
			continue
		}
		text := make([]byte, min(f.Size, 2*Anchor))
		if n, err := f.At.ReadAt(text, 0); n < len(text) {
			s.Close()
			return nil, readError(f.Name, 0, err)
		}
		s.views.open(i, f)
		switch {
		case f.Size < Short:
			s.shorts = append(s.shorts, short{i, text})
		case f.Size < Anchor:
			medium = append(medium, anchor{text, i, 0})
		case f.Size < 2*Anchor:
			long = append(long, anchor{text[:Anchor], i, 0})
		default:
			// The second anchor finds a file whose first bytes were changed, so
			// that the change can be named.
			long = append(long, anchor{text[:Anchor], i, 0}, anchor{text[Anchor:], i, Anchor})
		}
	}
	s.long, s.medium = newTable(long), newTable(medium)
	return s, nil
}

// Close lets go of what is held of the files.
func (s *Set) Close() { s.views.close() }

// Plain says whether no file of Short bytes and more begins in b, as far as b alone tells. It may be called by
// another goroutine than that which searches.
func (s *Set) Plain(b []byte) bool {
	return (s.long == nil || s.long.empty(b)) && (s.medium == nil || s.medium.empty(b))
}

// Err returns the first failure to read a file. Results are worthless after it.
func (s *Set) Err() error { return s.err }

func readError(name string, off int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("file %s: ends before offset %d, which its size includes: it must not change while it is compared", name, off)
	}
	return fmt.Errorf("file %s: read at offset %d: %w", name, off, err)
}

// Mark says which packet carried a byte, and when.
type Mark struct {
	Packet  uint64 // number in its capture
	Time    int64  // nanoseconds since 1970
	Capture int    // which of several captures
}

// Found is a run equal to a file.
type Found struct {
	File        int
	Start       int64 // in the stream
	Unseen      int64 // bytes of it in holes
	First, Last Mark
}

// Partial is a beginning of a file.
type Partial struct {
	File          int
	Start, Agreed int64
	Ended         bool
	Expected, Saw byte
	At            Mark
}

// Occurrence is a place where a short file's bytes are, by design or by chance.
type Occurrence struct {
	File  int
	Start int64
}

// Stretch is a part of a stream.
type Stretch struct{ From, To int64 }
