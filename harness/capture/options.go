package capture

import (
	"time"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// Options of a capture. The zero value is a good one.
type Options struct {
	Name        string        // interface name in the file; zero: the name given to Start
	Description string        // interface description in the file; zero: none
	Comment     string        // comment of the file; zero: none. Not used by StartTo
	Names       []pcapng.Name // names of addresses, written into the file; zero: none

	// RingBytes is the size of the kernel's ring, rounded up to whole blocks; zero:
	// 64 MiB. The kernel cannot swap it out. It has to hold what comes in while the
	// writer is busy: at 20 Gbit/s, 64 MiB are 27 ms. What a ring has over 512 MiB, an
	// eighth of a smaller one, is for bursts: where blocks fill within half a
	// millisecond each, they gather there until it is filled, or they fill slower, or
	// for half a second, and are written then.
	RingBytes int
	// BlockBytes is the size of a block of the ring, rounded up to a power of two
	// of pages; zero: 256 KiB, less in a ring below 4 MiB (128 KiB) and more in one
	// above 256 MiB (up to 1 MiB). A frame has to fit into a block, or is cut. Many blocks matter where little comes in: each is
	// handed over after the retire time, full or not, so a ring of n blocks bears a
	// reader that is held up for n times that long: 64 MiB, 2.5 s.
	BlockBytes int
	// Retire is how long the kernel holds a block that is not full, and so about
	// how long Start and Stop wait; rounded to milliseconds, zero: 10 ms.
	Retire time.Duration
	// SnapLen is how many bytes of a frame are kept; zero: 262144, which is all.
	SnapLen int

	// Far are the senders at the other ends of the link: Stop sends its markers
	// through them too, so that what is on its way to the interface is in the file.
	// They are not closed. Zero: what comes in is complete only as far as it had
	// been received when Stop was called.
	Far []*Sender

	// StopLimit is how long Stop waits for its markers when its context has no
	// deadline; zero: one minute. It has to be longer than the link's delay.
	StopLimit time.Duration
}

// Stats are the counters of a capture.
type Stats struct {
	Packets   uint64 // frames in the file
	Bytes     uint64 // bytes of these frames on the wire
	Truncated uint64 // frames of these that are in the file in part
	Dropped   uint64 // frames that the ring had no room for
	Freezes   uint64 // times that the ring was full
	Downs     uint64 // times that the interface went down or away

	// Complete says that the file holds every frame, whole, from Start to Stop.
	// When it is false, Reason says why.
	Complete bool
	Reason   string
}
