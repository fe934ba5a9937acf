package harness

import (
	"context"
	"io"
	"net"
	"net/netip"

	"github.com/wireproof/wireproof/harness/capture"
)

// A Host is a host of a network: a network namespace, with an address, in which sockets are opened and programs run.
type Host struct{}

// Name is the host's name, "h1".
func (h *Host) Name() string { panic("stub") }

// Addr is the host's IPv4 address; the zero Addr for an unknown host.
func (h *Host) Addr() netip.Addr { panic("stub") }

// Addr6 is the host's IPv6 address; the zero Addr where the topology has none.
func (h *Host) Addr6() netip.Addr { panic("stub") }

// Interface is the name of the host's first interface, "h1-eth0".
func (h *Host) Interface() string { panic("stub") }

// Listen opens a listener inside the host. network is "tcp", "tcp4" or "tcp6"; the address is host:port, where the host
// part may be empty or the name of a host of the network. The listener is a plain one: it may be used from anywhere.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	panic("stub")
}

// ListenPacket opens a packet socket ("udp", "udp4", "udp6") inside the host. See Listen.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	panic("stub")
}

// Dial connects from inside the host ("tcp", "udp", and with 4 or 6). Names of the network's hosts resolve from the
// topology, IPv4 first; no other name does, and the machine's resolver is never asked.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	panic("stub")
}

// Do runs f on a thread inside the host's network namespace. The thread is f's own: goroutines that f starts do not run
// in the namespace, sockets that f opens stay in it.
func (h *Host) Do(f func() error) error { panic("stub") }

// WaitListen returns nil once a TCP socket listens on port inside the host. The deadline is ctx's.
func (h *Host) WaitListen(ctx context.Context, port uint16) error { panic("stub") }

// WaitQuiet returns nil once the host has no TCP socket with that local or remote port, apart from those that listen
// and those in TIME_WAIT: all that was sent was acknowledged, and both sides have closed. The deadline is ctx's.
func (h *Host) WaitQuiet(ctx context.Context, port uint16) error { panic("stub") }

// Capture records what passes at the host's interface ifname (empty: the first one) to w, until it is stopped.
// When it returns, the capture sees every packet from here on. A sender at the interface's far end is made and added to
// o.Far, so that Stop is a barrier for both directions; its lifetime is the network's.
func (h *Host) Capture(ctx context.Context, ifname string, w io.Writer, o capture.Options) (*capture.Capture, error) {
	panic("stub")
}
