package harnesstest

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// SoftnetDrops is how many packets the machine's processors had no room for: where a queue is full
// (net.core.netdev_max_backlog), whoever filled it, a veth pair loses what comes (net/core/net-procfs.c, softnet_seq_show).
func SoftnetDrops(tb testing.TB) (all uint64) {
	tb.Helper()
	text, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		dropped, err := strconv.ParseUint(strings.Fields(line)[1], 16, 32)
		if err != nil {
			tb.Fatal(err)
		}
		all += dropped
	}
	return all
}
