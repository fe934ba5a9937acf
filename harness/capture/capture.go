// Package capture records every frame of a network interface to a pcapng file,
// and says honestly whether it did.
//
//	              near marker ─┐                      ┌─ far marker
//	  ┌─────────┐              ▼                      ▼             ┌─────────┐
//	  │   h1    │ h1-eth0 ── qdisc ─────── veth ── qdisc ── s1-eth1 │   s1    │
//	  └─────────┘   │ tap                                           └─────────┘
//	                ▼
//	            TPACKET_V3 ring ──▶ reader thread ──▶ pcapng
//
// A capture loses packets in three ways: it starts late, its ring overflows, it
// stops early. Against the first, Start returns when a marker frame has come
// through the ring. Against the second, the ring is large, its reader does
// little, and the kernel's drop counter is read at the end. Against the third,
// Stop sends marker frames out of both ends of the link and reads until they
// have come: behind them in the queues there is nothing that was sent before.
//
// Marker frames go to 01:80:c2:00:00:0e, which bridges do not forward (IEEE
// 802.1Q, table 8-1), with EtherType 0x88b5 (IEEE 802, local experimental 1).
// They are neither written nor counted.
package capture

import (
	"context"
	"errors"
	"io"
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
	// writer is busy: at 20 Gbit/s, 64 MiB are 27 ms.
	RingBytes int
	// BlockBytes is the size of a block of the ring, rounded up to a power of two
	// of pages; zero: 1 MiB, or less where the ring is smaller. A frame has to fit
	// into a block, or is cut.
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

// Capture is a running capture. Its methods may be called by several goroutines.
type Capture struct{}

// Start begins to capture the interface ifname into w, a pcapng file that only
// this capture writes. It must be called on a thread inside the namespace of the
// interface, and returns when the ring is bound and a marker frame has come
// through it, so every frame from then on is seen. The interface has to be up.
//
// The caller calls Stop, and afterwards closes w. When w is an *os.File, frames
// go from the kernel's ring into the file without a copy in between; else w gets
// writes of at most about 256 KiB. A w that blocks makes the ring overflow.
func Start(ifname string, w io.Writer, o Options) (*Capture, error) {
	return nil, errors.ErrUnsupported
}

// StartTo is Start with a file that several captures write: each is an interface
// of its own in it. The caller flushes and closes the file after all have stopped.
func StartTo(ifname string, w *pcapng.Writer, o Options) (*Capture, error) {
	return nil, errors.ErrUnsupported
}

// Stats returns the counters so far. Until Stop has returned, Complete is false
// and the drops are those the kernel has told yet.
func (c *Capture) Stats() Stats { return Stats{} }

// Stop ends the capture. It sends marker frames out of the interface and through
// every far sender, and reads until all of them have come, or until ctx ends (a
// ctx without a deadline: one minute), or until the interface is gone; then it
// takes the ring off the interface, writes what is left in it and the
// statistics, and releases everything. Only when every marker came, nothing was
// dropped or cut, and all was written, Stats.Complete is true.
//
// The error is that of writing the file; an incomplete capture is no error. A
// second call waits for the first and returns the same. If w never returns from
// a Write, Stop returns when ctx ends, and the rest is released when w returns.
func (c *Capture) Stop(ctx context.Context) (Stats, error) {
	return Stats{}, errors.ErrUnsupported
}
