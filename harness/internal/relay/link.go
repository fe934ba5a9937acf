package relay

// A Link is two ends joined. Its methods may be called from any goroutine while frames travel; each takes effect between
// two frames.
type Link struct{}

// Set replaces the parameters of one or both directions in one step; nil leaves a direction as it is. Packets on their
// way keep the time at which they arrive; those that still wait in the queue are sent as the new parameters say.
// Nothing is lost (a shorter queue limit drops only newcomers) or passes twice, and a shorter delay lets no packet overtake
// those on their way. Indices go on; a Decider is replaced by the new one.
func (l *Link) Set(ab, ba *Config) error { panic("stub") }

// Down cuts the link: frames sent from now on are lost and counted. Those on their way arrive. Down and Up may be repeated.
func (l *Link) Down() error { panic("stub") }

// Up ends Down.
func (l *Link) Up() error { panic("stub") }

// DropNext loses the next packet, of either direction, for which match says true. It is counted as List, and sent on the
// channel, which is closed without it when the link ends first. Several may wait at a time; each packet is shown to them in
// the order of the calls. match is called from the engine's thread: see Decider.
func (l *Link) DropNext(match func(*Packet) bool) (<-chan Drop, error) { panic("stub") }

// Stats returns the link's figures, after Close the last ones.
func (l *Link) Stats() (Stats, error) { panic("stub") }

// Drops returns the log of lost packets of one direction, in the order in which they were lost.
func (l *Link) Drops(d Direction) ([]Drop, error) { panic("stub") }

// Close ends the link and closes its ends. Packets on their way are lost. It may be called again.
func (l *Link) Close() error { panic("stub") }
