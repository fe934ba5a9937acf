package relay

// An End is one end of a link: OpenTAP and OpenPacket make them. It belongs to the engine once joined.
type End struct{}

// OpenTAP makes the TAP device name with the hardware address mac in the network namespace of the calling thread, and
// leaves it down, without addresses. The End may be used from any thread. The device lives until the End is closed.
// An error is ErrNoTUN where /dev/net/tun is missing or closed to us.
func OpenTAP(name string, mac []byte, mtu int) (End, error) { panic("stub") }

// OpenPacket takes over the interface name, one end of a veth pair, in the network namespace of the calling thread: what
// comes in there is what the end sends. The interface should be up, and have no addresses, IPv6 ones included.
func OpenPacket(name string) (End, error) { panic("stub") }

// Close closes an End that was not joined.
func (e End) Close() error { panic("stub") }
