package userns_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/userns"
)

// role has the test binary be the program that enters.
const role = "USERNS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "filtered":
		forbid()
	}
	if err := userns.Enter(); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	os.Exit(inside())
}

// inside is what the second process does: it says where it is, waits for a signal, and ends with 7.
func inside() int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	all, _ := net.Interfaces()
	third, _ := os.Readlink("/proc/self/fd/3") // what was the report's
	fmt.Printf("uid %d of process %d args %q lo %v interfaces %d privileged %v inside %v pipe %v\n", os.Getuid(), os.Getppid(), os.Args[1:],
		lo.Flags&net.FlagUp != 0, len(all), userns.Privileged(), userns.Inside(), strings.HasPrefix(third, "pipe:"))
	fmt.Println(<-signals)
	return 7
}

// forbid has the kernel refuse user namespaces from here on, as a container's filter does.
func forbid() {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // the low half of args[0], little endian
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_NEWUSER, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		fmt.Println("seccomp:", errno)
		os.Exit(1)
	}
}

// command is the test binary in a role, as a user without privilege.
func command(t *testing.T, what string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "a b", "c")
	cmd.Env = append(os.Environ(), role+"="+what, userns.EnvOff+"=")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return cmd
}

// enter starts a program that enters, and returns when it is inside.
func enter(t *testing.T) (*exec.Cmd, *bufio.Reader, string) {
	t.Helper()
	harnesstest.Require(t, "user namespaces")
	if os.Geteuid() != 0 && userns.Privileged() {
		t.Skip("needs a user without privilege")
	}
	cmd := command(t, "enter")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r := bufio.NewReader(out)
	said, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	return cmd, r, said
}

// The program goes on as root of namespaces of its own, with its arguments; a signal to the first process reaches it, and its
// status is the first one's.
func TestEnter(t *testing.T) {
	cmd, r, said := enter(t)
	if want := "uid 0 of process 1 args [\"a b\" \"c\"] lo true interfaces 1 privileged true inside true pipe false\n"; said != want {
		t.Errorf("%q, want %q", said, want)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if said, err := r.ReadString('\n'); said != "terminated\n" {
		t.Errorf("%q, %v", said, err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 7 {
		t.Errorf("exit status %d, want 7", got)
	}
}

// Also when the first process is killed the second one ends: it holds the other end of the pipe.
func TestKilled(t *testing.T) {
	cmd, r, _ := enter(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := r.ReadString('\n')
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the second process is still there, 10 s after the first was killed")
	}
}

// A filter that forbids it is told as such, and the program goes on.
func TestFiltered(t *testing.T) {
	out, _ := command(t, "filtered").CombinedOutput()
	if !strings.Contains(string(out), "user namespace: fork/exec /proc/self/exe: operation not permitted: a seccomp filter") || !strings.Contains(string(out), "wireproof vm") {
		t.Errorf("%s", out)
	}
}

// What a container hides of /proc forbids a new one.
func TestMaskedProc(t *testing.T) {
	harnesstest.Require(t, "root")
	if userns.Inside() {
		t.Skip("needs the machine's root, to hide a part of /proc")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `mount -t tmpfs tmpfs /proc/tty && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0"`, "/proc/self/exe")
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args[3] = self
	cmd.Env = append(os.Environ(), role+"=masked", userns.EnvOff+"=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	if !strings.Contains(out.String(), "user namespace: mount /proc: operation not permitted: the container hides a part of /proc") {
		t.Errorf("%s", out.String())
	}
}
