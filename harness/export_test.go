package harness

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// PortStates are the states of all switch ports, by interface name.
func PortStates(n *Network) (map[string]string, error) {
	states := make(map[string]string)
	for _, nd := range n.order {
		if !nd.isSwitch {
			continue
		}
		links, err := nd.rt.Links()
		if err != nil {
			return nil, err
		}
		for _, l := range links {
			if l.Index >= firstIndex {
				states[l.Name] = l.Port.String()
			}
		}
	}
	return states, nil
}

// Congestion is the congestion control of a connection.
func Congestion(t testing.TB, c *net.TCPConn) (name string) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// InSwitch runs f on a thread inside a switch's network namespace.
func InSwitch(n *Network, name string, f func() error) error { return n.in(n.nodes[name], f) }
