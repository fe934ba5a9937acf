package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/protocol"
)

// process is this test binary as a peer.
type process struct {
	*exec.Cmd
	out, log strings.Builder
}

func peer(t *testing.T, entry string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("/proc/self/exe")}
	p.Env = append(os.Environ(), entry)
	p.Stdout, p.Stderr = &p.out, &p.log
	return p
}

var listening = regexp.MustCompile(`msg=serving listen=(\S+)`)

// server starts a serving process and returns its address once it listens.
func server(t *testing.T, cfg ServeConfig) (*process, string) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	p := peer(t, ServeEnv(cfg))
	p.Stderr = nil
	pipe, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			return p, m[1]
		}
		t.Log(lines.Text())
	}
	t.Fatal("the server ended before it listened")
	return nil, ""
}

// children returns the processes whose parent is pid, with their state.
func children(pid int) map[int]string {
	found := map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); ok && len(f) > 1 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found[child] = f[0]
		}
	}
	return found
}

// eventually waits for a fact.
func eventually(t *testing.T, what string, fact func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !fact(); {
		if time.Now().After(end) {
			t.Fatalf("not so after a minute: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// vacant is an address where nobody listens, and nobody can while the test runs: a socket that does not listen is bound to it.
func vacant(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestProcesses(t *testing.T) {
	files := corpus()
	delete(files, "empty")
	dir := folder(t, files)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	for _, model := range Models() {
		p, address := server(t, ServeConfig{Dir: dir, Model: model})
		to := t.TempDir()
		get := peer(t, GetEnv(GetConfig{Server: address, Names: names, Dir: to, StartDelay: time.Millisecond}))
		if err := get.Run(); err != nil {
			t.Fatalf("%s: %v: %s", model, err, get.log.String())
		}
		var result GetResult
		if err := json.Unmarshal([]byte(get.out.String()), &result); err != nil || result.Error != "" || result.Transfer.Server != address || len(result.Transfer.Files) != len(names) {
			t.Errorf("%s: %v: result %s", model, err, get.out.String())
		}
		same(t, to, files)
		eventually(t, "no child is left, nor a zombie", func() bool { return len(children(p.Process.Pid)) == 0 })
		p.Process.Signal(syscall.SIGTERM)
		if err := p.Wait(); err != nil {
			t.Errorf("%s: the server ended with %v on SIGTERM", model, err)
		}
		var served ServeResult
		if err := json.Unmarshal([]byte(p.out.String()), &served); err != nil || served.Stats.Accepted != 1 {
			t.Errorf("%s: %v: result %s", model, err, p.out.String())
		}
	}
}

func TestProcessFailures(t *testing.T) {
	_, address := server(t, ServeConfig{Dir: t.TempDir()})
	free := vacant(t)
	for name, tc := range map[string]struct {
		entry  string
		status int
		says   []string
	}{
		"port in use":    {ServeEnv(ServeConfig{Listen: address, Dir: "."}), 1, []string{address, "address already in use", "choose another port"}},
		"no folder":      {ServeEnv(ServeConfig{Listen: "127.0.0.1:0", Dir: "/nonesuch"}), 1, []string{"/nonesuch", "choose a folder"}},
		"no such model":  {ServeEnv(ServeConfig{Model: "forks"}), 1, []string{"forks", "thread"}},
		"no listener":    {GetEnv(GetConfig{Server: free, Names: []string{"a"}, Dir: t.TempDir()}), 1, []string{free, "refused", "start one"}},
		"missing":        {GetEnv(GetConfig{Server: address, Names: []string{"a"}, Dir: t.TempDir()}), 1, []string{`"a"`, "missing"}},
		"no names":       {GetEnv(GetConfig{Server: address}), 1, []string{"name at least one"}},
		"no such mode":   {GetEnv(GetConfig{Server: address, Names: []string{"a"}, Mode: "m"}), 1, []string{"persistent"}},
		"not a role":     {Env + "={}", 2, []string{Env}},
		"not JSON":       {Env + "=serve", 2, []string{Env}},
		"not a dialect":  {ServeEnv(ServeConfig{Dialect: "d"}), 1, []string{"lockstep"}},
		"no such device": {ServeEnv(ServeConfig{Listen: "192.0.2.1:9"}), 1, []string{"192.0.2.1", "no interface"}},
	} {
		p := peer(t, tc.entry)
		p.Run()
		if got := p.ProcessState.ExitCode(); got != tc.status {
			t.Errorf("%s: exit status %d, want %d", name, got, tc.status)
		}
		for _, s := range tc.says {
			if !strings.Contains(p.log.String(), s) {
				t.Errorf("%s: says %q, want it to say %q", name, p.log.String(), s)
			}
		}
	}
}

// TestForkChildrenDieWithTheServer kills the server in a way that it cannot see.
func TestForkChildrenDieWithTheServer(t *testing.T) {
	dir := folder(t, map[string][]byte{"a": []byte("A")})
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		p, address := server(t, ServeConfig{Dir: dir, Model: Fork})
		const n = 5
		for range n {
			conn := connect(t, address)
			fmt.Fprint(conn, "GET 0 a\n")
			if _, err := conn.Read(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		kids := children(p.Process.Pid)
		if len(kids) != n {
			t.Fatalf("%d connections have %d processes", n, len(kids))
		}
		if sig == syscall.SIGKILL {
			for pid := range kids { // stopped, they cannot see their lifeline end: the kernel must kill them
				syscall.Kill(pid, syscall.SIGSTOP)
			}
		}
		p.Process.Signal(sig)
		p.Wait()
		eventually(t, fmt.Sprintf("after %v of the server its processes %v are gone", sig, kids), func() bool {
			for pid := range kids {
				// A zombie is gone too: reaping it is for the machine's first process.
				if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(b), ") Z ") {
					return false
				}
			}
			return true
		})
	}
}

// TestForkChildEndsWithTheLifeline: where the kernel does not kill it, as when
// another thread forked it, the child ends by the pipe.
func TestForkChildEndsWithTheLifeline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := connect(t, l.Addr().String())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	file, err := conn.(*net.TCPConn).File()
	conn.Close()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, _ := ForkCommand(ServeConfig{Dir: folder(t, map[string][]byte{"a": []byte("A")})})(file)
	cmd.Stderr = nil
	cmd.ExtraFiles = append(cmd.ExtraFiles, r)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	r.Close()
	fmt.Fprint(client, "GET 0 a\n")
	if _, err := client.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the child ended with %v", err)
	}
}

func TestForkManyAtOnce(t *testing.T) {
	files := map[string][]byte{"book": corpus()["large"][:300_000]}
	dir := folder(t, files)
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		p, address := server(t, ServeConfig{Dir: dir, Model: Fork, Dialect: dialect, Limits: Limits{MaxConns: 8}})
		const n = 24
		var clients []*Client
		var names [][]string
		for range n {
			clients = append(clients, &Client{Dir: t.TempDir(), Dialect: dialect, Dial: func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			}})
			names = append(names, []string{"book"})
		}
		if _, err := FetchAll(t.Context(), clients, names); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			same(t, c.Dir, files)
		}
		eventually(t, "no child is left, nor a zombie", func() bool { return len(children(p.Process.Pid)) == 0 })
	}
}

func TestRunServeInProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, model := range Models() {
		if err := RunServe(ctx, ServeConfig{Listen: "127.0.0.1:0", Dir: t.TempDir(), Model: model}, nil); err != nil {
			t.Error(err)
		}
	}
	if err := (&Server{Files: mapFS(nil), Model: Fork}).Serve(t.Context(), nopListener{}); err == nil || !strings.Contains(err.Error(), "ForkCommand") {
		t.Errorf("got %v, want the remedy", err)
	}
}

type nopListener struct{ net.Listener }

func (nopListener) Close() error   { return nil }
func (nopListener) Addr() net.Addr { return &net.TCPAddr{} }
