package relay

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

// An End is one end of a link: OpenTAP and OpenPacket make them. It belongs to the engine once joined.
type End struct{ p *port }

// TXQueueLen of a TAP device: frames that wait in its ring for the engine. The ring drops silently when it is full; with
// the kernel's 500, or 1000, frames a burst overruns it.
const TXQueueLen = 10000

// OpenTAP makes the TAP device name with the hardware address mac (nil: a random one) and the MTU in bytes (zero: 1500) in
// the network namespace of the calling thread, and leaves it down, without addresses. The End may be used from any thread.
// The device lives until the End is closed. An error is ErrNoTUN where /dev/net/tun is missing or closed to us.
//
// The device offers checksums, TSO for both IP versions and ECN, not USO: the kernel cuts UDP itself.
func OpenTAP(name string, mac []byte, mtu int) (End, error) { return OpenTAPIndex(name, 0, mac, mtu) }

// OpenTAPIndex is OpenTAP with the interface's index; zero: the kernel's choice.
func OpenTAPIndex(name string, index int, mac []byte, mtu int) (_ End, err error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return End{}, fmt.Errorf("open /dev/net/tun: %w: %w: use a veth pair and a packet socket", err, ErrNoTUN)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	wanted := int32(index)
	if err := ioctl(fd, unix.TUNSETIFINDEX, uintptr(unsafe.Pointer(&wanted))); err != nil && index != 0 {
		return End{}, fmt.Errorf("make TAP device %s: set index %d: %w", name, index, err)
	}
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return End{}, fmt.Errorf("make TAP device %q: %w: give a name of 1 to 15 bytes", name, err)
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w: %w: CAP_NET_ADMIN is needed in this namespace", err, ErrNoTUN)
		}
		return End{}, fmt.Errorf("make TAP device %s: %w", name, err)
	}
	size := int32(gso.HeaderLen)
	if err := ioctl(fd, unix.TUNSETVNETHDRSZ, uintptr(unsafe.Pointer(&size))); err != nil {
		return End{}, fmt.Errorf("make TAP device %s: set length of virtio header: %w", name, err)
	}
	if err := ioctl(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6|unix.TUN_F_TSO_ECN); err != nil {
		return End{}, fmt.Errorf("make TAP device %s: set offloads: %w", name, err)
	}
	index, err = setLink(name, mac, mtu, TXQueueLen)
	if err != nil {
		return End{}, fmt.Errorf("make TAP device %s: %w", name, err)
	}
	counter, err := openCounter(index)
	if err != nil {
		return End{}, fmt.Errorf("make TAP device %s: %w", name, err)
	}
	p := &port{fd: fd, out: fd, name: name, device: true, counter: counter}
	p.stamps, p.unstamped = newStamps(fd) // without them, times of arrival are an estimate
	return End{p}, nil
}

// OpenPacket takes over the interface name, one end of a veth pair, in the network namespace of the calling thread: what
// comes in there is what the end sends. The interface should have no addresses, IPv6 ones included. VLAN tags
// are lost on the way: the kernel takes them off before a packet socket sees the frame.
func OpenPacket(name string) (_ End, err error) {
	fd, err := packetSocket(name)
	if err != nil {
		return End{}, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	index, err := linkIndex(name)
	if err != nil {
		return End{}, fmt.Errorf("take over interface %s: %w", name, err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return End{}, fmt.Errorf("take over interface %s: packet socket: set ignore outgoing: %w", name, err)
	}
	// Bound last, so that no frame comes before the options hold.
	if err := bindPacket(fd, index); err != nil {
		return End{}, fmt.Errorf("take over interface %s: bind packet socket: %w", name, err)
	}
	mreq := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq); err != nil {
		return End{}, fmt.Errorf("take over interface %s: promiscuous mode: %w", name, err)
	}
	// An interface that is down yet says so, once.
	if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return End{}, fmt.Errorf("take over interface %s: packet socket: %w", name, err)
	}
	counter, err := openCounter(index)
	if err != nil {
		return End{}, fmt.Errorf("take over interface %s: %w", name, err)
	}
	return End{&port{fd: fd, out: fd, name: name, device: true, packet: true, counter: counter}}, nil
}

// packetSocket opens an unbound packet socket for whole frames, virtio header first, with their times.
func packetSocket(name string) (_ int, err error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open packet socket: %w: CAP_NET_RAW is needed in this namespace", err)
	}
	for _, o := range []struct {
		level, name, value int
		what               string
		optional           bool
	}{
		{unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1, "virtio header", false},
		{unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1, "no qdisc", true},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, "time stamps", false},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, packetBuffer, "receive buffer", true},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, packetBuffer, "send buffer", true},
		// Beyond net.core.rmem_max only with CAP_NET_ADMIN of the machine, not of a user's namespace.
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, packetBuffer, "receive buffer", true},
		{unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, packetBuffer, "send buffer", true},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && !o.optional {
			return -1, errors.Join(fmt.Errorf("take over interface %s: packet socket: set %s: %w", name, o.what, err), unix.Close(fd))
		}
	}
	return fd, nil
}

// Tap has an end of OpenPacket read what leaves the interface name, the near end of its veth pair, of the calling thread's
// network namespace, in place of what comes in at the far one. The two are the same frames, but a veth pair hands its frames over
// on the processor that sends them (drivers/net/veth.c, veth_forward_skb: netif_rx), and those of two processors overtake each
// other: 1 to 4 of 1,200 acknowledgements did on an idle machine of two. A tap takes them in the order in which they leave.
func (e End) Tap(name string) error {
	fail := func(what string, err error) error {
		return fmt.Errorf("take over interface %s: packet socket: %s: %w", name, what, err)
	}
	index, err := linkIndex(name)
	if err != nil {
		return fmt.Errorf("take over interface %s: %w", name, err)
	}
	fd, err := packetSocket(name)
	if err != nil {
		return err
	}
	takeLeaving := func() error { return filter(fd, onlyOutgoing) }
	if b := e.p.bypass; b != nil {
		takeLeaving = func() error { return b.attachNear(index, fd) }
	}
	if err := takeLeaving(); err != nil {
		return errors.Join(fail("take what leaves alone", err), unix.Close(fd))
	}
	if err := bindPacket(fd, index); err != nil {
		return errors.Join(fail("bind", err), unix.Close(fd))
	}
	if err := filter(e.p.fd, nothing); err != nil {
		return errors.Join(fail("take nothing at the far end", err), unix.Close(fd))
	}
	e.p.fd = fd
	return nil
}

// packetType is where a program finds the frame's type: SKF_AD_OFF + SKF_AD_PKTTYPE.
const packetType = 0xfffff000 + 4

// Programs for SO_ATTACH_FILTER (linux/filter.h): nothing, and frames of the type PACKET_OUTGOING, whole.
var (
	nothing      = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	onlyOutgoing = []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: packetType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PACKET_OUTGOING, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
)

func filter(fd int, program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// bindPacket has the socket take the frames of all protocols at an interface.
func bindPacket(fd, index int) error {
	all := uint16(unix.ETH_P_ALL)
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: index})
}

// packetBuffer is what a packet socket may hold: a super-frame counts for about 70 KB.
const packetBuffer = 64 << 20

// fdEnd is an end that reads and writes whole frames, virtio header first, on a descriptor: in tests, a socket pair.
func fdEnd(fd int, name string) End { return End{&port{fd: fd, out: fd, name: name}} }

// Close closes an End that was not joined.
func (e End) Close() error {
	if e.p == nil {
		return nil
	}
	return e.p.close()
}

func ioctl(fd int, req uint, arg uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), arg); errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}
