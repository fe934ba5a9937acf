package scenarios

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// counting counts what passes.
type counting struct {
	io.Writer
	bytes atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

// What is handed on while two scenarios run holds every packet that their captures hold, a section for each, and most of
// it comes before the transfer has ended.
func TestLiveIsTheCapture(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 5*time.Second)
	all := selectAll(t, Params{Links: []string{"all:rate=40Mbit,delay=1ms"}}, "g", "e")
	all[1].Excerpt = 256 << 10
	o := optionsFor(t)
	kept, err := os.Create(filepath.Join(t.TempDir(), "live.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	through := &counting{Writer: kept}
	o.Live = NewLive(through)
	var early int64
	r, err := newRun(all[0], o)
	if err == nil {
		err = r.perform(t.Context(), func() {
			early = through.bytes.Load()
			r.judge(t.Context())
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	r.live.end(t.Context())
	if whole := through.bytes.Load(); early < whole/2 {
		t.Errorf("%d of %d bytes had come when the transfer was over", early, whole)
	}
	reports, err := RunAll(t.Context(), all[1:], o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	captures := append(slices.Clone(r.report.Captures), reports[0].Captures...)
	for _, report := range append(reports, r.report) {
		wantVerdict(t, report, flow.Pass)
	}

	content, err := os.ReadFile(kept.Name())
	if err != nil {
		t.Fatal(err)
	}
	section := []byte("\x0a\x0d\x0d\x0a")
	second := bytes.LastIndex(content, section)
	if n := bytes.Count(content, section); n != 2 {
		t.Fatalf("%d sections", n)
	}
	dir := t.TempDir()
	for i, part := range [][]byte{content[:second], content[second:]} {
		if err := os.WriteFile(filepath.Join(dir, string(rune('0'+i))), part, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for i, report := range []Report{r.report, reports[0]} {
		live := packetsOf(t, filepath.Join(dir, string(rune('0'+i))))
		for _, c := range report.Captures {
			samePackets(t, live[c.Interface], packetsOf(t, c.Path)[c.Interface])
			seen++
		}
	}
	if seen != len(captures) || seen < 14 { // both ends of two links, and of six
		t.Errorf("%d captures compared of %d", seen, len(captures))
	}
}

// A reader that goes, at once or later, spoils nothing.
func TestAReaderThatGoesSpoilsNothing(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	all := selectAll(t, Params{}, "e", "g")
	for i := range all {
		all[i].Excerpt = 256 << 10 // more than the pipe holds when the reader goes
	}
	for _, after := range []int64{0, 1000, 100_000} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		o := optionsFor(t)
		o.Live = NewLive(write)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.CopyN(io.Discard, read, after)
			read.Close()
		}()
		reports, err := RunAll(t.Context(), all, o, 0, nil)
		<-gone
		write.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reports {
			wantVerdict(t, r, flow.Pass)
		}
		if !o.Live.Gone() || o.Live.Err() != nil {
			t.Errorf("after %d bytes: gone %v, error %v", after, o.Live.Gone(), o.Live.Err())
		}
	}
}

// A reader that does not read holds up neither the transfer nor its verdict; who waits for it can be told to stop.
func TestAReaderThatDoesNotReadHoldsNothingUp(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	read, write := io.Pipe() // takes nothing until somebody reads
	defer read.Close()
	o := optionsFor(t)
	o.Live = NewLive(write)
	r := perform(t, selectAll(t, Params{}, "g")[0], o)
	wantVerdict(t, r.report, flow.Pass)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	r.live.end(stopped)
	select {
	case <-r.live.done:
		t.Error("all was handed on, and nobody has read")
	default:
	}
	if o.Live.Gone() || o.Live.Err() != nil { // and asking does not wait for the reader either
		t.Error("a reader that does not read is taken for one that has gone")
	}
	read.Close()
	r.live.end(t.Context())
	if !o.Live.Gone() {
		t.Error("the reader has gone, and it was not noticed")
	}
}
