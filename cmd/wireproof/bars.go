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
	known map[string]bool // whose size is known
}

func newTransferBars(w io.Writer) *transferBars {
	b := &transferBars{files: map[string]*mpb.Bar{}, known: map[string]bool{}}
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
		b.known[name] = true
		bar.SetTotal(total, false)
	}
	bar.SetCurrent(done)
}

// close leaves the bars as they are and ends their refreshing.
func (b *transferBars) close() {
	if b.all == nil {
		return
	}
	b.mu.Lock()
	for name, bar := range b.files {
		switch {
		case bar.Completed():
		case b.known[name]:
			bar.Abort(false) // it broke off, and shall look so
		default:
			bar.SetTotal(bar.Current(), true)
		}
	}
	b.mu.Unlock()
	b.all.Wait()
}
