package userns

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Each rule is told by the settings and the kernel's answer, with the command that lifts it and the way without.
func TestRefuse(t *testing.T) {
	const filtered, free = "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n", "Name:\tx\nSeccomp:\t0\n"
	for name, c := range map[string]struct {
		err           error
		settings      map[string]string
		rule, command string
	}{
		"limit 0":    {unix.ENOSPC, map[string]string{"user.max_user_namespaces": "0"}, "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=10000"},
		"net 0":      {unix.ENOSPC, map[string]string{"user.max_user_namespaces": "9", "user.max_net_namespaces": "0"}, "user.max_net_namespaces is 0", "sysctl -w user.max_net_namespaces=10000"},
		"limit used": {unix.ENOSPC, map[string]string{"user.max_user_namespaces": "9"}, "as many namespaces as user.max_user_namespaces (9)", "sysctl -w user.max_user_namespaces"},
		"debian":     {unix.EPERM, map[string]string{"kernel.unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1"},
		"ubuntu": {&setUpError{"keep mounts private", unix.EACCES}, map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1", "kernel.unprivileged_userns_clone": "1"},
			"AppArmor", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		"container": {unix.EPERM, map[string]string{"/proc/self/status": filtered}, "seccomp", "--security-opt seccomp=unconfined"},
		"masked":    {&setUpError{mountProc, unix.EPERM}, map[string]string{"/proc/self/status": free}, "hides a part of /proc", "systempaths=unconfined"},
		"chroot":    {unix.EPERM, map[string]string{"/proc/self/status": free}, "chroot", ""},
		"kernel":    {unix.EINVAL, nil, "CONFIG_USER_NS", ""},
		"unknown":   {unix.EIO, nil, "none of the rules", ""},
	} {
		err := refuse(c.err, func(name string) string { return c.settings[name] })
		var r *Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Rule, c.rule) || !strings.Contains(r.Command, c.command) || (c.command == "") != (r.Command == "") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: the kernel's answer is lost in %v", name, err)
		}
		for _, want := range []string{c.rule, c.command, "wireproof vm"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
	}
}

func TestParse(t *testing.T) {
	if err := parse([]byte("13 mount /proc")); !errors.Is(err, unix.EACCES) || err.Error() != "mount /proc: permission denied" {
		t.Errorf("%v", err)
	}
	if err := parse(nil); !strings.Contains(err.Error(), "without a word") {
		t.Errorf("%v", err)
	}
}
