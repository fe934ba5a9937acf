package vm_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/vm"
)

var raceDetector bool // set where the tests were built with it

const helper = "WIREPROOF_VM_TEST"

// The test binary is the program that calls Run too, and with it the guest's process 1.
func TestMain(m *testing.M) {
	if mode := os.Getenv(helper); mode != "" {
		o := vm.Options{Command: []string{"sh", os.Getenv(helper + "_SCRIPT")}, Stdout: os.Stdout}
		vm.SetPlain(&o, mode == "plain")
		_, err := vm.Run(context.Background(), o)
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// needs skips without user-mode-linux, and in a guest of it.
func needs(t *testing.T) {
	t.Helper()
	if os.Getenv("WIREPROOF_VM") != "" {
		t.Skip("user-mode-linux does not run in itself")
	}
	if raceDetector {
		t.Skip("this program is the guest's process 1, and cannot be with the race detector")
	}
	harnesstest.Require(t, "user-mode linux")
}

// folder is one whose name is short enough for linux.uml's socket, so that all of a guest is told by it.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "wp-vm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// of lists the processes that have the folder in their command line.
func of(dir string) map[string][]int {
	found := make(map[string][]int)
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range files {
		text, _ := os.ReadFile(name)
		if bytes.Contains(text, []byte(dir)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			program, _, _ := strings.Cut(string(text), "\x00")
			found[filepath.Base(program)] = append(found[filepath.Base(program)], pid)
		}
	}
	return found
}

// childOf returns that of pids whose parent is.
func childOf(t *testing.T, parent int, pids []int) int {
	t.Helper()
	for _, pid := range pids {
		status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if strings.Contains(string(status), "\nPPid:\t"+strconv.Itoa(parent)+"\n") {
			return pid
		}
	}
	t.Fatalf("none of %v is a child of %d", pids, parent)
	return 0
}

// restless looks which kernel runs it, over and over. Were it let go when the guest's is killed, the host's would answer.
const restless = `kernel() { read version </proc/sys/kernel/osrelease; }
kernel
guest=$version
n=0
while kernel; do
	if [ "$version" != "$guest" ]; then
		echo "$version" >"$0.host"
		exit
	fi
	i=0
	while [ $i -lt 500 ]; do i=$((i+1)); done
	n=$((n+1))
	if [ $n = 5 ]; then echo up; fi
done
`

// Whoever is killed, nothing of a guest is left: not a process, not a file.
func TestKilled(t *testing.T) {
	needs(t)
	for _, mode := range []string{"namespace", "plain"} {
		for _, victim := range []string{"caller", "keeper", "kernel"} {
			t.Run(mode+"/"+victim, func(t *testing.T) {
				dir, home := folder(t), folder(t)
				script := filepath.Join(home, "restless.sh")
				if err := os.WriteFile(script, []byte(restless), 0o644); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, "/proc/self/exe")
				cmd.WaitDelay = time.Second
				cmd.Env = append(os.Environ(), helper+"="+mode, helper+"_SCRIPT="+script, "TMPDIR="+dir)
				var said bytes.Buffer
				cmd.Stderr = &said
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
					_ = cmd.Wait()
					t.Fatalf("%q, %v: %s", line, err, said.String())
				}
				there := of(dir)
				if len(there["wireproof-vm-keeper"]) != 1 || len(there["linux.uml"]) < 3 {
					t.Errorf("before: %v", there)
				}
				pid := cmd.Process.Pid
				switch victim {
				case "keeper":
					pid = there["wireproof-vm-keeper"][0]
				case "kernel":
					pid = childOf(t, there["wireproof-vm-keeper"][0], there["linux.uml"])
				}
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				if victim != "caller" && !strings.Contains(said.String(), "the guest's kernel ended") {
					t.Errorf("it said %q", said.String())
				}
				deadline := time.Now().Add(10 * time.Second)
				for {
					left, _ := os.ReadDir(dir)
					there = of(dir)
					if len(left) == 0 && len(there) == 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("left: %v, %v", left, there)
					}
					time.Sleep(10 * time.Millisecond)
				}
				if version, err := os.ReadFile(script + ".host"); err == nil {
					t.Errorf("a process of the guest went on as one of the host, whose kernel is %s", version)
				}
			})
		}
	}
}

// The context's end ends the command by SIGTERM first.
func TestCancel(t *testing.T) {
	needs(t)
	t.Setenv("TMPDIR", folder(t))
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	out := writer(func(b []byte) {
		if bytes.Contains(b, []byte("up")) {
			cancel(cause)
		}
	})
	var all bytes.Buffer
	var mu sync.Mutex
	result, err := vm.Run(ctx, vm.Options{
		Command: []string{"sh", "-c", "trap 'echo terminated; exit 9' TERM; echo up; while :; do sleep 0.1; done"},
		Stdout: writer(func(b []byte) {
			mu.Lock()
			all.Write(b)
			mu.Unlock()
			out(b)
		}),
	})
	if !errors.Is(err, cause) || result.Status != 9 || !strings.Contains(all.String(), "terminated") {
		t.Errorf("%+v, %v, %q", result, err, all.String())
	}
}

type writer func(b []byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// Threads of one process share one of the host's, and its registers: what vector instructions compute stays each
// thread's own.
func TestVectorRegisters(t *testing.T) {
	if os.Getenv("WIREPROOF_VM") == "" { // in the guest, this test again
		needs(t)
		t.Setenv("TMPDIR", folder(t))
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		result, err := vm.Run(t.Context(), vm.Options{Command: []string{program, "-test.run=^TestVectorRegisters$", "-test.v"}, Stdout: &out, Stderr: &out})
		if err != nil || result.Status != 0 || !strings.Contains(out.String(), "--- PASS") {
			t.Fatalf("%+v, %v: %s", result, err, out.String())
		}
		return
	}
	data := bytes.Repeat([]byte("wireproof"), 1000)
	want := sha256.Sum256(data)
	end := time.Now().Add(2 * time.Second)
	var threads sync.WaitGroup
	for i := range 4 {
		threads.Go(func() {
			mine := bytes.Repeat([]byte{byte(i)}, 4096)
			copied := make([]byte, len(mine))
			for time.Now().Before(end) {
				copy(copied, mine)
				if !bytes.Equal(copied, mine) || sha256.Sum256(data) != want {
					t.Error("a thread computed with another's registers")
					return
				}
			}
		})
	}
	threads.Wait()
}
