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
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
)

// startLimit is how long Start waits for its marker: on an interface with a
// queue in front of it, the marker waits like any other frame.
const startLimit = 5 * time.Second

// Capture is a running capture. Its methods may be called by several goroutines.
type Capture struct {
	name  string
	out   *pcapng.Writer
	iface uint32
	near  *Sender
	far   []*Sender
	begun time.Time

	stopLimit time.Duration
	retire    time.Duration // of the ring
	wake      int           // eventfd: ends the reader's poll

	packets, bytes, truncated, downs atomic.Uint64

	barrier atomic.Pointer[barrier] // the one that is waited for, or nil
	ending  atomic.Bool             // Stop asks the reader to finish
	broken  chan struct{}           // closed when the file cannot be written
	done    chan struct{}           // closed when the reader has released everything

	mu      sync.Mutex // guards what follows
	ring    *ring      // nil once it is closed
	dropped uint64
	freezes uint64
	err     error // of the reader

	stop   sync.Once
	result Stats
	failed error
}

// Start begins to capture the interface ifname into w, a pcapng file that only
// this capture writes. It must be called on a thread inside the namespace of the
// interface, and returns when the ring is bound and a marker frame has come
// through it, so every frame from then on is seen. The interface has to be up.
//
// The caller calls Stop, and afterwards closes w. When w is an *os.File, frames
// go from the kernel's ring into the file without a copy in between; else w gets
// frames gathered to about 256 KiB. A w that blocks makes the ring overflow.
func Start(ifname string, w io.Writer, o Options) (*Capture, error) {
	return start(ifname, o, func() (*pcapng.Writer, error) {
		machine, system := uname()
		return pcapng.NewWriter(w, pcapng.Section{
			Hardware:    machine,
			OS:          system,
			Application: "wireproof",
			Comment:     o.Comment,
		})
	})
}

// StartTo is Start with a file that several captures write: each is an interface
// of its own in it. The caller flushes and closes the file after all have stopped.
func StartTo(ifname string, w *pcapng.Writer, o Options) (*Capture, error) {
	return start(ifname, o, func() (*pcapng.Writer, error) { return w, nil })
}

func start(ifname string, o Options, open func() (*pcapng.Writer, error)) (_ *Capture, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("capture %s: %w", ifname, err)
		}
	}()
	near, err := OpenSender(ifname)
	if err != nil {
		return nil, err
	}
	c := &Capture{
		name:      ifname,
		near:      near,
		far:       o.Far,
		stopLimit: cmp.Or(o.StopLimit, stopLimit),
		wake:      -1,
		broken:    make(chan struct{}),
		done:      make(chan struct{}),
	}
	defer func() {
		if err != nil {
			c.release()
		}
	}()
	if c.ring, err = openRing(o); err != nil {
		return nil, err
	}
	c.retire = c.ring.retire
	if c.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if c.out, err = open(); err != nil {
		return nil, err
	}
	if c.iface, err = c.out.AddInterface(describe(ifname, o)); err != nil {
		return nil, err
	}
	if len(o.Names) > 0 {
		if err = c.out.WriteNames(o.Names); err != nil {
			return nil, err
		}
	}
	if err = c.ring.bind(near.index, unix.ETH_P_ALL); err != nil {
		return nil, err
	}
	c.begun = time.Now()
	go nsthread.Own(c.read)

	ctx, cancel := context.WithTimeoutCause(context.Background(), startLimit,
		fmt.Errorf("%w within %v", ErrBarrier, startLimit))
	defer cancel()
	if failed := c.pass(ctx, posts(near, nil), 20*time.Millisecond); failed != nil {
		c.finish()
		<-c.done
		if c.err != nil {
			failed = c.err
		}
		return nil, failed
	}
	return c, nil
}

// describe makes the interface description for the file.
func describe(ifname string, o Options) pcapng.Interface {
	name, snap := o.Name, o.SnapLen
	if name == "" {
		name = ifname
	}
	if snap <= 0 {
		snap = defaultSnapLen
	}
	_, system := uname()
	return pcapng.Interface{Name: name, Description: o.Description, OS: system, SnapLen: uint32(snap)}
}

// uname returns the machine and the system, "x86_64" and "Linux 6.18.44".
func uname() (machine, system string) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOARCH, "Linux"
	}
	return unix.ByteSliceToString(u.Machine[:]),
		unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// finish asks the reader to end.
func (c *Capture) finish() {
	c.ending.Store(true)
	c.wakeUp()
}

// wakeUp has the reader look what is asked of it.
func (c *Capture) wakeUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wake >= 0 {
		one := [8]byte{1} // any value other than zero wakes the reader
		unix.Write(c.wake, one[:])
	}
}

// release gives back what the capture holds: at the end of the reader, or of a
// Start that failed. A second call does nothing.
func (c *Capture) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ring != nil {
		c.ring.close()
		c.ring = nil
	}
	c.near.Close()
	if c.wake >= 0 {
		unix.Close(c.wake)
		c.wake = -1
	}
}
