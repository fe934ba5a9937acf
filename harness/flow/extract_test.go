package flow_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/extract"
)

// What was decoded is written decoded, a hole is a hole of zeros at its place, and a file is cut out of where it is whole.
func TestExtract(t *testing.T) {
	for _, hole := range []bool{false, true} {
		capture, content := flow.WebCapture(t, hole)
		files, err := flow.Files(fstest.MapFS{"A": {Data: content}})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "out")
		r, err := extract.Run(t.Context(), []flow.Input{{Reader: bytes.NewReader(capture)}}, dir, flow.Options{Files: files})
		if err != nil {
			t.Fatal(err)
		}
		read := func(path string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if len(r.Written) != 1 || !bytes.Equal(read(r.Written[0].Path), content) {
			t.Errorf("hole %v: %+v", hole, r.Written)
		}
		if len(r.Bodies) != 1 || !bytes.Equal(read(r.Bodies[0]), content) {
			t.Errorf("hole %v: bodies %v", hole, r.Bodies)
		}
		down := r.Streams[0]
		stream := read(down.Path)
		if int64(len(stream)) != down.Bytes || hole != (down.Missing > 0) {
			t.Errorf("hole %v: %d bytes, %+v", hole, len(stream), down)
		}
		if hole {
			h := r.Connections[0].Holes[0]
			tail := h.Offset + h.Length
			if !bytes.Equal(stream[h.Offset:tail], make([]byte, h.Length)) || !bytes.HasSuffix(content, stream[tail:]) || len(stream[tail:]) == 0 {
				t.Errorf("the hole %+v is not one of %d zeros", h, h.Length)
			}
		} else if !bytes.HasSuffix(stream, content) {
			t.Error("the stream does not end with the file")
		}
		if _, err := extract.Run(t.Context(), nil, dir, flow.Options{}); !errors.Is(err, extract.ErrNotEmpty) {
			t.Errorf("again into the same folder: %v", err)
		}
	}
}
