package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/protocol"
)

func TestResumeAfterEveryCut(t *testing.T) {
	content := corpus()["large"][:200_000]
	files := map[string][]byte{"book": content}
	dial := dialFunc(serve(t, &Server{Files: os.DirFS(folder(t, files)), Model: Thread}))
	head := int64(len(fmt.Sprintf("OK 0 %d book\n", len(content))))
	body := head + int64(len(content))
	for _, cut := range []int64{0, 1, head - 1, head, head + 1, head + 1023, head + 1024, head + 65536, head + 100_000, body - 1, body, body + 1, body + 20, body + 71} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(cut, "/plain=", plain), func(t *testing.T) {
				c := &Client{Dial: dial.through(cut, -1), Dir: t.TempDir()}
				if _, err := c.Fetch(t.Context(), []string{"book"}); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("a stream cut after %d bytes: %v, want unexpected EOF", cut, err)
				}
				if _, err := os.Stat(filepath.Join(c.Dir, "book")); err == nil {
					t.Fatal("a broken transfer left a file that looks whole")
				}
				c.Dial, c.Resume = dial, true
				if plain {
					c.Dial = dial.through(-1, -1)
				}
				got, err := c.Fetch(t.Context(), []string{"book"})
				if err != nil {
					t.Fatal(err)
				}
				same(t, c.Dir, files)
				want := min(max(cut-head, 0), int64(len(content)))
				if f := got.Files[0]; f.Offset != want || f.Bytes != int64(len(content))-want {
					t.Errorf("resumed at %d with %d bytes, want at %d", f.Offset, f.Bytes, want)
				}
			})
		}
	}
}

func TestResumeOnAnotherVersion(t *testing.T) {
	content := []byte("the file as it is served")
	files := map[string][]byte{"book": content, "other": []byte("next")}
	dial := serve(t, &Server{Files: os.DirFS(folder(t, files))})
	for name, tc := range map[string]struct {
		part string
		ok   bool
	}{
		"longer than the file": {strings.Repeat("x", 100), true}, // cannot be its beginning: fetched from 0
		"other bytes":          {"THE FILE", false},
		"whole already":        {string(content), true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Client{Dial: dial, Dir: t.TempDir(), Resume: true}
			if err := os.WriteFile(partPath(c.Dir, "book"), []byte(tc.part), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := c.Fetch(t.Context(), []string{"book", "other"})
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				same(t, c.Dir, files)
				return
			}
			var digest *DigestError
			if !errors.As(err, &digest) || !digest.Resumed {
				t.Fatalf("got %v, want a DigestError of a resumed transfer", err)
			}
			same(t, c.Dir, map[string][]byte{"other": files["other"]})
		})
	}
}

func TestFlippedByteIsFound(t *testing.T) {
	files := map[string][]byte{"book": corpus()["large"][:100_000]}
	dial := dialFunc(serve(t, &Server{Files: os.DirFS(folder(t, files))}))
	c := &Client{Dial: dial.through(-1, 50_000), Dir: t.TempDir()}
	got, err := c.Fetch(t.Context(), []string{"book"})
	var digest *DigestError
	if !errors.As(err, &digest) || digest.Got == digest.Want {
		t.Fatalf("got %v, want a DigestError", err)
	}
	same(t, c.Dir, nil)
	if f := got.Files[0]; f.SHA256 != "" || f.Error == "" {
		t.Errorf("the result looks whole: %+v", f)
	}
}

// TestServerDies has servers that stop in the middle of a file.
func TestServerDies(t *testing.T) {
	for _, tc := range []struct {
		dialect protocol.Dialect
		handle  func(net.Conn)
		left    string // bytes in .book.part; "" for no such file
		want    error
	}{
		{protocol.Stream, func(c net.Conn) { io.WriteString(c, "OK 0 100 book\nhalf") }, "half", io.ErrUnexpectedEOF},
		{protocol.Stream, func(c net.Conn) { io.WriteString(c, "OK 0 4 book\nhalf") }, "half", io.ErrUnexpectedEOF},
		{protocol.Stream, func(c net.Conn) {}, "", io.ErrUnexpectedEOF},
		{protocol.Lockstep, func(c net.Conn) { io.WriteString(c, "sent"); c.Read(make([]byte, 4)); io.WriteString(c, "half") }, "", io.ErrUnexpectedEOF},
		{protocol.Lockstep, func(c net.Conn) {}, "", protocol.ErrRefused},
		{protocol.Lockstep, func(c net.Conn) { io.WriteString(c, "sent"); c.Read(make([]byte, 4)); io.WriteString(c, "EOF") }, "", protocol.ErrAmbiguous},
	} {
		dial := answer(t, func(c net.Conn) {
			c.Read(make([]byte, 1024))
			tc.handle(c)
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		})
		c := &Client{Dial: dial, Dialect: tc.dialect, Dir: t.TempDir()}
		got, err := c.Fetch(t.Context(), []string{"book", "next"})
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.dialect, err, tc.want)
		}
		for _, f := range got.Files {
			if f.Error == "" {
				t.Errorf("%s: %+v has no error", tc.dialect, f)
			}
		}
		want := map[string][]byte{}
		if tc.left != "" {
			want[".book.part"] = []byte(tc.left)
		}
		same(t, c.Dir, want)
	}
}

