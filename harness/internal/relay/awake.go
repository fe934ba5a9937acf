package relay

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// latencyDevice holds the processors to states from which they wake within the time written to it, in µs, as long as it is open
// (Documentation/power/pm_qos_interface.rst).
const latencyDevice = "/dev/cpu_dma_latency"

// awake is what holds the processors of the machine awake: one descriptor for all links of this process that delay. A
// processor that sleeps takes long to come back, with cold caches: round trips of links of 100 ms were 90 to 190 us too long
// for it on an idle virtual machine, and 36 to 80 us so.
//
// It costs power: a processor that has nothing to do waits awake, as one that works.
var awake struct {
	sync.Mutex
	links int
	fd    int
}

// stayAwake holds the processors awake until release is called. An error: they sleep as the machine has it.
func stayAwake() (release func() error, err error) {
	awake.Lock()
	defer awake.Unlock()
	if awake.links == 0 {
		fd, err := unix.Open(latencyDevice, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("hold processors awake: open %s: %w", latencyDevice, err)
		}
		if _, err := unix.Write(fd, make([]byte, 4)); err != nil { // 0 us
			return nil, errors.Join(fmt.Errorf("hold processors awake: write to %s: %w", latencyDevice, err), unix.Close(fd))
		}
		awake.fd = fd
	}
	awake.links++
	return func() error {
		awake.Lock()
		defer awake.Unlock()
		if awake.links--; awake.links > 0 {
			return nil
		}
		return unix.Close(awake.fd)
	}, nil
}

// stayAwake holds the processors awake as long as a direction of the link delays.
func (l *Link) stayAwake() {
	delays := l.dirs[AB].cfg.Delay > 0 || l.dirs[BA].cfg.Delay > 0
	switch {
	case delays && l.sleep == nil:
		l.sleep, l.asleep = stayAwake()
	case !delays && l.sleep != nil:
		l.err = errors.Join(l.err, l.sleep())
		l.sleep, l.asleep = nil, nil
	}
}
