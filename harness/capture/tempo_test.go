package capture

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTempo(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := &tempo{blocks: 256, most: longestPause, began: now}
	step := func(took time.Duration, n int, want time.Duration) {
		t.Helper()
		now = now.Add(took)
		if got := p.pause(now, n); got != want {
			t.Errorf("%d blocks in %v: a pause of %v, want %v", n, took, got, want)
		}
	}
	step(100*time.Microsecond, 1, 3200*time.Microsecond) // 20 Gbit/s: the ring fills in 26 ms
	step(3200*time.Microsecond, 32, 3200*time.Microsecond)
	step(10*time.Millisecond, 20, 16*time.Millisecond)
	step(10*time.Millisecond, 19, 0) // slower than that, a wake-up for each is cheap
	step(time.Microsecond, 0, 0)     // woken for nothing
	step(time.Hour, 1, 0)
	p.blocks = 4096
	step(100*time.Microsecond, 1, longestPause)
	// After a lull what comes may come faster: 64 MiB are full within 13 ms then.
	p = newTempo(&ring{mem: make([]byte, 64<<20), blocks: 256})
	p.began = now
	step(490*time.Microsecond, 1, 64<<20/4*time.Second/fastest)
	p.blocks = 2
	step(100*time.Microsecond, 1, 0) // a ring too small to wait
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
