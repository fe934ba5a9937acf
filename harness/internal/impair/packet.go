package impair

import "time"

// A Packet is one wire packet of one direction of a link, as the engine met it.
type Packet struct {
	// Frame is the Ethernet frame, or as much of its beginning as holds the headers,
	// with the lengths and flags of this packet. It is read during Decide and not kept.
	Frame []byte
	// Len is the length of the whole frame in bytes, Ethernet header included.
	Len int
	// Index counts the packets of this direction that Counted is true of, from 0.
	Index uint64
	// IP says that the packet was counted. Impairments act on counted packets alone:
	// neighbours are asked for whenever a cache runs out, and a draw spent on such a
	// frame would shift every later one.
	IP bool
}

// A Decision says what happens to one packet. Its fields are those of the relay's
// Decision, so that one converts to the other.
type Decision struct {
	Drop      bool          // lost; the other fields but Listed are as in Pass then
	Listed    bool          // with Drop: because a filter named it
	Duplicate bool          // delivered twice
	Reorder   bool          // delivered without the delay, past those that wait, as netem does
	Corrupt   int           // bit to invert, counted from the first of the network header; -1: none
	Extra     time.Duration // jitter, added to the delay; never below -Config.Delay
}

// Pass is the decision that does nothing.
var Pass = Decision{Corrupt: -1}
