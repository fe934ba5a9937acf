package capture

import "errors"

var (
	// ErrNoInterface says that there is no such interface, or no longer.
	ErrNoInterface = errors.New("no such interface")
	// ErrNotEthernet says that the interface does not carry Ethernet frames.
	ErrNotEthernet = errors.New("not an Ethernet interface")
	// ErrDown says that the interface is down, or has no carrier, so that no marker
	// can pass.
	ErrDown = errors.New("interface is down")
	// ErrBarrier says that Start's marker did not come back.
	ErrBarrier = errors.New("no marker frame came through the ring")
)
