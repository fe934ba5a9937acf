package link

// Counters are what the engine of a link counted in one direction. The zero Counters say that
// nothing is known.
type Counters struct {
	Engine string // "user", "bpf", "htb", "netem", "none"; zero: no engine told anything

	// Packets that count and came in: the next packet's number. Zero: not known.
	Packets uint64
	// In and Out count all packets, also those that do not count (and marker frames of captures,
	// which no capture shows).
	In, Out uint64

	Lost       Lost
	Duplicated uint64 // packets delivered a second time
	Corrupted  uint64
	Reordered  uint64 // packets that skipped the delay
	InFlight   uint64 // packets on the way when the counters were read

	// Faults is what the engine did wrong by its own account, besides packets lost by it
	// (Lost.Engine): a sentence, or empty.
	Faults string

	// Exact says that each figure is of single packets of the wire, and counted over exactly the
	// time of the captures. False where offloaded frames count as one, or where the counters are
	// older than the captures.
	Exact bool

	// Place is where the engine acts, as the captures see it. Zero: Between.
	Place Place
}

// Lost counts lost packets by cause.
type Lost struct {
	Chance uint64 // independent loss, and bursts
	Listed uint64 // a filter named it
	Queue  uint64 // the queue was full
	Down   uint64 // the link was down
	MTU    uint64 // longer than the link takes
	Engine uint64 // the engine's own fault: it could not keep up
}

// Total is the sum over all causes.
func (l Lost) Total() uint64 { return l.Chance + l.Listed + l.others() }

// others is what neither chance nor a filter lost.
func (l Lost) others() uint64 { return l.Queue + l.Down + l.MTU + l.Engine }

// Place is where an engine acts.
type Place int

const (
	// Between the two captures: all that it does is seen.
	Between Place = iota
	// Before the sending capture: a queueing discipline or an egress hook of the sending interface.
	Before
	// Behind the receiving capture: an ingress hook of the receiving interface.
	Behind
)

// String says where that is.
func (p Place) String() string {
	switch p {
	case Before:
		return "before the sending capture"
	case Behind:
		return "behind the receiving capture"
	}
	return "between the captures"
}
