package relay

import "errors"

// Sentinels.
var (
	// ErrClosed: the engine or the link was closed.
	ErrClosed = errors.New("relay is closed")
	// ErrNoTUN: /dev/net/tun cannot be used here. A veth pair and OpenPacket do the same.
	ErrNoTUN = errors.New("no use of /dev/net/tun")
	// ErrGone: the device of an end was deleted.
	ErrGone = errors.New("interface is gone")
)
