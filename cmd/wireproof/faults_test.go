package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Servers and clients that die, hang and are interrupted in the middle of a transfer, as real processes over loopback.

// bigSize is more than gateSize and what is under way in sockets, some MiB.
const bigSize, gateSize = 96 << 20, 16 << 20

// bigFolder is a folder with a big file and a small one.
func bigFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	big, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	// Full blocks, each of its own: a piece that is missing or twice there changes the digest.
	block := make([]byte, 1<<20)
	for i := range bigSize / len(block) {
		copy(block, bytes.Repeat([]byte(fmt.Sprintf("block %5d\n", i)), len(block)/12))
		if _, err := big.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "small"), []byte("a few bytes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A program is wireproof, or another, under way.
type program struct {
	cmd            *exec.Cmd
	stdout, stderr lockedBuffer
	ended          chan struct{}
	err            error // when ended is closed
}

func startProgram(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	cmd.WaitDelay = patience // not for a child of it that has the pipes and lives on
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// status waits for the end and returns the exit status, -1 where a signal was the end.
func (p *program) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // shows the goroutines
		select {
		case <-p.ended:
		case <-time.After(time.Second):
		}
		t.Fatalf("%v did not end in %v; standard error:\n%s", p.cmd.Args, patience, p.stderr.String())
	}
	status, ended := exitStatus(p.err)
	if !ended {
		t.Fatalf("%v: %v", p.cmd.Args, p.err)
	}
	return status
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v: %v: %s", p.cmd.Args, err, p.stderr.String())
	}
}

func get(t *testing.T, address, dir string, args ...string) *program {
	t.Helper()
	return startProgram(t, exec.Command("wireproof", append([]string{"get", address, "--dir", dir}, args...)...))
}

func serve(t *testing.T, args ...string) *serverProcess {
	t.Helper()
	s, err := startServer(t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	t.Cleanup(func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// A gate is on the way between a client and a server, and lets only gateSize bytes of the server's through until it is
// opened: however late a busy machine lets a test look, the transfer is then still in its middle. Where one side ends, it
// ends the other.
type gate struct {
	address string
	open    chan struct{}
}

func gateTo(t *testing.T, server string) gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := gate{l.Addr().String(), make(chan struct{})}
	over := make(chan struct{})
	t.Cleanup(func() { l.Close(); close(over) })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer server.Close()
		// Little is to be under way here: a peer that hangs is to hold up the other.
		_ = server.(*net.TCPConn).SetReadBuffer(64 << 10)
		_ = client.(*net.TCPConn).SetWriteBuffer(64 << 10)
		ended := make(chan struct{}, 2)
		go func() {
			_, _ = io.Copy(server, client)
			ended <- struct{}{}
		}()
		go func() {
			if _, err := io.CopyN(client, server, gateSize); err == nil {
				select {
				case <-g.open:
				case <-over:
				}
				_, _ = io.Copy(client, server)
			}
			ended <- struct{}{}
		}()
		select {
		case <-ended:
		case <-over:
		}
	}()
	return g
}

// inTheMiddle waits until a part of big is there, stops a process, and opens the gate.
func inTheMiddle(t *testing.T, dir string, g gate, stop *os.Process) {
	t.Helper()
	part := filepath.Join(dir, ".big.part")
	if !eventually(func() bool { return size(part) > 0 }) {
		t.Fatal("no part of big came")
	}
	if err := stop.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if n := size(part); n > gateSize {
		t.Fatalf("%d bytes have come, and the gate lets %d through", n, gateSize)
	}
	close(g.open)
}

// wantNoBig says that nothing looks like the whole file; the part that came may stay.
func wantNoBig(t *testing.T, dir string) {
	t.Helper()
	if n := size(filepath.Join(dir, "big")); n >= 0 {
		t.Errorf("a file of %d bytes looks like the whole one of %d", n, bigSize)
	}
	if n := size(filepath.Join(dir, ".big.part")); n <= 0 || n >= bigSize {
		t.Errorf("the part has %d bytes of %d", n, bigSize)
	}
}

func wantSame(t *testing.T, got, want string) {
	t.Helper()
	if out, err := exec.Command("cmp", got, want).CombinedOutput(); err != nil {
		t.Errorf("cmp: %v: %s", err, out)
	}
}

// The server dies in the middle: the client fails, says how to go on, and going on completes the file.
func TestServerKilledInTheMiddle(t *testing.T) {
	for _, model := range []string{"thread", "fork", "sequential"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			files, dir := bigFolder(t), t.TempDir()
			s := serve(t, "--files", files, "--model", model)
			g := gateTo(t, s.address)
			client := get(t, g.address, dir, "big", "small")
			inTheMiddle(t, dir, g, client.cmd.Process)
			s.kill()
			client.signal(t, syscall.SIGCONT)
			if got := client.status(t); got != statusFail {
				t.Errorf("exit status %d, want %d", got, statusFail)
			}
			wantNoBig(t, dir)
			said := client.stderr.String()
			if !strings.Contains(said, `fetch "big": `) || !strings.Contains(said, "--resume") {
				t.Errorf("the client says %q, which does not name the file, or not what to do", said)
			}
			had := size(filepath.Join(dir, ".big.part"))

			s = serve(t, "--files", files, "--model", model)
			client = get(t, s.address, dir, "big", "small", "--resume")
			if got := client.status(t); got != 0 {
				t.Fatalf("get --resume: exit status %d: %s", got, client.stderr.String())
			}
			wantSame(t, filepath.Join(dir, "big"), filepath.Join(files, "big"))
			wantSame(t, filepath.Join(dir, "small"), filepath.Join(files, "small"))
			if n := size(filepath.Join(dir, ".big.part")); n >= 0 {
				t.Errorf("the part of %d bytes is still there", n)
			}
			if !strings.Contains(s.log(), fmt.Sprintf("file=big offset=%d ", had)) {
				t.Errorf("it did not go on at %d: %s", had, s.log())
			}
		})
	}
}

