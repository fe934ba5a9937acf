package capture

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Sender sends marker frames out of one interface, and receives nothing. It may
// be used by several captures at once.
type Sender struct {
	name  string
	index int

	mu sync.Mutex
	fd int // -1 after Close
}

// OpenSender opens a sender on the interface ifname. It must be called on a
// thread inside the namespace of the interface; afterwards the sender may be
// used anywhere. The caller closes it, after the captures that use it have
// stopped.
func OpenSender(ifname string) (*Sender, error) {
	index, err := interfaceIndex(ifname)
	if err != nil {
		return nil, fmt.Errorf("open marker sender on %s: %w", ifname, err)
	}
	// Protocol zero: the kernel hands such a socket no frames.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open marker sender on %s: %w", ifname, socketError(err))
	}
	return &Sender{name: ifname, index: index, fd: fd}, nil
}

// Name returns the name of the interface.
func (s *Sender) Name() string { return s.name }

// Close closes the sender. A second call does nothing.
func (s *Sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil
	}
	err := unix.Close(s.fd)
	s.fd = -1
	return os.NewSyscallError("close", err)
}

// send sends one frame through the interface's queueing discipline, without
// waiting for room.
func (s *Sender) send(frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	for {
		err := unix.Sendto(s.fd, frame, unix.MSG_DONTWAIT, &unix.SockaddrLinklayer{Ifindex: s.index})
		if err != unix.EINTR {
			return err
		}
	}
}

// flags returns the flags of the interface (IFF_UP and so on).
func (s *Sender) flags() (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	// By index and not by the name, which somebody may have changed.
	req, err := unix.NewIfreq("")
	if err != nil {
		return 0, err
	}
	req.SetUint32(uint32(s.index))
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFNAME, req); err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFFLAGS, req); err != nil {
		return 0, err
	}
	return req.Uint16(), nil
}

// interfaceIndex finds an interface of the thread's namespace that carries
// Ethernet frames.
func interfaceIndex(ifname string) (int, error) {
	req, err := unix.NewIfreq(ifname)
	if err != nil {
		return 0, fmt.Errorf("%q is no interface name: use 1 to %d bytes", ifname, unix.IFNAMSIZ-1)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return 0, fmt.Errorf("%w in this network namespace: see `ip link`", ErrNoInterface)
		}
		return 0, os.NewSyscallError("ioctl SIOCGIFHWADDR", err)
	}
	// The family of the hardware address is the first field of the union.
	if kind := req.Uint16(); kind != unix.ARPHRD_ETHER && kind != unix.ARPHRD_LOOPBACK {
		return 0, fmt.Errorf("%w (ARPHRD %d): capture an interface with Ethernet frames", ErrNotEthernet, kind)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, os.NewSyscallError("ioctl SIOCGIFINDEX", err)
	}
	return int(req.Uint32()), nil
}

// socketError adds the remedy to the error of socket(2).
func socketError(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("packet socket: %w: run as root, or with CAP_NET_RAW", err)
	}
	return os.NewSyscallError("packet socket", err)
}
