package harness

import "context"

// A Link is a veth pair between two nodes of a network.
type Link struct{}

// Name is the link's name, "h1-s1".
func (l *Link) Name() string { panic("stub") }

// Down takes the link down, at both ends. Addresses stay; routes through it are gone until Up.
func (l *Link) Down(ctx context.Context) error { panic("stub") }

// Up takes the link up again, at both ends, and returns once both have carrier. Switch ports may take the spanning
// tree's time to forward again: Network.WaitForwarding waits for that.
func (l *Link) Up(ctx context.Context) error { panic("stub") }

// Stats are the kernel's counters at both ends.
func (l *Link) Stats() (LinkStats, error) { panic("stub") }

// LinkStats are counters of a link's two ends, A's and B's as the topology names them.
type LinkStats struct{ A, B EndStats }

// EndStats are the counters of one interface, since it was made.
type EndStats struct {
	Interface            string // "h1-eth0"
	TxPackets, TxBytes   uint64
	RxPackets, RxBytes   uint64
	TxDropped, RxDropped uint64
	TxErrors, RxErrors   uint64
	Engine               string // what carries the sending direction: "none", "htb"
	Qdisc                QdiscStats
}

// QdiscStats are the counters of an interface's root queueing discipline (zero where there is none).
type QdiscStats struct {
	Kind           string // "htb", "noqueue"
	Packets, Bytes uint64 // sent
	Drops          uint64 // packets dropped by the queue
	Overlimits     uint64 // times a packet had to wait
	Requeues       uint64
	Backlog        uint64 // bytes waiting now
	Queued         uint64 // packets waiting now
}
