package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/protocol"
)

// networkCapture is the file of all interfaces, where one was asked for.
const networkCapture = "network.pcapng"

// annotate writes comments into the captures, at the packets where something happened, or makes one file of all of them.
// It comes after the judgement, which has seen the raw files; packets and times stay as they are. A capture that it fails
// on stays as it was, and the report says so.
func (r *run) annotate(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if r.options.CaptureAll {
		if err := r.mergeCaptures(); err != nil {
			for _, c := range r.captures {
				r.noteProblem(c, fmt.Sprintf("not merged into %s: %v", networkCapture, err))
			}
		}
		return
	}
	for _, c := range r.captures {
		if err := r.annotateCapture(ctx, c); err != nil {
			r.noteProblem(c, fmt.Sprintf("without comments: %v", err))
		}
	}
}

// noteProblem puts what is wrong with a kept file into the report.
func (r *run) noteProblem(c *nodeCapture, what string) {
	for i := range r.report.Captures {
		if r.report.Captures[i].Path == shorter(c.path) {
			r.report.Captures[i].Problem = what
		}
	}
}

func (r *run) annotateCapture(ctx context.Context, c *nodeCapture) error {
	if c.comments == nil { // nobody has looked at its connections yet
		files, err := flow.Files(os.DirFS(r.options.Corpus.Dir), r.options.Corpus.Names...)
		if err != nil {
			return err
		}
		if _, err := r.analyze(ctx, c, flow.Options{Files: files, Server: netip.AddrPortFrom(netip.Addr{}, protocol.DefaultPort), MemoryBytes: judgeMemory}); err != nil {
			return err
		}
	}
	if len(c.comments) == 0 {
		return nil
	}
	return replace(c.path, []*nodeCapture{c})
}

// analyze analyses a capture, and keeps what is worth a comment in it.
func (r *run) analyze(ctx context.Context, c *nodeCapture, o flow.Options) (*flow.Analysis, error) {
	file, err := os.Open(c.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n := &notes{dialect: r.scenario.Dialect, files: r.options.Corpus.Names}
	a, err := flow.Analyze(ctx, file, n.watch(o))
	if err != nil {
		return nil, err
	}
	c.comments = n.comments(a, r.hostNamed)
	return a, nil
}

// mergeCaptures makes one file of all captures, with the comments at the servers' interfaces, and removes the others.
func (r *run) mergeCaptures() error {
	if len(r.captures) == 0 {
		return nil
	}
	path := filepath.Join(r.dir, networkCapture)
	if err := replace(path, r.captures); err != nil {
		return err
	}
	var errs []error
	for _, c := range r.captures {
		for i := range r.report.Captures {
			if r.report.Captures[i].Path == shorter(c.path) {
				r.report.Captures[i].Path = shorter(path)
			}
		}
		errs = append(errs, os.Remove(c.path))
		c.path = path
	}
	return errors.Join(errs...)
}

// replace puts the captures, merged and with their comments, in the place of path, in one step: whoever opens it finds
// what was there before, or all of it.
func replace(path string, captures []*nodeCapture) (err error) {
	var sources []io.Reader
	for _, c := range captures {
		file, err := os.Open(c.path)
		if err != nil {
			return err
		}
		defer file.Close()
		sources = append(sources, file)
	}
	next := path + ".new"
	out, err := os.Create(next)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(next)
		}
	}()
	err = pcapng.Merge(out, sources, func(source int, packet uint64) []string { return captures[source].comments[packet] })
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