// A client dies in the middle: the server cuts it, serves the next one, and ends well.
func TestClientKilledInTheMiddle(t *testing.T) {
	for _, model := range []string{"thread", "fork", "sequential"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			files, dir := bigFolder(t), t.TempDir()
			s := serve(t, "--files", files, "--model", model)
			g := gateTo(t, s.address)
			client := get(t, g.address, dir, "big")
			inTheMiddle(t, dir, g, client.cmd.Process)
			client.signal(t, syscall.SIGKILL)
			if got := client.status(t); got != -1 {
				t.Errorf("exit status %d of what was killed", got)
			}
			wantNoBig(t, dir)

			next := get(t, s.address, dir, "small")
			if got := next.status(t); got != 0 {
				t.Errorf("the next client: exit status %d: %s", got, next.stderr.String())
			}
			if !eventually(func() bool { return strings.Contains(s.log(), "msg=cut") }) {
				t.Errorf("the server does not say that it cut the client: %s", s.log())
			}
			if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := s.wait(); err != nil {
				t.Errorf("the server: %v: %s", err, s.log())
			}
		})
	}
}

// A server that hangs: the client gives up after its idle time.
func TestServerHangs(t *testing.T) {
	files, dir := bigFolder(t), t.TempDir()
	s := serve(t, "--files", files)
	g := gateTo(t, s.address)
	client := get(t, g.address, dir, "big", "--idle-timeout", "2s")
	inTheMiddle(t, dir, g, s.cmd.Process)
	if got := client.status(t); got != statusFail {
		t.Errorf("exit status %d, want %d", got, statusFail)
	}
	if said := client.stderr.String(); !strings.Contains(said, "no progress for 2s") {
		t.Errorf("the client says %q", said)
	}
	wantNoBig(t, dir)
}

// A client that hangs: the server gives up after its idle time, and a sequential one then serves the next in the queue.
func TestClientHangs(t *testing.T) {
	for _, model := range []string{"thread", "fork", "sequential"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			files, dir := bigFolder(t), t.TempDir()
			s := serve(t, "--files", files, "--model", model, "--idle-timeout", "2s")
			g := gateTo(t, s.address)
			client := get(t, g.address, dir, "big")
			inTheMiddle(t, dir, g, client.cmd.Process)
			next := get(t, s.address, dir, "small")
			if got := next.status(t); got != 0 {
				t.Errorf("the next client: exit status %d: %s", got, next.stderr.String())
			}
			if !eventually(func() bool { return strings.Contains(s.log(), "no progress for 2s") }) {
				t.Errorf("the server does not say that it gave up: %s", s.log())
			}
			client.signal(t, syscall.SIGCONT)
			if got := client.status(t); got != statusFail {
				t.Errorf("the client that hung: exit status %d, want %d", got, statusFail)
			}
			wantNoBig(t, dir)
		})
	}
}

// Ctrl-C in the middle of get.
func TestGetInterrupted(t *testing.T) {
	files, dir := bigFolder(t), t.TempDir()
	s := serve(t, "--files", files)
	g := gateTo(t, s.address)
	client := get(t, g.address, dir, "big")
	inTheMiddle(t, dir, g, client.cmd.Process)
	client.signal(t, os.Interrupt)
	client.signal(t, syscall.SIGCONT)
	if got := client.status(t); got != statusFail {
		t.Errorf("exit status %d, want %d", got, statusFail)
	}
	if said := client.stderr.String(); !strings.Contains(said, "interrupted") || !strings.Contains(said, "--resume") {
		t.Errorf("the client says %q", said)
	}
	wantNoBig(t, dir)
}