func TestServerSendsNonsense(t *testing.T) {
	for _, line := range []string{
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"OK 0 5 other\nhello",
		"OK 3 5 book\nhello",
		"OK 0 5 ../book\nhello",
		"OK 0 -5 book\n",
		"OK 0 5 book\nhelloSHA256 0000\n",
		"NO request what is this\n",
		strings.Repeat("x", 1<<20),
	} {
		dial := answer(t, func(c net.Conn) {
			c.Read(make([]byte, 1024))
			io.WriteString(c, line)
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		})
		c := &Client{Dial: dial, Dir: t.TempDir()}
		if _, err := c.Fetch(t.Context(), []string{"book"}); err == nil {
			t.Errorf("%.40q: no error", line)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, "book")); err == nil {
			t.Errorf("%.40q: left a file that looks whole", line)
		}
	}
}

func TestRefusedFilesDoNotStopTheOthers(t *testing.T) {
	files := map[string][]byte{"a": []byte("A"), "b": []byte("B")}
	dial := serve(t, &Server{Files: mapFS(files)})
	c := &Client{Dial: dial, Dir: t.TempDir()}
	got, err := c.Fetch(t.Context(), []string{"a", "missing", "../a", "b"})
	if !errors.Is(err, &protocol.RefusedError{Code: protocol.CodeMissing}) {
		t.Errorf("got %v, want a refusal", err)
	}
	var name *protocol.NameError
	if !errors.As(err, &name) {
		t.Errorf("got %v, want a NameError", err)
	}
	same(t, c.Dir, files)
	if got.Connections != 1 || got.Bytes != 2 {
		t.Errorf("%+v", got)
	}
}

// TestFullDisk receives into a tmpfs of 1 MiB, mounted nowhere.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		if r := os.Getenv("WIREPROOF_REQUIRE"); r == "all" || strings.Contains(r, "root") {
			t.Fatal("not root, which WIREPROOF_REQUIRE wants")
		}
		t.Skip("needs root to make a small file system")
	}
	files := map[string][]byte{"book": corpus()["large"]}
	dir := folder(t, files)
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(dialect, "/plain=", plain), func(t *testing.T) {
				c := &Client{Dialect: dialect, Dir: smallDisk(t)}
				dial := dialFunc(serve(t, &Server{Files: os.DirFS(dir), Dialect: dialect}))
				c.Dial = dial
				if plain {
					c.Dial = dial.through(-1, -1)
				}
				_, err := c.Fetch(t.Context(), []string{"book"})
				if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), ".book.part") || !strings.Contains(err.Error(), "free space") {
					t.Errorf("got %v, want the file and the remedy", err)
				}
				if _, err := os.Stat(filepath.Join(c.Dir, "book")); err == nil {
					t.Error("left a file that looks whole")
				}
			})
		}
	}
}

func smallDisk(t *testing.T) string {
	t.Helper()
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fs)
	if err := errors.Join(unix.FsconfigSetString(fs, "size", "1m"), unix.FsconfigCreate(fs)); err != nil {
		t.Fatal(err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(mount) })
	return fmt.Sprintf("/proc/self/fd/%d", mount)
}

