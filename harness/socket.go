package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/vishvananda/netns"

	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
)

// Listen opens a listener inside the host. network is "tcp", "tcp4" or "tcp6"; the address is host:port, where the host
// part may be empty or the name of a host of the network. The listener is a plain *net.TCPListener, may be used from
// anywhere, and is closed by Network.Close at the latest.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	probeFamilies()
	var l net.Listener
	err := h.open(ctx, "listen", network, address, true, func(ctx context.Context, network, address string) (err error) {
		var c net.ListenConfig
		c.SetMultipathTCP(false)
		l, err = c.Listen(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	if tcp, ok := l.(*net.TCPListener); ok {
		track(h.n, tcp)
	}
	return l, nil
}

// probeFamilies has the net package find out what the kernel can in a namespace with both families. It does so once for
// each process, at the first listener for all addresses (net/ipsock.go, ipStackCapabilities); in a network without IPv6 it
// would believe from then on that there is none, in a network that has it too. Where it fails, that is how it stays.
var probeFamilies = sync.OnceFunc(func() {
	_ = nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
		ns, err := unshare()
		if err != nil {
			return err
		}
		defer ns.Close()
		rt, err := rtnl.Open()
		if err != nil {
			return err
		}
		defer rt.Close()
		if err := rt.Do(rtnl.Up("lo", loIndex)); err != nil { // and it has ::1
			return err
		}
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return err
		}
		return l.Close()
	})
})

// ListenPacket opens a packet socket ("udp", "udp4", "udp6") inside the host. See Listen.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	probeFamilies()
	var p net.PacketConn
	err := h.open(ctx, "listen", network, address, true, func(ctx context.Context, network, address string) (err error) {
		p, err = new(net.ListenConfig).ListenPacket(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	if udp, ok := p.(*net.UDPConn); ok {
		track(h.n, udp)
	}
	return p, nil
}

// Dial connects from inside the host ("tcp", "udp", and with 4 or 6). Names of the network's hosts resolve from the
// topology, IPv4 first; no other name does, and the machine's resolver is never asked. The connection is closed by
// Network.Close at the latest.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	err := h.open(ctx, "dial", network, address, false, func(ctx context.Context, network, address string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	switch c := c.(type) {
	case *net.TCPConn:
		track(h.n, c)
	case *net.UDPConn:
		track(h.n, c)
	}
	return c, nil
}

// open calls f inside the host for each address that the host part of address stands for, until one works. f gets
// addresses without names: those the net package opens on the calling thread, without goroutines of its own.
func (h *Host) open(ctx context.Context, what, network, address string, empty bool, f func(ctx context.Context, network, address string) error) error {
	ctx, cancel := h.n.bind(ctx)
	defer cancel()
	err := h.unknown
	var to []string
	if err == nil {
		to, err = h.n.resolve(network, address, empty)
	}
	if err == nil {
		err = h.do(func() error {
			var errs []error
			for _, a := range to {
				err := f(ctx, network, a)
				if err == nil {
					return nil
				}
				errs = append(errs, err)
				if ctx.Err() != nil {
					break
				}
			}
			return errors.Join(errs...)
		})
		if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrClosed) {
			err = errors.Join(cause, err)
		}
	}
	if err != nil {
		return fmt.Errorf("host %s: %s %s %s: %w", h.name, what, network, address, err)
	}
	return nil
}

// resolve replaces the host part of address by what it stands for.
func (n *Network) resolve(network, address string, empty bool) ([]string, error) {
	family := ""
	switch network {
	case "tcp", "udp":
	case "tcp4", "udp4", "tcp6", "udp6":
		family = network[3:]
	default:
		return nil, fmt.Errorf("unknown network %q: use tcp or udp, with or without 4 or 6", network)
	}
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: write host:port", err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("port %q: use a number from 0 to 65535", port)
	}
	if name == "" && empty {
		return []string{address}, nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return []string{address}, nil
	}
	var known, to []string
	for _, h := range n.topo.Hosts {
		known = append(known, h.Name)
		if !strings.EqualFold(h.Name, name) {
			continue
		}
		host := n.hosts[h.Name]
		if family != "6" {
			to = append(to, net.JoinHostPort(host.Addr().String(), port))
		}
		if family != "4" && host.Addr6().IsValid() {
			to = append(to, net.JoinHostPort(host.Addr6().String(), port))
		}
	}
	if name == "localhost" {
		to = append(to, net.JoinHostPort(map[string]string{"": "127.0.0.1", "4": "127.0.0.1", "6": "::1"}[family], port))
	}
	if to == nil && family == "6" && !n.topo.IPv6 {
		return nil, fmt.Errorf("host %s has no IPv6 address: set Topo.IPv6", name)
	}
	if to == nil {
		return nil, &UnknownError{Kind: "host", Name: name, Known: known}
	}
	return to, nil
}

// track has Close close a socket that is still in use then: as long as it is open, its namespace lives. One that nobody
// uses any more is closed, and forgotten here, by the garbage collector.
func track[T any, P interface {
	*T
	io.Closer
}](n *Network, socket P) {
	w := weak.Make((*T)(socket))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets == nil {
		socket.Close()
		return
	}
	n.sockets[w] = func() {
		if s := w.Value(); s != nil {
			P(s).Close()
		}
	}
	runtime.AddCleanup((*T)(socket), func(w weak.Pointer[T]) {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.sockets, w)
	}, w)
}
