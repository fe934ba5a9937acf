package harness

import (
	"context"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tryBPF makes the smallest map there is: an array with one element of 4 bytes.
func tryBPF(context.Context) (string, error) {
	attr := struct{ kind, keySize, valueSize, entries uint32 }{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return "", fmt.Errorf("make a BPF map: %w", errno)
	}
	return "works", unix.Close(int(fd))
}