// TestSlowServer has a server that sends a byte a minute, or nothing.
func TestSlowServer(t *testing.T) {
	for name, tc := range map[string]struct {
		send   string
		every  time.Duration
		limits Limits
		want   string
		after  time.Duration
	}{
		"a byte a minute":     {"OK 0 100 book\n" + strings.Repeat("x", 90), time.Minute, Limits{}, "header", 2 * time.Minute},
		"a byte in 20 s":      {"OK 0 100 book\n" + strings.Repeat("x", 90), 20 * time.Second, Limits{Header: -1, Total: 10 * time.Minute}, "total", 10 * time.Minute},
		"a slow body":         {"OK 0 100 book\nxx", 45 * time.Second, Limits{Header: time.Hour}, "idle", 14*45*time.Second + 30*time.Second},
		"nothing at all":      {"", time.Hour, Limits{}, "header", 2 * time.Minute},
		"no digest, no close": {"OK 0 1 book\nx", time.Second, Limits{}, "idle", 45 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server sync.WaitGroup
				defer server.Wait()
				c := &Client{Dir: t.TempDir(), Limits: tc.limits, Dial: func(context.Context) (net.Conn, error) {
					ours, theirs := net.Pipe()
					server.Go(func() {
						defer theirs.Close()
						theirs.Read(make([]byte, 1024))
						for i := range len(tc.send) {
							time.Sleep(tc.every)
							if _, err := theirs.Write([]byte{tc.send[i]}); err != nil {
								return
							}
						}
						theirs.Read(make([]byte, 1))
					})
					return ours, nil
				}}
				begun := time.Now()
				_, err := c.Fetch(t.Context(), []string{"book"})
				var limit *LimitError
				if !errors.As(err, &limit) || limit.Limit != tc.want {
					t.Fatalf("got %v, want the %s limit", err, tc.want)
				}
				if took := time.Since(begun); took < tc.after || took > tc.after+10*time.Second {
					t.Errorf("the %s limit came after %v, want %v", tc.want, took, tc.after)
				}
			})
		})
	}
}

func TestFetchIsCancelled(t *testing.T) {
	dial := answer(t, func(c net.Conn) {
		if request, _ := bufio.NewReader(c).Peek(4); string(request) == "GET " {
			io.WriteString(c, "OK 0 100 book\nhalf")
		}
		io.Copy(io.Discard, c)
	})
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		ctx, cancel := context.WithCancel(t.Context())
		c := &Client{Dial: dial, Dialect: dialect, Dir: t.TempDir(), Progress: func(string, int64, int64) { cancel() }}
		if _, err := c.Fetch(ctx, []string{"book"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", dialect, err, context.Canceled)
		}
		cancel()
	}
}

func TestOneTransferAtATimeWritesAFile(t *testing.T) {
	dir := t.TempDir()
	p, err := openPart(dir, "book", false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.abandon(false)
	for _, resume := range []bool{false, true} {
		if _, err := openPart(dir, "book", resume); err == nil || !strings.Contains(err.Error(), "another transfer") {
			t.Errorf("resume=%v: got %v, want a refusal", resume, err)
		}
	}
}

func TestLongNames(t *testing.T) {
	a, b := strings.Repeat("n", 254)+"a", strings.Repeat("n", 254)+"b"
	files := map[string][]byte{a: []byte("A"), b: []byte("B")}
	dial := serve(t, &Server{Files: os.DirFS(folder(t, files)), Model: Thread})
	c := &Client{Dial: dial, Dir: t.TempDir(), Mode: Concurrent}
	if _, err := c.Fetch(t.Context(), []string{a, b}); err != nil {
		t.Fatal(err)
	}
	same(t, c.Dir, files)
}

func TestManyRequestsArePipelined(t *testing.T) {
	files := map[string][]byte{}
	var names []string
	for i := range 3 * pipelined {
		name := fmt.Sprint("f", i)
		names = append(names, name)
		files[name] = []byte(strings.Repeat(name, i))
	}
	dial := serve(t, &Server{Files: os.DirFS(folder(t, files))})
	c := &Client{Dial: dial, Dir: t.TempDir()}
	if _, err := c.Fetch(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	same(t, c.Dir, files)
}

func TestDigestsBesideTheTransfer(t *testing.T) {
	defer func(was bool) { manyProcessors = was }(manyProcessors)
	files := map[string][]byte{"large": corpus()["large"]}
	dir := folder(t, files)
	for _, many := range []bool{false, true} {
		manyProcessors = many
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			dial := serve(t, &Server{Files: os.DirFS(dir)})
			c := &Client{Dial: dial, Dir: t.TempDir()}
			if _, err := c.Fetch(t.Context(), []string{"large"}); err != nil {
				t.Fatal(err)
			}
			same(t, c.Dir, files)
		})
	}
}
