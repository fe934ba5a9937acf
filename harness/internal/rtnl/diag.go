package rtnl

import (
	"encoding/binary"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TCP states of include/net/tcp_states.h that the harness asks about.
const (
	TCPTimeWait = 6
	TCPListen   = 10
	// TCPAll has a bit for each state, TCP_ESTABLISHED (1) to TCP_NEW_SYN_RECV (12).
	TCPAll = 1<<13 - 2
)

// A Socket is a TCP socket of the namespace.
type Socket struct {
	State         uint8
	Local, Remote netip.AddrPort
}

// OpenDiag opens a sock_diag socket in the calling thread's network namespace.
func OpenDiag() (*Conn, error) {
	return open(unix.NETLINK_SOCK_DIAG, "open sock_diag socket", "inet_diag")
}

// TCP lists the TCP sockets of both families in the states of the bit mask. For a Conn of OpenDiag.
func (c *Conn) TCP(states uint32) ([]Socket, error) {
	var all []Socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
		req.AddRawData(diagRequest(family, states))
		var found []Socket
		op := Op{what: "list TCP sockets", feature: "tcp_diag", req: req}
		err := c.dump(op, func() { found = nil }, func(_ uint16, b []byte) error {
			if s, ok := parseSocket(b); ok {
				found = append(found, s)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// diagRequest is struct inet_diag_req_v2 (linux/inet_diag.h) that asks for all sockets.
func diagRequest(family uint8, states uint32) []byte {
	b := make([]byte, 56)
	b[0], b[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], states)
	return b
}

// parseSocket reads the head of struct inet_diag_msg.
func parseSocket(b []byte) (Socket, bool) {
	if len(b) < 72 {
		return Socket{}, false
	}
	addr := func(a, port []byte) netip.AddrPort {
		ip := netip.AddrFrom4([4]byte(a))
		if b[0] == unix.AF_INET6 {
			ip = netip.AddrFrom16([16]byte(a)).Unmap()
		}
		return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port))
	}
	return Socket{State: b[1], Local: addr(b[8:24], b[4:6]), Remote: addr(b[24:40], b[6:8])}, true
}

// StateName is the state's name as ss(8) writes it.
func (s Socket) StateName() string {
	names := [...]string{1: "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
		"CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "NEW-SYN-RECV"}
	if int(s.State) < len(names) {
		return names[s.State]
	}
	return "UNKNOWN"
}
