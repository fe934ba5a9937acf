package capture

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
)

// prioritise puts the reader's thread before all ordinary ones. What it does for
// a packet is little; what it leaves undone is lost. A nice value alone has no
// power over processes of other sessions (CONFIG_SCHED_AUTOGROUP): on two busy
// processors a reader at nice -20 waited 1.9 s of 6 s for its turn and the ring
// overflowed, one with the lowest real-time priority waited 0.1 s and it did not.
// Without CAP_SYS_NICE the thread stays as it is.
func prioritise() {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Policy:   unix.SCHED_RR,
		Flags:    unix.SCHED_FLAG_RESET_ON_FORK,
		Priority: 1,
	}, 0)
	if err != nil {
		unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
	}
}

// read moves frames from the ring to the file until it is asked to finish, and
// releases everything. It is the only one to touch the blocks of the ring, and needs a
// thread of its own, which ends with its priority.
func (c *Capture) read() {
	defer close(c.done)
	defer c.release()
	prioritise()

	var l batch
	for t := newTempo(c.ring); !c.ending.Load(); {
		if err := c.turn(t, &l); err != nil {
			c.fail(err)
			break
		}
	}
	// Off the interface: the kernel waits for those that are in the ring
	// (synchronize_net), so what there is now is all.
	if err := c.ring.bind(0, 0); err != nil {
		c.fail(err)
	}
	for limit := time.Now().Add(time.Second + 2*c.ring.retire); ; {
		c.drain(&l)
		if !c.ring.pending() {
			break
		}
		if time.Now().After(limit) {
			c.fail(fmt.Errorf("ring: the last block was not handed over"))
			break
		}
		if err := c.wait(1); err != nil {
			c.fail(err)
			break
		}
	}
	c.close()
}

// turn writes what the kernel has handed over, and waits for more.
func (c *Capture) turn(t *tempo, l *batch) error {
	if n := c.drain(l); t.brisk(time.Now(), n) {
		if err := c.gather(t); err != nil {
			return err
		}
	}
	if c.ending.Load() { // the wake-up that came with it may be taken back already
		return nil
	}
	return c.wait(-1)
}

// drain writes the blocks that the kernel has handed over, and returns how many.
func (c *Capture) drain(l *batch) (blocks int) {
	for ; ; blocks++ {
		block := c.ring.next()
		if block == nil {
			return blocks
		}
		if err := l.layOut(block, c.iface, c.marker); err != nil {
			c.fail(err)
		}
		if l.packets > 0 && !c.failing() {
			if err := c.out.WriteBlocks(l.bufs); err != nil {
				c.fail(fmt.Errorf("write packets: %w", err))
			} else {
				c.packets.Add(l.packets)
				c.bytes.Add(l.bytes)
				c.truncated.Add(l.truncated)
			}
		}
		c.ring.release()
	}
}

// marker gets the markers that the reader meets, its own and others'.
func (c *Capture) marker(frame []byte) {
	b := c.barrier.Load()
	if b == nil {
		return
	}
	if id, number := parseMarker(frame); id == b.id {
		b.came(number)
	}
}

// wait waits until the kernel hands a block over, the interface changes, or
// wakeUp is called. The timeout is in milliseconds, -1: none.
func (c *Capture) wait(timeout int) error {
	fds := []unix.PollFd{
		{Fd: int32(c.ring.fd), Events: unix.POLLIN},
		{Fd: int32(c.wake), Events: unix.POLLIN},
	}
	if timeout >= 0 {
		fds = fds[:1] // finishing already
	}
	_, err := unix.Poll(fds, timeout)
	if err != nil && err != unix.EINTR {
		return os.NewSyscallError("poll", err)
	}
	if len(fds) > 1 && fds[1].Revents != 0 {
		c.woken()
	}
	if fds[0].Revents&unix.POLLERR != 0 {
		switch err := c.ring.takeError(); err {
		case nil:
		case unix.ENETDOWN:
			// Down, or gone. If it comes up again, the kernel attaches the ring again.
			c.downs.Add(1)
		default:
			return fmt.Errorf("ring: %w", err)
		}
	}
	return nil
}

// gather lets blocks gather as long as many come, and nobody waits for what is in the ring.
func (c *Capture) gather(t *tempo) error {
	for had, ready := 0, 0; ; had = ready {
		if err := c.rest(t.nap); err != nil || c.asked() {
			return err
		}
		if ready = c.ring.ready(t.enough); !t.more(time.Now(), had, ready) {
			return nil
		}
	}
}

// asked says that somebody waits for what is in the ring.
func (c *Capture) asked() bool { return c.barrier.Load() != nil || c.ending.Load() }

// rest waits for d, unless somebody waits for what is in the ring.
func (c *Capture) rest(d time.Duration) error {
	for limit := time.Now().Add(d); d > 0 && !c.asked(); d = time.Until(limit) {
		ts := unix.NsecToTimespec(int64(d))
		n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(c.wake), Events: unix.POLLIN}}, &ts, nil)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("ppoll", err)
		}
		if n > 0 {
			c.woken()
		}
	}
	return nil
}

// woken takes the wake-up back, so that the next poll waits.
func (c *Capture) woken() {
	var count [8]byte
	unix.Read(c.wake, count[:])
}

// fail notes the first error. The ring is read on, so that markers are seen and
// Stop need not wait.
func (c *Capture) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.broken)
	}
}

func (c *Capture) failing() bool {
	select {
	case <-c.broken:
		return true
	default:
		return false
	}
}

// close reads the last counters and writes them into the file.
func (c *Capture) close() {
	c.mu.Lock()
	err := c.count()
	dropped := c.dropped
	c.mu.Unlock()
	if err != nil {
		c.fail(err)
	}
	if c.failing() {
		return
	}
	err = c.out.WriteStatistics(pcapng.Statistics{
		Interface: c.iface,
		Start:     c.begun,
		End:       time.Now(),
		Received:  c.packets.Load() + dropped,
		Dropped:   dropped,
	})
	if err == nil {
		err = c.out.Flush()
	}
	if err != nil {
		c.fail(err)
	}
}

// count takes the kernel's counters over. It is called with mu held.
func (c *Capture) count() error {
	dropped, freezes, err := c.ring.statistics()
	c.dropped += dropped
	c.freezes += freezes
	return err
}
