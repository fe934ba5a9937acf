package peers

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketOptions are the knobs of a TCP socket. On a connection that is not TCP
// they have no effect.
type SocketOptions struct {
	// Nagle leaves Nagle's algorithm on (RFC 9293, 3.7.4). Zero sets TCP_NODELAY,
	// as the net package does by itself.
	Nagle bool `json:"nagle,omitempty"`
	// QuickAck sets TCP_QUICKACK, and sets it again after each read, since Linux
	// falls back to delayed acknowledgements by itself (tcp(7)).
	QuickAck bool `json:"quick_ack,omitempty"`
	// Congestion is the congestion control's name, as in
	// /proc/sys/net/ipv4/tcp_available_congestion_control. Zero is the kernel's own.
	Congestion string `json:"congestion,omitempty"`
	// SendBuffer and ReceiveBuffer set SO_SNDBUF and SO_RCVBUF, in bytes. Zero
	// leaves the kernel to tune them, which is nearly always faster.
	SendBuffer    int `json:"send_buffer,omitempty"`
	ReceiveBuffer int `json:"receive_buffer,omitempty"`
}

// apply sets the options on a TCP socket.
func (o SocketOptions) apply(raw syscall.RawConn) error {
	var errs []error
	set := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", what, err))
		}
	}
	err := raw.Control(func(p uintptr) {
		fd := int(p)
		if _, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); err != nil {
			return // not TCP
		}
		noDelay := 1
		if o.Nagle {
			noDelay = 0
		}
		set("TCP_NODELAY", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, noDelay))
		if o.QuickAck {
			set("TCP_QUICKACK", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1))
		}
		if o.SendBuffer > 0 {
			set("SO_SNDBUF", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuffer))
		}
		if o.ReceiveBuffer > 0 {
			set("SO_RCVBUF", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, o.ReceiveBuffer))
		}
		if o.Congestion != "" {
			set("TCP_CONGESTION", o.congestion(fd))
		}
	})
	return errors.Join(append(errs, err)...)
}

func (o SocketOptions) congestion(fd int) error {
	err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, o.Congestion)
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %w: run as root or add it to net.ipv4.tcp_allowed_congestion_control", o.Congestion, err)
	case err != nil:
		have, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		return fmt.Errorf("%s: %w: this kernel has %s", o.Congestion, err, strings.Join(strings.Fields(string(have)), ", "))
	}
	return nil
}

// check tries the options on a socket of its own, so that a wrong one is
// reported before there is a connection.
func (o SocketOptions) check() error {
	if o.Congestion == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	defer unix.Close(fd)
	if err := o.congestion(fd); err != nil {
		return fmt.Errorf("set TCP_CONGESTION: %w", err)
	}
	return nil
}
