package harness

// Offload says whether hosts may hand the kernel frames larger than the wire's.
type Offload int

const (
	// OffloadOff turns segmentation (tso, gso), gro and transmit checksum offload off, at hosts and at the switch ends
	// they are linked to: what a capture shows is what a wire would carry, at most 1514 bytes for each frame.
	OffloadOff Offload = iota
	// OffloadOn leaves the kernel's defaults: frames of up to 64 KiB and unfinished checksums in captures, and several
	// times the throughput.
	OffloadOn
)

// Options say how a topology is brought up. The zero value, and a nil *Options, are good defaults.
type Options struct {
	// Offload of all hosts. Zero: OffloadOff.
	Offload Offload
	// Congestion is the TCP congestion control of all hosts, by the kernel's name ("cubic", "reno", "bbr"). Empty: cubic,
	// whatever the machine's own default is.
	Congestion string
	// OneProcessor keeps the network's packets, and the programs that Host.Command starts, to one processor: that which
	// the fewest networks of this program keep to. All packets then keep their order, and networks that run at once disturb each
	// other least: the lockstep parts take a fifth less processor time. Zero: all processors, where the packets of one flow keep their order and
	// a single transfer is the fastest. (The user engine's own threads run anywhere.)
	OneProcessor bool
	// Engine of all links. Zero: chosen by what each asks for, see EngineAuto. A link that asks for nothing is a plain veth
	// pair, unless the engine is EngineBPF (it counts) or EngineUser.
	Engine Engine
	// Engines of single links, by name ("h1-s1", and "h1-s1#2" for a second link between the same two), in place of Engine.
	Engines map[string]Engine
}
