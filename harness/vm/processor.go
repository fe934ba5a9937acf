package vm

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// User-mode-linux stops and continues its processes by ptrace: at any moment either the guest's kernel runs or one of its
// processes, and every system call and page fault is a turn of each. Left alone, the scheduler wakes each of the two on
// whichever processor is idle, and to wake that takes longer than the turn. On one processor a turn is a plain switch: programs
// start three to four times as fast (docs/vm.md).

// settle has what the calling thread starts from now on run on one processor, of those that it may run on: the last that no other
// guest has. What it returns marks the processor as taken, for as long as it is held; it is nil where none is left, and
// every processor stays allowed then. Other programs need not know: the scheduler takes them elsewhere.
func settle() *net.UnixListener {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return nil
	}
	for cpu := len(allowed)*64 - 1; cpu >= 0; cpu-- {
		if !allowed.IsSet(cpu) {
			continue
		}
		// An abstract socket (unix(7)): on no file system, and gone with the process that has it.
		taken, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("@wireproof-vm-processor-%d", cpu), Net: "unix"})
		if err != nil {
			continue
		}
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err == nil {
			return taken
		}
		taken.Close()
	}
	return nil
}
