package harness

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// What a veth end sends waits in the queue of the processor that the sender runs on (drivers/net/veth.c, veth_forward_skb;
// net/core/dev.c, netif_rx). When the sender moves to another processor, what it sends there overtakes what waits: some
// thousand segments of a gigabyte of TCP came out of order so, and were sent again for it. No wire does that. Receive packet
// steering (Documentation/networking/scaling.rst) gives all packets of a flow to one processor, whoever sent them.

// processors are those that carry a network's packets, and run its programs.
type processors struct {
	set  unix.CPUSet
	only bool // programs are kept to them, and there is but one:
	cpu  int
}

// kept counts the networks that keep to each processor now.
var kept struct {
	sync.Mutex
	networks [1024]int
}

// chooseProcessors takes all that this program may use, or the one of them that the fewest networks keep to.
func chooseProcessors(one bool) (p processors, err error) {
	if err := unix.SchedGetaffinity(0, &p.set); err != nil {
		return p, fmt.Errorf("ask which processors may be used: %w", err)
	}
	if !one || p.set.Count() < 2 {
		return p, nil
	}
	kept.Lock()
	defer kept.Unlock()
	best := -1
	for cpu, n := range kept.networks {
		if p.set.IsSet(cpu) && (best < 0 || n < kept.networks[best]) {
			best = cpu
		}
	}
	kept.networks[best]++
	p.set.Zero()
	p.set.Set(best)
	p.only, p.cpu = true, best
	return p, nil
}

// release says that the network is gone.
func (p processors) release() {
	if p.only {
		kept.Lock()
		defer kept.Unlock()
		kept.networks[p.cpu]--
	}
}

// mask writes the set as the kernel reads it (lib/bitmap-str.c, bitmap_parse): words of 32 bits in hexadecimal, the highest
// first.
func (p processors) mask() string {
	var words []string
	for left, cpu := p.set.Count(), 0; left > 0; cpu += 32 {
		word := uint32(0)
		for bit := range 32 {
			if p.set.IsSet(cpu + bit) {
				word |= 1 << bit
				left--
			}
		}
		words = append([]string{fmt.Sprintf("%08x", word)}, words...)
	}
	return strings.Join(words, ",")
}

// steer gives the interfaces that are made from now on in the calling thread's network namespace to the processors. Linux 6.3
// and later have the setting; on an older one packets may come out of order, as in any network of veth pairs.
func (p processors) steer() sysctl {
	mask := p.mask()
	if p.set.Count() < 2 && !p.only {
		mask = "0" // there is one processor, and nothing to steer
	}
	return sysctl{"net/core/rps_default_mask", mask, true}
}

// keep keeps what the calling thread starts from now on to the processors.
func (p processors) keep() error {
	if !p.only {
		return nil
	}
	if err := unix.SchedSetaffinity(0, &p.set); err != nil {
		return fmt.Errorf("keep to processor: %w", err)
	}
	return nil
}
