package series

import "net/netip"

// Options says what [Read] keeps. The zero value is good.
type Options struct {
	// Server keeps only connections to this server, and tells the server where the handshake is not in the capture. A
	// zero address stands for any, a zero port for any; the zero value keeps everything.
	Server netip.AddrPort
	// Interface keeps only what was captured there, in a capture of several. "", or a name that the capture does not
	// have: everything, each connection as it is seen where its first packet is.
	Interface string
	// Bins is how many bins of time a connection has at most; an odd number counts as the even one below. Zero: 600.
	Bins int
	// Connections is how many are followed, those that begin first. Each takes up to 150 KB. Zero: 256.
	Connections int
	// Events is how many are listed for each connection, beside its handshake and its close. Zero: 200.
	Events int
}

const (
	defaultBins        = 600
	defaultConnections = 256
	defaultEvents      = 200
)

func (o Options) withDefaults() Options {
	if o.Bins <= 0 {
		o.Bins = defaultBins
	}
	o.Bins = max(o.Bins&^1, 2)
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Events <= 0 {
		o.Events = defaultEvents
	}
	return o
}
