package relay

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The budget of an engine thread: half of a processor at least, given every half millisecond. SCHED_FIFO would do as well
// until the kernel's throttle for real-time classes stops it for 50 ms (sched(7), sched_rt_runtime_us); a deadline thread
// has a budget instead, and with RECLAIM what other deadline threads leave.
const (
	dlRuntime = 250 * time.Microsecond
	dlPeriod  = 500 * time.Microsecond
	slice     = 100 * time.Microsecond // of EEVDF (kernel 6.12)
)

// enterClass puts the calling thread into a class, and says which it is and why it is no better one.
func enterClass(c Class) (name string, why, err error) {
	// The slack of timers is 50 us otherwise. Deadline threads have none.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		why = fmt.Errorf("set timer slack to 1 ns: %w", err)
	}
	if c == ClassPlain {
		return "other", why, nil
	}
	if c != ClassOther {
		a := unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: unix.SCHED_DEADLINE,
			// Threads that the runtime may start from this one are not deadline threads.
			Flags:   unix.SCHED_FLAG_RESET_ON_FORK | unix.SCHED_FLAG_RECLAIM,
			Runtime: uint64(dlRuntime), Deadline: uint64(dlPeriod), Period: uint64(dlPeriod),
		}
		if err := unix.SchedSetAttr(0, &a, 0); err == nil {
			return "deadline 250/500 us", why, nil
		} else {
			why = fmt.Errorf("enter SCHED_DEADLINE: %w: CAP_SYS_NICE, and processor time that no other deadline thread has reserved, are needed", err)
		}
		if c == ClassDeadline {
			return "", why, why
		}
	}
	name = "other"
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Nice: -20, Runtime: uint64(slice)}
	if err := unix.SchedSetAttr(0, &a, 0); err == nil {
		name = "other nice -20"
	} else if why == nil {
		why = fmt.Errorf("set nice -20: %w: CAP_SYS_NICE is needed", err)
	}
	return name, why, nil
}

// threadCPU is the processor time that the calling thread has used.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// A poller waits for descriptors and for a time in nanoseconds.
type poller struct {
	fd     int
	events [64]unix.EpollEvent
	ts     unix.Timespec
	pfd    unix.PollFd
	old    bool // no epoll_pwait2 (before Linux 5.11)
}

// now looks without waiting. The runtime need not know: it takes well under a microsecond.
func (p *poller) now() []unix.EpollEvent {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
	if errno != 0 {
		return nil
	}
	return p.events[:n]
}

// wait sleeps for ns nanoseconds at most; below zero: until something happens. A signal ends it early.
func (p *poller) wait(ns int64) []unix.EpollEvent {
	var ts *unix.Timespec
	if ns >= 0 {
		p.ts = unix.NsecToTimespec(ns)
		ts = &p.ts
	}
	if !p.old {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)),
			uintptr(unsafe.Pointer(ts)), 0, 0)
		if errno == 0 {
			return p.events[:n]
		}
		if errno != unix.ENOSYS {
			return nil
		}
		p.old = true
	}
	p.pfd = unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN}
	unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p.pfd)), 1, uintptr(unsafe.Pointer(ts)), 0, 0, 0)
	runtime.KeepAlive(ts)
	return p.now()
}
