package main

import (
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// transferBars shows a bar for each file on a terminal, and nothing elsewhere.
type transferBars struct {
	all   *mpb.Progress
	mu    sync.Mutex
	files map[string]*mpb.Bar
	// What mpb was told. It is not asked: a bar's state may only be read while the bar is not being drawn.
	done, total map[string]int64
}

func newTransferBars(w io.Writer) *transferBars {
	b := &transferBars{files: map[string]*mpb.Bar{}, done: map[string]int64{}, total: map[string]int64{}}
	if isTerminal(w) {
		b.all = mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
	}
	return b
}

// progress is a peers.Client's Progress. total is -1 where it is not known, as in the lockstep dialect.
func (b *transferBars) progress(name string, done, total int64) {
	if b.all == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.files[name]
	if bar == nil {
		bar = b.all.AddBar(max(total, 0),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f of % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f")))
		b.files[name] = bar
	}
	if total >= 0 {
		bar.SetTotal(total, false)
	}
	b.done[name], b.total[name] = done, total
	bar.SetCurrent(done)
}

// close leaves the bars as they are and ends their refreshing.
func (b *transferBars) close() {
	if b.all == nil {
		return
	}
	b.mu.Lock()
	for name, bar := range b.files {
		if b.done[name] < b.total[name] {
			bar.Abort(false) // it broke off, and shall look so
		} else {
			bar.SetTotal(-1, true) // a bar that began without a length, or with 0, does not end by itself
		}
	}
	b.mu.Unlock()
	b.all.Wait()
}
