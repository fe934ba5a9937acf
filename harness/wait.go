package harness

import (
	"context"
	"fmt"

	"github.com/wireproof/wireproof/harness/internal/rtnl"
)

// WaitListen returns nil once a TCP socket listens on port inside the host. The deadline is ctx's.
func (h *Host) WaitListen(ctx context.Context, port uint16) error {
	err := h.waitTCP(ctx, 1<<rtnl.TCPListen, func(all []rtnl.Socket) error {
		for _, s := range all {
			if s.Local.Port() == port {
				return nil
			}
		}
		return fmt.Errorf("nothing listens")
	})
	if err != nil {
		return fmt.Errorf("host %s: wait for a listener on port %d: %w", h.name, port, err)
	}
	return nil
}

// WaitQuiet returns nil once the host has no TCP socket with that local or remote port, apart from those that listen
// and those in TIME_WAIT: all that was sent was acknowledged, and both sides have closed. The deadline is ctx's.
func (h *Host) WaitQuiet(ctx context.Context, port uint16) error {
	err := h.waitTCP(ctx, rtnl.TCPAll&^(1<<rtnl.TCPListen|1<<rtnl.TCPTimeWait), func(all []rtnl.Socket) error {
		for _, s := range all {
			if s.Local.Port() == port || s.Remote.Port() == port {
				return fmt.Errorf("%s to %s is %s", s.Local, s.Remote, s.StateName())
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("host %s: wait for quiet on port %d: %w", h.name, port, err)
	}
	return nil
}

// waitTCP asks for the host's TCP sockets in these states until ready says nil.
func (h *Host) waitTCP(ctx context.Context, states uint32, ready func([]rtnl.Socket) error) error {
	var diag *rtnl.Conn
	err := h.do(func() (err error) {
		diag, err = rtnl.OpenDiag()
		return err
	})
	if err != nil {
		return err
	}
	defer diag.Close()
	return h.n.poll(ctx, func() error {
		all, err := diag.TCP(states)
		if err != nil {
			return fatal{err}
		}
		return ready(all)
	})
}
