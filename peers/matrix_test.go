package peers

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/wireproof/wireproof/protocol"
)

// corpus is small and nasty: what the dialects could trip over.
func corpus() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	return map[string][]byte{
		"empty":         {},
		"one":           {7},
		"chunk":         random(1024),
		"chunk and one": random(1025),
		"sents":         bytes.Repeat([]byte("sentEOF"), 1000),
		"Don Qüixote":   random(70_000),
		"large":         random(3_000_001),
	}
}

// folder writes files into a new folder.
func folder(tb testing.TB, files map[string][]byte) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func mapFS(files map[string][]byte) fs.FS {
	m := fstest.MapFS{}
	for name, b := range files {
		m[name] = &fstest.MapFile{Data: b}
	}
	return m
}

// serve runs s on loopback and returns how to dial it. It ends with the test.
func serve(tb testing.TB, s *Server) func(ctx context.Context) (net.Conn, error) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	address := l.Addr().String()
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}

// same fails unless dir holds exactly files.
func same(tb testing.TB, dir string, files map[string][]byte) {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := files[e.Name()]; !ok {
			tb.Errorf("%s holds %q, which it should not", dir, e.Name())
		}
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			tb.Error(err)
		} else if !bytes.Equal(got, want) {
			tb.Errorf("%q: %d bytes received are not the %d served", name, len(got), len(want))
		}
	}
}

// quietly drops the log of the fork model's processes.
func quietly(command func(*os.File) (*exec.Cmd, error)) func(*os.File) (*exec.Cmd, error) {
	return func(conn *os.File) (*exec.Cmd, error) {
		cmd, err := command(conn)
		cmd.Stderr = nil
		return cmd, err
	}
}

func TestEveryModelDialectAndMode(t *testing.T) {
	files := corpus()
	dir := folder(t, files)
	names := []string{"large", "one", "chunk", "sents", "chunk and one", "Don Qüixote"}
	for _, model := range Models() {
		for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
			for _, source := range []string{"dir", "map"} {
				if model == Fork && source == "map" {
					continue // its processes open a folder
				}
				fsys := os.DirFS(dir)
				if source == "map" {
					fsys = mapFS(files)
				}
				cfg := ServeConfig{Dir: dir, Dialect: dialect}
				dial := serve(t, &Server{Files: fsys, Dialect: dialect, Model: model, Command: quietly(ForkCommand(cfg))})
				for _, mode := range Modes() {
					t.Run(fmt.Sprint(model, "/", dialect, "/", source, "/", mode), func(t *testing.T) {
						c := &Client{Dial: dial, Dialect: dialect, Mode: mode, Dir: t.TempDir()}
						want := map[string][]byte{}
						ask := names
						if dialect == protocol.Stream {
							ask = append([]string{"empty"}, names...)
						}
						for _, name := range ask {
							want[name] = files[name]
						}
						got, err := c.Fetch(t.Context(), ask)
						if err != nil {
							t.Fatal(err)
						}
						same(t, c.Dir, want)
						connections := len(ask)
						if mode == Persistent {
							connections = 1
						}
						if got.Connections != connections {
							t.Errorf("%d connections, want %d", got.Connections, connections)
						}
						for i, f := range got.Files {
							if f.Name != ask[i] || f.Bytes != int64(len(files[f.Name])) || f.SHA256 == "" || f.Seconds <= 0 {
								t.Errorf("file %d: %+v", i, f)
							}
						}
					})
				}
			}
		}
	}
}
