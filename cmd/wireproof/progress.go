package main

import (
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/wireproof/wireproof/scenarios"
)

// runProgress shows how far a run is: a bar on a terminal, a line for each scenario elsewhere.
type runProgress struct {
	w     io.Writer
	bars  *mpb.Progress
	bar   *mpb.Bar
	total int
	done  int
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newRunProgress is for so many of what is named; more shows beside the time that has gone by.
func newRunProgress(w io.Writer, total int, what string, more ...decor.Decorator) *runProgress {
	p := &runProgress{w: w, total: total}
	if isTerminal(w) {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.CountersNoUnit("%d of %d "+what)),
			mpb.AppendDecorators(append([]decor.Decorator{decor.Elapsed(decor.ET_STYLE_GO)}, more...)...))
	}
	return p
}

// event is called by scenarios.RunAll, one call at a time.
func (p *runProgress) event(e scenarios.Event) {
	if e.Report == nil {
		return
	}
	p.done++
	p.step(fmt.Sprintf("%3d/%d  %-12s  %s", p.done, p.total, e.Report.Verdict, e.Scenario.Name()))
}

// step shows the line of something that has ended.
func (p *runProgress) step(line string) {
	if p.bars == nil {
		fmt.Fprintln(p.w, line)
		return
	}
	fmt.Fprintln(p.bars, line)
	p.bar.Increment()
}

func (p *runProgress) close() {
	if p.bars == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}
