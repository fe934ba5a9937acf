// Package extract writes what a capture carried into a folder: both streams of each connection, the HTTP bodies
// that have to be decoded, and the files that were found.
//
//	DIR/streams/001-10.0.0.2_40112-10.0.0.1_80.to-client    what the server sent, byte for byte
//	DIR/streams/001-10.0.0.2_40112-10.0.0.1_80.to-server    what the client sent
//	DIR/bodies/001-10.0.0.2_40112-10.0.0.1_80.to-client.2   the second decoded body
//	DIR/files/Don Quixote.txt                               as it passed, cut out of a stream or a body
package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
)

// ErrNotEmpty is in the chain of the error for a folder that holds something already.
var ErrNotEmpty = errors.New("the folder is not empty")

// Stream is one direction of a connection, written.
type Stream struct {
	Connection int            `json:"connection"` // index in Analysis.Connections
	Direction  flow.Direction `json:"direction"`
	Path       string         `json:"path"`  // below the folder
	Bytes      int64          `json:"bytes"` // the file's length; bytes that are not in the capture are zeros
	Missing    int64          `json:"missing"`
}

// File is a file that was found, written.
type File struct {
	flow.Found
	Path string `json:"path"`
}

// Result is what was written.
type Result struct {
	*flow.Analysis
	Streams []Stream `json:"streams"`
	Bodies  []string `json:"bodies,omitempty"` // paths
	Written []File   `json:"written"`
}

// Run analyses the captures as flow.AnalyzeAll does and writes into dir, which is made, and must be empty if it is there.
// Sinks of o are replaced.
func Run(ctx context.Context, inputs []flow.Input, dir string, o flow.Options) (*Result, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &writer{shelf: shelf{dir: dir, failed: cancel}, numbers: map[identity]*outputs{}}
	defer w.close()
	o.Sink, o.Body = w.sink, w.body
	a, err := flow.AnalyzeAll(ctx, inputs, o)
	if err = errors.Join(w.err, err); err != nil {
		return nil, err
	}
	r := &Result{Analysis: a, Bodies: w.bodies}
	for i := range a.Connections {
		if err := w.connection(r, i); err != nil {
			return nil, err
		}
	}
	w.close()
	return r, w.err
}

// prepare makes the folders.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	if len(list) > 0 {
		return fmt.Errorf("%s: %w: name a new one", dir, ErrNotEmpty)
	}
	for _, sub := range []string{"streams", "bodies", "files"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	return nil
}

// identity tells connections apart while they are read.
type identity struct {
	capture        string
	packet         uint64
	client, server string
}

func identityOf(c flow.Connection) identity {
	return identity{c.Capture, c.FirstPacket, c.Client.String(), c.Server.String()}
}

// outputs are a connection's files. It gets its number, and with it its name, with its first byte, so that attempts
// take none.
type outputs struct {
	ends    string
	name    string // "" so far
	streams map[flow.Direction]*output
	bodies  map[flow.Direction]map[int]*output
}

type writer struct {
	shelf
	numbers map[identity]*outputs
	count   int // of connections with a name
	bodies  []string
}

func (w *writer) of(c flow.Connection) *outputs {
	id := identityOf(c)
	if w.numbers[id] == nil {
		ends := fmt.Sprintf("%s-%s", c.Client, c.Server)
		w.numbers[id] = &outputs{
			ends:    strings.NewReplacer(":", "_", "[", "", "]", "", "%", "_", "/", "_").Replace(ends),
			streams: map[flow.Direction]*output{}, bodies: map[flow.Direction]map[int]*output{},
		}
	}
	return w.numbers[id]
}

func (w *writer) named(o *outputs) string {
	if o.name == "" {
		w.count++
		o.name = fmt.Sprintf("%03d-%s", w.count, o.ends)
	}
	return o.name
}

// sink writes a stream.
func (w *writer) sink(c flow.Connection, d flow.Direction) flow.Sink {
	o := w.of(c)
	s := &output{shelf: &w.shelf, name: func() string { return filepath.Join("streams", w.named(o)+"."+string(d)) }}
	o.streams[d] = s
	return s
}

// body writes a decoded body.
func (w *writer) body(c flow.Connection, d flow.Direction, b flow.Body) io.Writer {
	o := w.of(c)
	s := &output{shelf: &w.shelf, path: filepath.Join("bodies", fmt.Sprintf("%s.%s.%d", w.named(o), d, b.Number))}
	if o.bodies[d] == nil {
		o.bodies[d] = map[int]*output{}
	}
	o.bodies[d][b.Number] = s
	w.bodies = append(w.bodies, s.path)
	return s
}

// connection adds a connection's streams to the result and writes the files found in them.
func (w *writer) connection(r *Result, i int) error {
	c := r.Connections[i]
	o := w.of(c)
	for _, d := range []flow.Direction{flow.ToClient, flow.ToServer} {
		s := o.streams[d]
		if s == nil {
			s = w.sink(c, d).(*output)
		}
		if err := s.finish(); err != nil { // makes an empty one
			return err
		}
		out := Stream{Connection: i, Direction: d, Path: s.path, Bytes: s.end}
		for _, h := range c.Holes {
			if h.Direction == d {
				out.Missing += h.Length
			}
		}
		r.Streams = append(r.Streams, out)
	}
	for _, f := range c.Files {
		from, at := o.streams[f.Direction], f.Offset
		if f.Decoded != "" {
			from, at = o.bodies[f.Direction][f.Body], f.InBody
		}
		if f.Unseen > 0 || from == nil {
			continue
		}
		path := filepath.Join("files", f.Name)
		if _, err := os.Lstat(filepath.Join(w.dir, path)); err == nil {
			continue // the same bytes, by another way
		}
		if err := w.copy(path, from, at, f.Size, f.LastTime); err != nil {
			return err
		}
		r.Written = append(r.Written, File{f, path})
	}
	return nil
}

// copy cuts a file out of what was written.
func (w *writer) copy(path string, from *output, at, size int64, t time.Time) (err error) {
	if err := from.finish(); err != nil {
		return err
	}
	in, err := os.Open(filepath.Join(w.dir, from.path))
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(w.dir, path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if n, err := io.Copy(out, io.NewSectionReader(in, at, size)); err != nil {
		return fmt.Errorf("write: %w", err)
	} else if n < size {
		return fmt.Errorf("write %s: %s has only %d of %d bytes", path, from.path, n, size)
	}
	_ = os.Chtimes(out.Name(), t, t) // when it passed; a nicety
	return nil
}
