package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/protocol"
)

// ask sends what and returns all that the server answers until it closes.
func ask(t *testing.T, dial dialFunc, what string, end bool) string {
	t.Helper()
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(conn, what) // the server may close before it has read it all
		if end {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	got, err := io.ReadAll(conn)
	if err != nil && (end || !errors.Is(err, unix.ECONNRESET)) {
		t.Fatal(err) // a reset takes the answer away from whoever is slow to read it
	}
	<-sent
	return string(got)
}

func TestBadRequests(t *testing.T) {
	dir := folder(t, map[string][]byte{"book": []byte("text")})
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o755), unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644), os.Symlink("/etc/passwd", filepath.Join(dir, "out"))); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	stream := dialFunc(serve(t, &Server{Files: root.FS(), Model: Thread}))
	const good = "OK 0 4 book\ntextSHA256 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1\n"
	for name, tc := range map[string]struct {
		send, code string
		goesOn     bool // the connection survives
	}{
		"garbage":               {"\x00\xff\xfe garbage\n", "NO request ", false},
		"http":                  {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "NO request ", false},
		"a header without end":  {strings.Repeat("G", 5000), "NO request ", false},
		"parent":                {"GET 0 ../book\n", "NO name ", true},
		"absolute":              {"GET 0 /etc/passwd\n", "NO name ", true},
		"NUL":                   {"GET 0 bo\x00ok\n", "NO ", true},
		"10 MB of name":         {"GET 0 " + strings.Repeat("n", 10<<20) + "\n", "NO request ", false},
		"past the end":          {"GET 5 book\n", "NO offset ", true},
		"negative":              {"GET -1 book\n", "NO request ", false},
		"overflow":              {"GET 99999999999999999999 book\n", "NO request ", false},
		"missing":               {"GET 0 none\n", "NO missing ", true},
		"a folder":              {"GET 0 sub\n", "NO missing ", true},
		"a named pipe":          {"GET 0 pipe\n", "NO missing ", true},
		"a link that leads out": {"GET 0 out\n", "NO failed ", true},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, stream, tc.send+"GET 0 book\n", true)
			if !strings.HasPrefix(got, tc.code) {
				t.Errorf("answered %.100q, want %q", got, tc.code)
			}
			if strings.Contains(got, dir) {
				t.Errorf("answered %.100q, which tells the server's path", got)
			}
			if went := strings.HasSuffix(got, good); went != tc.goesOn {
				t.Errorf("answered %.200q: goes on: %v, want %v", got, went, tc.goesOn)
			}
		})
	}
	lockstep := dialFunc(serve(t, &Server{Files: root.FS(), Model: Thread, Dialect: protocol.Lockstep}))
	for _, send := range []string{"none", "\x00\xff", "..", "../", "/etc/passwd", "out", "pipe", "sub", "bo\x00ok", strings.Repeat("n", 10<<20)} {
		if got := ask(t, lockstep, send, false); got != "" {
			t.Errorf("lockstep %.20q: answered %q, want to be closed", send, got)
		}
	}
	if got := ask(t, lockstep, "bookno", false); got != "" {
		t.Errorf("lockstep: answered %q", got)
	}
}

// TestOriginalPrograms has the original client against our server and our
// client against the original server, in their own way of reading.
func TestOriginalPrograms(t *testing.T) {
	files := corpus()
	dial := dialFunc(serve(t, &Server{Files: mapFS(files), Dialect: protocol.Lockstep}))
	names := []string{"large", "chunk and one", "Don Qüixote"}
	t.Run("client", func(t *testing.T) {
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		buf := make([]byte, 1024)
		for _, name := range names {
			io.WriteString(conn, "../novel/"+name)
			if n, _ := conn.Read(buf); string(buf[:n]) != "sent" {
				t.Fatalf("%q: answered %q", name, buf[:n])
			}
			io.WriteString(conn, "sent")
			var got []byte
			for {
				n, err := conn.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				if string(buf[:n]) == "EOF" {
					break
				}
				got = append(got, buf[:n]...)
				io.WriteString(conn, "sent")
			}
			if !bytes.Equal(got, files[name]) {
				t.Errorf("%q: %d bytes, want %d", name, len(got), len(files[name]))
			}
		}
	})
	t.Run("server", func(t *testing.T) {
		dial := answer(t, func(conn net.Conn) {
			buf := make([]byte, 1024)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				r := bytes.NewReader(files[string(buf[:n])])
				io.WriteString(conn, "sent")
				conn.Read(make([]byte, 100))
				for chunk := make([]byte, 1024); ; {
					n, err := r.Read(chunk)
					if err == io.EOF {
						break
					}
					conn.Write(chunk[:n])
					conn.Read(make([]byte, 100))
				}
				io.WriteString(conn, "EOF")
			}
		})
		c := &Client{Dial: dial, Dialect: protocol.Lockstep, Dir: t.TempDir()}
		if _, err := c.Fetch(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		want := map[string][]byte{}
		for _, name := range names {
			want[name] = files[name]
		}
		same(t, c.Dir, want)
	})
}

