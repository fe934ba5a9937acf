package harness_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/harness/userns"
)

// envVictim makes the test binary a program that brings networks up and down until it is killed; its value is put into
// the environment of all that it starts, and so tells which processes are its.
const envVictim = "WIREPROOF_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(envVictim) != "" {
		victim()
	}
	userns.Main()
	os.Exit(m.Run())
}

func victim() {
	ctx := context.Background()
	// One link of the kernel's, and one that the process itself carries.
	t := topo.Single(2)
	t.Links[0].AB.Delay = time.Millisecond
	for {
		n, err := harness.Start(ctx, t, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("up")
		for _, h := range []string{"h1", "h2"} {
			// A program, one that it left behind, and one in a session of its own.
			c := n.Host(h).Command(ctx, "sh", "-c", "sleep 1000 & setsid sleep 1000 & sleep 1000")
			if err := c.Start(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
		n.Close()
	}
}

// marked lists the processes whose environment has the mark, and the threads' and processes' namespaces that they hold.
func marked(t testing.TB, mark string) (found []string) {
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(mark)) {
			command, _ := os.ReadFile(filepath.Dir(path) + "/cmdline")
			found = append(found, fmt.Sprintf("%s %q", filepath.Dir(path), command))
		}
	}
	return found
}

// waitGone waits until no process has the mark.
func waitGone(t testing.TB, mark string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		left := marked(t, mark)
		if left == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %s", strings.Join(left, ", "))
		}
		time.Sleep(time.Millisecond)
	}
}

// SIGKILL at any moment of Start, Command and Close leaves no process, and with the last process no namespace; no
// interface, and no mount.
func TestKilled(t *testing.T) {
	harnesstest.Require(t, "root")
	harnesstest.NoLeaks(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		mark := fmt.Sprintf("%s=%d-%d", envVictim, os.Getpid(), round)
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), mark)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			// Once it is up, in the middle of the commands, the close, or the next start.
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
				t.Fatalf("victim says %q, %v", line, err)
			}
		}
		time.Sleep(time.Duration(random.IntN(60_000)) * time.Microsecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		waitGone(t, mark)
	}
}

// Close ends programs, what they left behind, and those nobody waits for.
func TestCloseKills(t *testing.T) {
	harnesstest.NoLeaks(t)
	n := harnesstest.Start(t, topo.Single(2), nil)
	mark := fmt.Sprintf("WIREPROOF_TEST_MARK=%d", os.Getpid())
	waited := make(chan error)
	for i, h := range []string{"h1", "h2"} {
		c := n.Host(h).Command(context.Background(), "sh", "-c", "sleep 1000 & setsid sleep 1000 & echo ready; sleep 1000")
		c.Env = append(os.Environ(), mark)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		if i == 0 {
			go func() { waited <- c.Wait() }()
		}
	}
	if len(marked(t, mark)) < 2 {
		t.Fatal("the programs are not seen: the test proves nothing")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := <-waited; !errors.As(err, &exit) {
		t.Errorf("Wait of a program that Close killed: %v", err)
	}
	if left := marked(t, mark); left != nil {
		t.Errorf("still there: %s", strings.Join(left, ", "))
	}
	if err := n.Host("h1").Command(context.Background(), "true").Run(); !errors.Is(err, harness.ErrClosed) {
		t.Errorf("Command after Close: %v", err)
	}
	if err := n.Host("h1").Do(func() error { return nil }); !errors.Is(err, harness.ErrClosed) {
		t.Errorf("Do after Close: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// The end of a context ends the program and its process group.
func TestCommandCancelled(t *testing.T) {
	n := harnesstest.Start(t, topo.Single(1), nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := n.Host("h1").Command(ctx, "sh", "-c", "sleep 1000 & echo ready; wait")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("WIREPROOF_TEST_MARK=cancel-%d", os.Getpid())
	c.Env = append(os.Environ(), mark)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	cancel()
	if err := c.Wait(); !errors.Is(err, context.Canceled) {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("Wait: %v", err)
		}
	}
	waitGone(t, mark)
}

// Sockets and waits end with the network; nothing blocks on.
func TestCloseUnblocks(t *testing.T) {
	harnesstest.NoLeaks(t)
	n := harnesstest.Start(t, topo.Single(2), nil)
	l, err := n.Host("h1").Listen(within(t), "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Host("h1").WaitListen(within(t), 80); err != nil {
		t.Error(err)
	}
	c, err := n.Host("h2").Dial(within(t), "tcp", "h1:80")
	if err != nil {
		t.Fatal(err)
	}
	quick, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := n.Host("h2").WaitQuiet(quick, 80); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "ESTAB") {
		t.Errorf("WaitQuiet with an open connection: %v", err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	c.Close()
	for _, h := range []string{"h1", "h2"} {
		if err := n.Host(h).WaitQuiet(within(t), 80); err != nil {
			t.Error(err)
		}
	}
	waits := make(chan error, 2)
	go func() { waits <- n.Host("h1").WaitListen(context.Background(), 81) }()
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				waits <- harness.ErrClosed
				return
			}
		}
	}()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-waits; !errors.Is(err, harness.ErrClosed) {
			t.Error(err)
		}
	}
}

// Do runs f in the namespace, and leaves this goroutine and all later ones where they were.
func TestDo(t *testing.T) {
	n := harnesstest.Start(t, topo.Single(1), nil)
	here := func() (s string) {
		s, err := os.Readlink(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			t.Error(err)
		}
		return s
	}
	home := here()
	for range 100 {
		var there string
		if err := n.Host("h1").Do(func() error { there = here(); return nil }); err != nil {
			t.Fatal(err)
		}
		if there == home {
			t.Fatal("not inside the host")
		}
	}
	func() {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "oops") {
				t.Errorf("panic in f: recovered %v", p)
			}
		}()
		n.Host("h1").Do(func() error { panic("oops") })
	}()
	tasks, _ := filepath.Glob("/proc/self/task/*/ns/net")
	for _, task := range tasks {
		if ns, err := os.Readlink(task); err == nil && ns != home {
			t.Errorf("%s is %s, not %s", task, ns, home)
		}
	}
}
