package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A request to the interface ioctls (netdevice(7)), with room for an address.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

func netdevIoctl(fd int, req uint, name string, fill func(data []byte)) ([]byte, error) {
	var r ifreq
	if len(name) >= len(r.name) {
		return nil, fmt.Errorf("interface name %q is longer than 15 bytes", name)
	}
	copy(r.name[:], name)
	if fill != nil {
		fill(r.data[:])
	}
	if err := ioctl(fd, req, uintptr(unsafe.Pointer(&r))); err != nil {
		return nil, err
	}
	return r.data[:], nil
}

func linkIndex(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	data, err := netdevIoctl(fd, unix.SIOCGIFINDEX, name, nil)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.NativeEndian.Uint32(data))), nil
}

// setLink sets what a new device needs and returns its index.
func setLink(name string, mac []byte, mtu, queue int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	set := func(what string, req uint, fill func([]byte)) {
		if err == nil {
			if _, err = netdevIoctl(fd, req, name, fill); err != nil {
				err = fmt.Errorf("set %s: %w", what, err)
			}
		}
	}
	if mac != nil {
		set("hardware address", unix.SIOCSIFHWADDR, func(d []byte) {
			binary.NativeEndian.PutUint16(d, unix.ARPHRD_ETHER)
			copy(d[2:8], mac)
		})
	}
	if mtu > 0 {
		set("mtu", unix.SIOCSIFMTU, func(d []byte) { binary.NativeEndian.PutUint32(d, uint32(mtu)) })
	}
	if err != nil {
		return 0, err
	}
	index, err := linkIndex(name)
	if err != nil {
		return 0, err
	}
	return index, setQueue(index, queue)
}

// setQueue sets an interface's txqueuelen by RTM_SETLINK: the ioctl for it, SIOCSIFTXQLEN, is for root of the machine alone
// (net/core/dev_ioctl.c), and RTM_SETLINK for root of a user's namespace, too.
func setQueue(index, queue int) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("set txqueuelen: open netlink socket: %w", err)
	}
	defer unix.Close(fd)
	e := binary.NativeEndian
	req := make([]byte, unix.NLMSG_HDRLEN+unix.SizeofIfInfomsg+8)
	e.PutUint32(req[0:], uint32(len(req)))
	e.PutUint16(req[4:], unix.RTM_SETLINK)
	e.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	e.PutUint32(req[unix.NLMSG_HDRLEN+4:], uint32(index))
	attr := req[unix.NLMSG_HDRLEN+unix.SizeofIfInfomsg:]
	e.PutUint16(attr[0:], 8)
	e.PutUint16(attr[2:], unix.IFLA_TXQLEN)
	e.PutUint32(attr[4:], uint32(queue))
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("set txqueuelen: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	switch {
	case err != nil:
		return fmt.Errorf("set txqueuelen: %w", err)
	case n < unix.NLMSG_HDRLEN+4 || e.Uint16(answer[4:]) != unix.NLMSG_ERROR:
		return errors.New("set txqueuelen: the kernel's answer is none")
	case e.Uint32(answer[unix.NLMSG_HDRLEN:]) != 0:
		return fmt.Errorf("set txqueuelen: %w", unix.Errno(-int32(e.Uint32(answer[unix.NLMSG_HDRLEN:]))))
	}
	return nil
}

// A counter reads an interface's tx_dropped. It keeps a netlink socket of the interface's namespace.
type counter struct {
	mu    sync.Mutex
	fd    int
	index int
	seq   uint32
	base  uint64
}

func openCounter(index int) (*counter, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	c := &counter{fd: fd, index: index}
	if c.base, err = c.read(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return c, nil
}

// dropped returns what the interface dropped on transmission since openCounter.
func (c *counter) dropped() (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.read()
	return n - c.base, err
}

const (
	statsLink64   = 1 // linux/if_link.h, IFLA_STATS_LINK_64
	txDroppedAt   = 7 * 8
	ifStatsMsgLen = 12
)

// read asks RTM_GETSTATS for struct rtnl_link_stats64.
func (c *counter) read() (uint64, error) {
	e := binary.NativeEndian
	c.seq++
	req := make([]byte, unix.NLMSG_HDRLEN+ifStatsMsgLen)
	e.PutUint32(req[0:], uint32(len(req)))
	e.PutUint16(req[4:], unix.RTM_GETSTATS)
	e.PutUint16(req[6:], unix.NLM_F_REQUEST)
	e.PutUint32(req[8:], c.seq)
	e.PutUint32(req[20:], uint32(c.index))
	e.PutUint32(req[24:], 1<<(statsLink64-1))
	if err := unix.Sendto(c.fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("ask for interface statistics: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(c.fd, answer, 0)
	if err != nil {
		return 0, fmt.Errorf("read interface statistics: %w", err)
	}
	answer = answer[:n]
	if n < unix.NLMSG_HDRLEN+4 {
		return 0, errors.New("read interface statistics: answer is too short")
	}
	if e.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		return 0, fmt.Errorf("read interface statistics: %w", unix.Errno(-int32(e.Uint32(answer[16:]))))
	}
	for b := answer[min(n, unix.NLMSG_HDRLEN+ifStatsMsgLen):]; len(b) >= 4; {
		size, kind := int(e.Uint16(b)), e.Uint16(b[2:])
		if size < 4 || size > len(b) {
			break
		}
		if kind == statsLink64 && size >= 4+txDroppedAt+8 {
			return e.Uint64(b[4+txDroppedAt:]), nil
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return 0, errors.New("read interface statistics: kernel left them out")
}

func (c *counter) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return unix.Close(c.fd)
}
