package harnesstest

import (
	"testing"
	"time"
)

// SetLeakLimit has NoLeaks wait no longer than d, until the end of the test.
func SetLeakLimit(tb testing.TB, d time.Duration) {
	before := leakLimit
	leakLimit = d
	tb.Cleanup(func() { leakLimit = before })
}
