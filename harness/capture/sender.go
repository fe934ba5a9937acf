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
	name     string
	index    int
	hardware [6]byte // the interface's address

	mu sync.Mutex
	fd int // -1 after Close
}

// OpenSender opens a sender on the interface ifname. It must be called on a
// thread inside the namespace of the interface; afterwards the sender may be
// used anywhere. The caller closes it, after the captures that use it have
// stopped.
func OpenSender(ifname string) (_ *Sender, err error) {
	// Protocol zero: the kernel hands such a socket no frames.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open marker sender on %s: %w", ifname, socketError(err))
	}
	s := &Sender{name: ifname, fd: fd}
	if err := s.find(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open marker sender on %s: %w", ifname, err)
	}
	return s, nil
}

// find looks the interface up and binds the socket to it.
func (s *Sender) find() error {
	req, err := unix.NewIfreq(s.name)
	if err != nil || s.name == "" {
		return fmt.Errorf("%q is no interface name: use 1 to %d bytes", s.name, unix.IFNAMSIZ-1)
	}
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFINDEX, req); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("%w in this network namespace: see `ip link`", ErrNoInterface)
		}
		return os.NewSyscallError("ioctl SIOCGIFINDEX", err)
	}
	s.index = int(req.Uint32())
	if err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: s.index}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	// The name of a bound packet socket tells the type and the address of the device.
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	link, ok := name.(*unix.SockaddrLinklayer)
	if !ok || link.Hatype != unix.ARPHRD_ETHER && link.Hatype != unix.ARPHRD_LOOPBACK {
		return fmt.Errorf("%w: capture an interface with Ethernet frames", ErrNotEthernet)
	}
	copy(s.hardware[:], link.Addr[:])
	return nil
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

// socketError adds the remedy to the error of socket(2).
func socketError(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("packet socket: %w: run as root, or with CAP_NET_RAW", err)
	}
	return os.NewSyscallError("packet socket", err)
}
