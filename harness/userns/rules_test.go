package userns_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/userns"
)

// Each limit of namespaces is told as such, by the kernel's own refusal. The limits are set in a user namespace of the
// test's, which they hold for alone (user_namespaces(7), namespaces(7)).
func TestLimits(t *testing.T) {
	harnesstest.Require(t, "root", "user namespaces")
	if userns.Inside() {
		t.Skip("needs more users than one, to be another in a user namespace")
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"user", "mnt", "pid", "net"} {
		rule := "user.max_" + kind + "_namespaces"
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `echo 0 >/proc/sys/"$1" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0"`, self, strings.ReplaceAll(rule, ".", "/"))
		cmd.Env = append(os.Environ(), role+"=limited", userns.EnvOff+"=")
		all := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 65536}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: all, GidMappings: all, GidMappingsEnableSetgroups: true}
		out, _ := cmd.CombinedOutput()
		if want := "no space left on device: " + rule + " is 0: sudo sysctl -w " + rule + "=10000; or run as root (sudo), or use wireproof vm\n"; !strings.HasSuffix(string(out), want) {
			t.Errorf("%q, want %q", out, want)
		}
	}
}

// Debian's rule, where the kernel has it and the machine is a guest of wireproof vm: it is the whole machine's.
func TestDebiansRule(t *testing.T) {
	const setting = "/proc/sys/kernel/unprivileged_userns_clone"
	harnesstest.Require(t, "root", "user namespaces")
	was, err := os.ReadFile(setting)
	if err != nil || os.Getenv("WIREPROOF_VM") == "" {
		t.Skip("needs a kernel of Debian's in wireproof vm")
	}
	if err := os.WriteFile(setting, []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(setting, was, 0)
	out, _ := command(t, "forbidden").CombinedOutput()
	if want := "operation not permitted: kernel.unprivileged_userns_clone is 0: sudo sysctl -w kernel.unprivileged_userns_clone=1; or run as root (sudo), or use wireproof vm\n"; !strings.HasSuffix(string(out), want) {
		t.Errorf("%q, want %q", out, want)
	}
}
