package userns

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A Refusal says which rule of the machine keeps an ordinary user from making a user namespace, and what lifts it.
type Refusal struct {
	Rule    string // "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu's AppArmor rule)"
	Command string // that lifts it; empty where there is none
	Err     error  // the kernel's answer
}

// Error names the rule, the command, and the ways without it.
func (r *Refusal) Error() string {
	return fmt.Sprintf("user namespace: %v: %s: %s", r.Err, r.Rule, r.Remedy())
}

// Remedy is what to do.
func (r *Refusal) Remedy() string {
	if r.Command == "" {
		return "run as root (sudo), or use wireproof vm"
	}
	return r.Command + "; or run as root (sudo), or use wireproof vm"
}

// Unwrap returns the kernel's answer.
func (r *Refusal) Unwrap() error { return r.Err }

// readRule reads a setting of the kernel, or a file of /proc by its path; empty where there is none.
func readRule(name string) string {
	path := name
	if !strings.HasPrefix(name, "/") {
		path = "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	}
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// The rules that there are. Those of settings, in the order in which the kernel comes to them.
var rules = []struct {
	name, value, what, command string
}{
	// kernel/ucount.c: a limit for each user and kind; none left is ENOSPC.
	{"user.max_user_namespaces", "0", "", "sudo sysctl -w user.max_user_namespaces=10000"},
	{"user.max_mnt_namespaces", "0", "", "sudo sysctl -w user.max_mnt_namespaces=10000"},
	{"user.max_pid_namespaces", "0", "", "sudo sysctl -w user.max_pid_namespaces=10000"},
	{"user.max_net_namespaces", "0", "", "sudo sysctl -w user.max_net_namespaces=10000"},
	// A patch of Debian, Arch and others to kernel/fork.c.
	{"kernel.unprivileged_userns_clone", "0", "", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
	// Ubuntu 23.10 and later: the namespace is made, and a profile takes the capabilities in it away.
	{"kernel.apparmor_restrict_unprivileged_userns", "1", "Ubuntu's AppArmor rule", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
}

// refuse tells by the kernel's answer, and by its settings as read has them, which rule it was.
func refuse(err error, read func(name string) string) error {
	r := &Refusal{Err: err}
	for _, rule := range rules {
		if read(rule.name) == rule.value {
			r.Rule, r.Command = rule.name+" is "+rule.value, rule.command
			if rule.what != "" {
				r.Rule += " (" + rule.what + ")"
			}
			return r
		}
	}
	var set *setUpError
	inside := errors.As(err, &set)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		r.Rule = "this user has as many namespaces as user.max_user_namespaces (" + read("user.max_user_namespaces") + ") and its like allow, or they are nested too deep"
		r.Command = "sudo sysctl -w user.max_user_namespaces=10000"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		r.Rule = "the kernel has no user namespaces (CONFIG_USER_NS)"
	case inside && set.what == mountProc && errors.Is(err, unix.EPERM):
		// fs/namespace.c, mount_too_revealing: a new /proc would show what the container's hides.
		r.Rule = "the container hides a part of /proc"
		r.Command = "docker run --security-opt systempaths=unconfined (podman: --security-opt unmask=ALL)"
	case errors.Is(err, unix.EPERM) && seccomp(read("/proc/self/status")):
		r.Rule = "a seccomp filter, such as a container's, forbids it"
		r.Command = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		r.Rule = "a security module, a chroot, a user that is not mapped, or, as user 0, a lack of CAP_SETFCAP forbids it"
	default:
		r.Rule = "none of the rules known here"
	}
	return r
}

// seccomp tells by the text of /proc/PID/status whether the process runs under a filter (proc_pid_status(5)).
func seccomp(status string) bool {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			return strings.TrimSpace(value) == "2"
		}
	}
	return false
}