// TestSlowClient has clients that send a byte a minute, or read one.
func TestSlowClient(t *testing.T) {
	files := mapFS(map[string][]byte{"book": bytes.Repeat([]byte("text"), 1000)})
	for name, tc := range map[string]struct {
		client  func(net.Conn)
		dialect protocol.Dialect
		limits  Limits
		want    string
		after   time.Duration
	}{
		"a request byte a minute": {func(c net.Conn) { trickle(c, "GET 0 book\n", time.Minute) }, "", Limits{Header: 5 * time.Minute}, "header", 5 * time.Minute},
		"no request":              {func(c net.Conn) {}, "", Limits{}, "header", 10 * time.Second},
		"no second request": {func(c net.Conn) {
			io.WriteString(c, "GET 0 none\n")
			c.Read(make([]byte, 1000))
		}, "", Limits{Header: time.Second}, "idle", 30 * time.Second},
		"half a second request": {func(c net.Conn) {
			io.WriteString(c, "GET 0 none\n")
			c.Read(make([]byte, 1000))
			time.Sleep(20 * time.Second)
			trickle(c, "GET 0 no", 2*time.Second)
		}, "", Limits{}, "header", 32 * time.Second},
		"reads nothing":   {func(c net.Conn) { io.WriteString(c, "GET 0 book\n") }, "", Limits{}, "idle", 30 * time.Second},
		"total":           {func(c net.Conn) { trickle(c, strings.Repeat("GET 0 none\n", 100), time.Second) }, "", Limits{Header: 20 * time.Second, Total: 90 * time.Second}, "total", 90 * time.Second},
		"no name":         {func(c net.Conn) {}, protocol.Lockstep, Limits{}, "header", 10 * time.Second},
		"no go":           {func(c net.Conn) { io.WriteString(c, "book") }, protocol.Lockstep, Limits{}, "idle", 30 * time.Second},
		"slow acks":       {func(c net.Conn) { io.WriteString(c, "book"); trickle(c, "sentsent", 45*time.Second) }, protocol.Lockstep, Limits{}, "idle", 30 * time.Second},
		"acks it forever": {func(c net.Conn) { io.WriteString(c, "book"); trickle(c, strings.Repeat("sent", 1000), time.Second) }, protocol.Lockstep, Limits{Total: 10 * time.Second}, "total", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					if strings.HasPrefix(name, "total") || tc.dialect == protocol.Lockstep {
						go io.Copy(io.Discard, theirs)
					}
					tc.client(theirs)
				}()
				begun := time.Now()
				s := &Server{Files: files, Dialect: tc.dialect, Limits: tc.limits}
				err := s.ServeConn(t.Context(), ours)
				var limit *LimitError
				if !errors.As(err, &limit) || limit.Limit != tc.want {
					t.Errorf("got %v, want the %s limit", err, tc.want)
				}
				if took := time.Since(begun); took < tc.after || took > tc.after+10*time.Second {
					t.Errorf("the %s limit came after %v, want %v", tc.want, took, tc.after)
				}
				theirs.Close()
				<-done
			})
		})
	}
}

func trickle(c net.Conn, text string, every time.Duration) {
	for i := range len(text) {
		time.Sleep(every)
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// TestFileChangesWhileServed has a client that reads a little, waits for the
// file to change, and reads on.
func TestFileChangesWhileServed(t *testing.T) {
	const size = 24 << 20 // more than both sockets hold
	for name, change := range map[string]func(path string) error{
		"shrinks":  func(path string) error { return os.Truncate(path, size/2) },
		"grows":    func(path string) error { return os.Truncate(path, size+1) },
		"rewrites": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("b"), size), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string][]byte{"book": bytes.Repeat([]byte("a"), size)})
			var log bytes.Buffer
			s := &Server{Files: os.DirFS(dir), Socket: SocketOptions{SendBuffer: 64 << 10}, Log: slog.New(slog.NewTextHandler(&log, nil))}
			dial := serve(t, s)
			conn, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			io.WriteString(conn, "GET 0 book\n")
			r := protocol.NewReader(conn)
			a, err := r.ReadAnswer()
			if err != nil {
				t.Fatal(err)
			}
			body := r.Body(a.Length)
			io.ReadFull(body, make([]byte, 1<<20))
			if err := change(filepath.Join(dir, "book")); err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, body)
			if err == nil {
				_, err = r.ReadTrailer()
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v, want the connection to be cut", err)
			}
			if s.failedWithin(t) != 1 {
				t.Error("the server does not count the failure")
			}
		})
	}
}

