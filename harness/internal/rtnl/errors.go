package rtnl

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrMissing: the kernel has no such feature.
var ErrMissing = errors.New("missing in this kernel")

// A kernelError is what the kernel answered to one operation.
type kernelError struct {
	op      string // "add htb to h1-eth0"
	feature string // "sch_htb", the module that carries the operation
	errno   unix.Errno
	text    string // the kernel's own words (NLMSGERR_ATTR_MSG), where it has some
}

func (e *kernelError) Error() string {
	s := e.op + ": "
	if e.missing() {
		return s + fmt.Sprintf("kernel lacks %s: load the module (modprobe %s), or use a kernel that has it", e.feature, e.feature)
	}
	s += e.errno.Error()
	if e.text != "" {
		s += ": " + e.text
	}
	return s
}

func (e *kernelError) Unwrap() []error {
	if e.missing() {
		return []error{ErrMissing, e.errno}
	}
	return []error{e.errno}
}

// missing: an unknown kind of link is EOPNOTSUPP (net/core/rtnetlink.c, __rtnl_newlink), of qdisc ENOENT
// (net/sched/sch_api.c, qdisc_create), an address family without handlers EOPNOTSUPP or EPROTONOSUPPORT.
func (e *kernelError) missing() bool {
	if e.feature == "" {
		return false
	}
	switch e.errno {
	case unix.EOPNOTSUPP, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT:
		return true
	case unix.ENOENT:
		return true
	}
	return false
}
