package harnesstest

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// MachineBusy is the time that processors of this machine were not idle since it started, to 10 ms (proc(5), /proc/stat): what
// the kernel does for a packet belongs to no process.
func MachineBusy(tb testing.TB) (busy time.Duration) {
	tb.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		tb.Fatal(err)
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line)[1:] {
		if ticks, _ := strconv.Atoi(field); i != 3 && i != 4 && i < 8 { // idle, iowait; a guest's time is in user's
			busy += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return busy
}
