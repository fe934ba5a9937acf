// Package rtnl speaks rtnetlink and sock_diag with one network namespace. It is the only importer of netlink.
//
// The messages are built with vishvananda/netlink's nl; they are sent by this package, several in one call: to bring one
// host up takes eight messages, and the library's handle would send each by itself, ask for interfaces by name in
// between, and can choose no interface index for a veth's far end.
package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
)

// nl finds the machine's byte order out at its first use, and keeps it unguarded: here, before there are goroutines.
var _ = nl.NativeEndian()

// A Conn is a netlink socket. It stays in the namespace that it was opened in. Its methods may be called from several
// goroutines at once.
type Conn struct {
	mu  sync.Mutex
	fd  int // -1: closed
	seq uint32
	buf []byte
}

// Open opens a route socket in the calling thread's network namespace.
func Open() (*Conn, error) { return open(unix.NETLINK_ROUTE, "open rtnetlink socket", "rtnetlink") }

func open(protocol int, op, feature string) (*Conn, error) {
	if err := fault.Check(op); err != nil {
		return nil, inject(Op{what: op, feature: feature}, err)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, inject(Op{what: op, feature: feature}, err)
	}
	// Errors come with the kernel's words, and without the message that caused them. Old kernels lack the options.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &Conn{fd: fd}, nil
}

// Close closes the socket. Later calls do nothing.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

// An Op is one change, to be made by Conn.Do.
type Op struct {
	what    string       // "add htb to h1-eth0"
	feature string       // the kernel's module that it needs
	done    []unix.Errno // errors that say that there is nothing left to do
	req     *nl.NetlinkRequest
}

// Do makes the changes in order. It goes on past those that fail, and joins their errors.
func (c *Conn) Do(ops ...Op) error {
	if len(ops) == 0 {
		return nil
	}
	for _, op := range ops {
		if err := fault.Check(op.what); err != nil {
			return inject(op, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []byte
	first := c.seq + 1
	for i, op := range ops {
		c.seq++
		op.req.Seq = c.seq
		if i == len(ops)-1 {
			op.req.Flags |= unix.NLM_F_ACK // the kernel answers errors always, success only when asked
		}
		out = append(out, op.req.Serialize()...)
		out = append(out, make([]byte, -len(out)&(unix.NLMSG_ALIGNTO-1))...)
	}
	var errs []error
	err := c.talk(out, c.seq, func(m *syscall.NetlinkMessage) error {
		if m.Header.Type != unix.NLMSG_ERROR || m.Header.Seq < first {
			return nil
		}
		if err := ops[m.Header.Seq-first].failed(m); err != nil {
			errs = append(errs, err)
		}
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", ops[0].what, err))
	}
	return errors.Join(errs...)
}

// dump asks for a list and calls each for every entry. The kernel marks a list that changed while it was read; it is
// then asked for again, so each may see entries twice, after start was called again.
func (c *Conn) dump(op Op, start func(), each func(kind uint16, data []byte) error) error {
	if err := fault.Check(op.what); err != nil {
		return inject(op, err)
	}
	const tries = 16
	for range tries {
		start()
		interrupted, err := c.dumpOnce(op, each)
		if err != nil || !interrupted {
			return err
		}
	}
	return fmt.Errorf("%s: list changed while it was read, %d times", op.what, tries)
}

func (c *Conn) dumpOnce(op Op, each func(kind uint16, data []byte) error) (interrupted bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	op.req.Seq = c.seq
	var failed error
	err = c.talk(op.req.Serialize(), c.seq, func(m *syscall.NetlinkMessage) error {
		if m.Header.Seq != c.seq {
			return nil
		}
		if m.Header.Flags&unix.NLM_F_DUMP_INTR != 0 {
			interrupted = true
		}
		switch m.Header.Type {
		case unix.NLMSG_ERROR, unix.NLMSG_DONE:
			failed = op.failed(m)
			return nil
		}
		return each(m.Header.Type, m.Data)
	})
	if err == nil {
		err = failed
	} else {
		err = fmt.Errorf("%s: %w", op.what, err)
	}
	return interrupted, err
}

// talk sends out and reads answers until the last one for seq. An error of each is returned, after all was read.
func (c *Conn) talk(out []byte, seq uint32, each func(*syscall.NetlinkMessage) error) error {
	if c.fd < 0 {
		return os.ErrClosed
	}
	if err := unix.Sendto(c.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
	}
	var failed error
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		messages, err := syscall.ParseNetlinkMessage(c.buf[:n])
		if err != nil {
			return fmt.Errorf("parse netlink message: %w", err)
		}
		for i := range messages {
			m := &messages[i]
			if err := each(m); err != nil && failed == nil {
				failed = err
			}
			if m.Header.Seq != seq {
				continue
			}
			done := m.Header.Type == unix.NLMSG_ERROR || m.Header.Type == unix.NLMSG_DONE
			if done || m.Header.Flags&unix.NLM_F_MULTI == 0 {
				return failed
			}
		}
	}
}

// failed is the error in an NLMSG_ERROR or NLMSG_DONE message, nil where it reports success.
func (op Op) failed(m *syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(m.Data))
	if code == 0 || slices.Contains(op.done, unix.Errno(-code)) {
		return nil
	}
	e := &kernelError{op: op.what, feature: op.feature, errno: unix.Errno(-code)}
	if m.Header.Type == unix.NLMSG_ERROR && m.Header.Flags&unix.NLM_F_ACK_TLVS != 0 && m.Header.Flags&unix.NLM_F_CAPPED != 0 {
		attrs, err := parseAttrs(m.Data[min(4+unix.SizeofNlMsghdr, len(m.Data)):])
		for _, a := range attrs {
			if err == nil && a.Attr.Type == unix.NLMSGERR_ATTR_MSG {
				e.text = unix.ByteSliceToString(a.Value)
			}
		}
	}
	return e
}

// inject makes an error look as if the kernel had answered it.
func inject(op Op, err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return &kernelError{op: op.what, feature: op.feature, errno: errno}
	}
	return fmt.Errorf("%s: %w", op.what, err)
}
