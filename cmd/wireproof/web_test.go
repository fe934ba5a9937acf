package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/novels"
)

// A capture that wireproof did not make, of programs that know nothing of it:
//
//	h2  curl ── s1 ── h1  net/http
//	                   └─ tcpdump

// webserver is a process: net/http, with the files of a folder as they are below /plain/, and compressed and chunked below /gzip/.
func webserver() {
	dir := http.Dir(os.Args[1])
	mux := http.NewServeMux()
	mux.Handle("/plain/", http.StripPrefix("/plain/", http.FileServer(dir)))
	mux.HandleFunc("/gzip/{name}", func(w http.ResponseWriter, r *http.Request) {
		f, err := dir.Open(r.PathValue("name"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.Copy(z, f)
		z.Close()
	})
	mux.HandleFunc("PUT /upload/{name}", func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":80", mux))
	os.Exit(1)
}

// htdocs is a folder with three novels.
func htdocs(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = t.TempDir()
	list, err := fs.Glob(novels.FS(), "*.txt")
	if err != nil || len(list) < 3 {
		t.Fatal(list, err)
	}
	for i, name := range []string{"one.txt", "two.txt", "three.txt"} {
		b, err := fs.ReadFile(novels.FS(), list[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return dir, names
}

// verification runs wireproof verify, and returns its exit status and what its JSON says.
func verification(t *testing.T, args ...string) (int, flow.Analysis, []flow.Check) {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetArgs(append([]string{"verify", "--json"}, args...))
	c.SetOut(&out)
	code := status(c.ExecuteContext(t.Context()))
	var v struct {
		Checks []flow.Check `json:"checks"`
		flow.Analysis
	}
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatalf("status %d: %v: %s", code, err, out.String())
	}
	return code, v.Analysis, v.Checks
}

// dump captures h1's interface by tcpdump while curl runs in h2, and returns the capture once it shows so many connections closed.
func dump(t *testing.T, n *harness.Network, files string, closed int, curl ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	path := filepath.Join(t.TempDir(), "tcpdump.pcap")
	dump := n.Host("h1").Command(ctx, "tcpdump", "-i", "h1-eth0", "-Z", "root", "-s", "0", "-B", "65536", "--immediate-mode", "-U", "-w", path, "tcp port 80")
	stderr, err := dump.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { dump.Process.Kill(); dump.Wait() }()
	var said bytes.Buffer
	for buf := make([]byte, 256); !strings.Contains(said.String(), "listening on"); {
		k, err := stderr.Read(buf)
		said.Write(buf[:k])
		if err != nil {
			t.Fatalf("tcpdump: %s", said.String())
		}
	}
	go io.Copy(io.Discard, stderr)
	cmd := n.Host("h2").Command(ctx, "curl", append([]string{"-sS", "-f"}, curl...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("curl: %v: %s", err, out)
	}
	for { // until the deadline of ctx
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := flow.Analyze(ctx, f, flow.Options{})
		f.Close()
		if err != nil && ctx.Err() != nil {
			t.Fatalf("the capture never shows %d closed connections", closed)
		}
		seen := 0
		if err == nil {
			for _, c := range a.Connections {
				if c.ClosedBy == flow.ClosedFIN {
					seen++
				}
			}
			if seen == closed && !a.CutShort {
				return path
			}
		}
	}
}

// tcpdump captures curl, which fetches three files from a web server over one connection, and over three: verify tells
// them apart, and finds every file, also where it passed in chunks and compressed, or upwards.
func TestVerifyCurl(t *testing.T) {
	harnesstest.Require(t, "root", "tcpdump", "curl")
	n := harnesstest.Start(t, topo.Linear(1, topo.LinkParams{}), nil)
	files, names := htdocs(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := n.Host("h1").Command(t.Context(), exe, files)
	server.Args[0] = "webserver"
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { server.Process.Kill(); server.Wait() }()
	if err := n.Host("h1").WaitListen(t.Context(), 80); err != nil {
		t.Fatal(err)
	}
	from := func(folder string) (args []string) {
		for _, name := range names {
			args = append(args, "-o", "/dev/null", "http://h1/"+folder+"/"+name)
		}
		return args
	}
	var up []string
	for _, name := range names {
		up = append(up, "-T", filepath.Join(files, name), "http://h1/upload/"+name)
	}
	for _, c := range []struct {
		name        string
		curl        []string
		connections int
		decoded     string
		direction   flow.Direction
	}{
		{"one connection", from("plain"), 1, "", flow.ToClient},
		{"three connections", append([]string{"-H", "Connection: close"}, from("plain")...), 3, "", flow.ToClient},
		{"one connection, compressed", append([]string{"--compressed"}, from("gzip")...), 1, "chunked, gzip", flow.ToClient},
		{"uploads in chunks", append([]string{"-H", "Transfer-Encoding: chunked"}, up...), 1, "chunked", flow.ToServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := dump(t, n, files, c.connections, c.curl...)
			code, a, checks := verification(t, path, "--files", files, "--connections", fmt.Sprint(c.connections), "--order", strings.Join(names, ","), "--server", ":80")
			if code != statusPass {
				t.Errorf("exit status %d: %+v", code, checks)
			}
			found := map[string]int{}
			for _, conn := range a.Connections {
				if conn.Handshake != flow.HandshakeComplete || conn.RoundTrip <= 0 {
					t.Errorf("%+v", conn)
				}
				for _, f := range conn.Files {
					found[f.Name]++
					if f.Decoded != c.decoded || f.Direction != c.direction || f.Packet == 0 || f.LastPacket <= f.Packet {
						t.Errorf("%+v, want it decoded from %q", f, c.decoded)
					}
				}
			}
			if len(found) != 3 {
				t.Errorf("found %v", found)
			}
			// The twins that must fail: another number of connections, another order, a file that is another.
			if code, _, _ := verification(t, path, "--files", files, "--connections", fmt.Sprint(4-c.connections)); code != statusFail {
				t.Errorf("another number of connections: exit status %d", code)
			}
			if code, _, _ := verification(t, path, "--files", files, "--order", names[1]+","+names[0]); code != statusFail {
				t.Errorf("another order: exit status %d", code)
			}
			other := t.TempDir()
			b, err := os.ReadFile(filepath.Join(files, names[1]))
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := os.WriteFile(filepath.Join(other, names[1]), b, 0o644); err != nil {
				t.Fatal(err)
			}
			code, _, checks = verification(t, path, "--files", other)
			if code != statusFail || !strings.Contains(fmt.Sprint(checks), "differs at file offset") {
				t.Errorf("another file: exit status %d: %+v", code, checks)
			}
		})
	}
}
