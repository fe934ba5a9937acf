// Package capture records every frame of a network interface to a pcapng file,
// and says honestly whether it did.
//
//	            near marker ─┐                      ┌─ far marker
//	┌─────────┐              ▼                      ▼             ┌─────────┐
//	│   h1    │ h1-eth0 ── qdisc ─────── veth ── qdisc ── s1-eth1 │   s1    │
//	└─────────┘   │ tap                                           └─────────┘
//	              ▼
//	          TPACKET_V3 ring ──▶ reader thread ──▶ pcapng
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
