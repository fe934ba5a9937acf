package link

import "time"

// Options say what Compare reads. The zero value reads captures of one interface each, from
// the link's first packet on.
type Options struct {
	// Name of the direction, for sentences: "h1>s1". Zero: "the link".
	Name string
	// SentInterface and ReceivedInterface are the interfaces to read, by their names in the
	// captures. Zero: all of the file, which is a problem if it has packets of several.
	SentInterface, ReceivedInterface string
	// First is the number of the first packet that counts in the sending capture. Zero: the
	// capture began before the link carried anything.
	First uint64
	// Window is how many frames that were sent are remembered, arrived or not. A frame that
	// arrives after so many others were sent is not recognised. Zero: DefaultWindow.
	Window int
	// Skew is how much earlier than it was sent, by the time stamps, a frame may arrive
	// and still be recognised. Zero: DefaultSkew.
	Skew time.Duration
}

const (
	// DefaultWindow holds one second of 1500-byte frames at 1.5 Gbit/s, in about 16 MB.
	DefaultWindow = 128 << 10
	// DefaultSkew is far more than the clocks of two processors of a machine differ by.
	DefaultSkew = 10 * time.Millisecond
	// MaxLost is how many numbers of lost packets are kept.
	MaxLost = 100_000
	// StampError is how far the time stamps of two captures on one machine are trusted to agree.
	StampError = 50 * time.Microsecond
)

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "the link"
	}
	if o.Window <= 0 {
		o.Window = DefaultWindow
	}
	if o.Skew <= 0 {
		o.Skew = DefaultSkew
	}
	return o
}
