package peers

import (
	"testing"
	"time"
)

func TestHaste(t *testing.T) {
	start := time.Unix(0, 0)
	var h haste
	at := start
	run := func(bytesPerMillisecond int64, ms int) bool {
		for range ms {
			at = at.Add(time.Millisecond)
			h.moved(bytesPerMillisecond, at)
		}
		return h.fast
	}
	if h.fast {
		t.Error("fast before anything came")
	}
	if run(125_000, 1000) {
		t.Error("1 Gbit/s is fast: nothing would be digested beside it")
	}
	if !run(500_000, 25) {
		t.Error("4 Gbit/s is not fast after two windows")
	}
	if run(125_000, 25) {
		t.Error("still fast two windows after the network became slow")
	}
	run(500_000, 25)
	at = at.Add(time.Second) // nothing comes
	h.moved(500_000, at)
	if h.fast {
		t.Error("fast after a second without a byte")
	}
}
