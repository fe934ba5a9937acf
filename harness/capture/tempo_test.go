package capture

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTempo(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	small := newTempo(&ring{mem: make([]byte, 64<<20), block: 256 << 10, blocks: 256})
	small.began = now
	if small.nap != 64<<20/4*time.Second/fastest || small.enough != 32 {
		t.Errorf("%+v", small)
	}
	step := func(took time.Duration, n int, want bool) {
		t.Helper()
		now = now.Add(took)
		if got := small.brisk(now, n); got != want {
			t.Errorf("%d blocks in %v: brisk %v", n, took, got)
		}
	}
	step(100*time.Microsecond, 1, true) // 20 Gbit/s: the ring fills in 26 ms
	step(10*time.Millisecond, 20, true)
	step(10*time.Millisecond, 19, false) // slower than that, a wake-up for each is cheap
	step(time.Microsecond, 0, false)     // woken for nothing
	step(time.Hour, 1, false)

	more := func(t0 *tempo, after time.Duration, had, ready int, want bool) {
		t.Helper()
		if got := t0.more(t0.began.Add(after), had, ready); got != want {
			t.Errorf("after %v %d blocks, %d before: go on %v", after, ready, had, got)
		}
	}
	more(small, 3*time.Millisecond, 0, 31, true)
	more(small, 3*time.Millisecond, 0, 32, false)
	more(small, 6*time.Millisecond, 20, 25, false) // a lull
	large := newTempo(&ring{mem: make([]byte, 1<<30), block: 1 << 20, blocks: 1024})
	if large.nap != longestNap || large.enough != 512 {
		t.Errorf("%+v", large)
	}
	more(large, 400*time.Millisecond, 400, 440, true)
	more(large, 400*time.Millisecond, 400, 439, false)
	more(large, longestGathering, 400, 500, false)
	if tiny := newTempo(&ring{mem: make([]byte, 1<<20), block: 256 << 10, blocks: 4}); tiny.brisk(time.Now(), 4) {
		t.Error("a ring of four blocks waits")
	}
}

// A reader that is to end waits for nothing more, though it has taken the wake-up back.
func TestEndInARest(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	c := &Capture{wake: fd, ring: &ring{fd: fd, mem: make([]byte, 8192), block: 4096, blocks: 2}}
	c.ending.Store(true)
	turned := make(chan error)
	go func() { turned <- c.turn(newTempo(c.ring), new(batch)) }()
	select {
	case err := <-turned:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits")
		c.wakeUp()
		<-turned
	}
}

// A reader that lets blocks gather goes on at once when a marker is waited for, and when it is to end.
func TestRestIsCutShort(t *testing.T) {
	for name, ask := range map[string]func(c *Capture){
		"marker": func(c *Capture) { c.barrier.Store(newBarrier(1)) },
		"end":    func(c *Capture) { c.ending.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			c := &Capture{wake: fd}
			rested := make(chan error)
			go func() { rested <- c.rest(time.Hour) }()
			c.wakeUp() // for nothing that it knows of
			select {
			case err := <-rested:
				t.Fatalf("it ended, though nobody waits: %v", err)
			default:
			}
			ask(c)
			c.wakeUp()
			select {
			case err := <-rested:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Error("it rests")
			}
			c.woken()
			if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
				t.Errorf("the wake-up is there still: %d, %v", n, err)
			}
		})
	}
}

// Blocks are counted that the kernel has handed over, also past the ring's end.
func TestReady(t *testing.T) {
	const block, blocks = 4096, 8
	r := &ring{mem: make([]byte, block*blocks), block: block, blocks: blocks, cur: 5}
	for handed := range blocks + 1 {
		for _, most := range []int{0, 3, blocks} {
			if got := r.ready(most); got != min(handed, most) {
				t.Errorf("%d of %d blocks, up to %d: %d", handed, blocks, most, got)
			}
		}
		if handed < blocks {
			*word(r.at(handed), blockStatusAt) = unix.TP_STATUS_USER
		}
	}
}

// A reader that gathers sees how many wait, and goes on when they are enough or no more come.
func TestGather(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, handed := range []int{0, 4} { // a lull, and enough
		r := &ring{mem: make([]byte, 8*4096), block: 4096, blocks: 8}
		for i := range handed {
			*word(r.at(i), blockStatusAt) = unix.TP_STATUS_USER
		}
		c := &Capture{wake: fd, ring: r}
		began := time.Now()
		if err := c.gather(&tempo{nap: time.Millisecond, enough: 4, began: began}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Millisecond {
			t.Errorf("%d blocks: it took no nap: %v", handed, took)
		}
	}
}