// failedWithin waits for the server to be done with its connections.
func (s *Server) failedWithin(t *testing.T) int64 {
	for end := time.Now().Add(time.Minute); s.active.Load() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	return s.Stats().Failed
}

func TestClientVanishes(t *testing.T) {
	files := map[string][]byte{"large": corpus()["large"], "small": []byte("s")}
	dir := folder(t, files)
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		s := &Server{Files: os.DirFS(dir), Dialect: dialect, Socket: SocketOptions{SendBuffer: 4096}}
		dial := serve(t, s)
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		request := "GET 0 large\n"
		if dialect == protocol.Lockstep {
			request = "large"
		}
		io.WriteString(conn, request)
		io.ReadFull(conn, make([]byte, 4))
		conn.(*net.TCPConn).SetLinger(0) // gone with a reset, as a killed machine's network says
		conn.Close()
		if got := s.failedWithin(t); got != 1 {
			t.Errorf("%s: %d connections failed, want 1", dialect, got)
		}
		c := &Client{Dial: dial, Dialect: dialect, Dir: t.TempDir()}
		if _, err := c.Fetch(t.Context(), []string{"small"}); err != nil {
			t.Errorf("%s: the next client: %v", dialect, err)
		}
	}
}

func TestSequentialServesOneAtATime(t *testing.T) {
	s := &Server{Files: mapFS(map[string][]byte{"a": []byte("A")})}
	dial := serve(t, s)
	first, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	io.WriteString(first, "GET 0 a\n")
	first.Read(make([]byte, 100))
	second := make(chan error, 1)
	dir := t.TempDir()
	go func() {
		_, err := (&Client{Dial: dial, Dir: dir}).Fetch(context.Background(), []string{"a"})
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("the second client was served beside the first: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if got := s.Stats(); got.Active != 1 {
		t.Errorf("%+v", got)
	}
	first.Close()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
}

func TestMaxConns(t *testing.T) {
	s := &Server{Files: mapFS(map[string][]byte{"a": []byte("A")}), Model: Thread, Limits: Limits{MaxConns: 2}}
	dial := serve(t, s)
	var held []net.Conn
	for range 2 {
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET 0 a\n")
		conn.Read(make([]byte, 1))
		held = append(held, conn)
	}
	third, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	io.WriteString(third, "GET 0 a\n")
	third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a third connection was served beside two: %d bytes, %v", n, err)
	}
	third.SetReadDeadline(time.Time{})
	held[0].Close()
	if _, err := third.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	held[1].Close()
}

func TestSocketOptions(t *testing.T) {
	dial := serve(t, &Server{Files: mapFS(nil), Model: Thread})
	for _, o := range []SocketOptions{{}, {Nagle: true, Congestion: "reno", SendBuffer: 1 << 16, ReceiveBuffer: 1 << 16}} {
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, _ := conn.(*net.TCPConn).SyscallConn()
		if err := o.apply(raw); err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			delay, _ := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
			if (delay != 0) == o.Nagle {
				t.Errorf("%+v: TCP_NODELAY is %d", o, delay)
			}
			cc, _ := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
			if o.Congestion != "" && strings.TrimRight(cc, "\x00") != o.Congestion {
				t.Errorf("%+v: congestion control is %q", o, cc)
			}
			if size, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); o.ReceiveBuffer > 0 && size != 2*o.ReceiveBuffer {
				t.Errorf("%+v: SO_RCVBUF is %d", o, size)
			}
		})
	}
	c := &Client{Dial: dial, Dir: t.TempDir(), Socket: SocketOptions{Congestion: "nonesuch"}}
	if _, err := c.Fetch(t.Context(), []string{"a"}); err == nil || !strings.Contains(err.Error(), "cubic") {
		t.Errorf("got %v, want an error that lists what there is", err)
	}
}

func TestQuickAckEverywhere(t *testing.T) {
	files := corpus()
	delete(files, "empty")
	var names []string
	for name := range files {
		names = append(names, name)
	}
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		for _, buffer := range []int{0, 1000} {
			t.Run(fmt.Sprint(dialect, buffer), func(t *testing.T) {
				o := SocketOptions{QuickAck: true}
				dial := serve(t, &Server{Files: os.DirFS(folder(t, files)), Dialect: dialect, Socket: o, Buffer: buffer})
				c := &Client{Dial: dial, Dialect: dialect, Socket: o, Buffer: buffer, Dir: t.TempDir()}
				if _, err := c.Fetch(t.Context(), names); err != nil {
					t.Fatal(err)
				}
				same(t, c.Dir, files)
			})
		}
	}
}
