package relay

// Options of an engine. The zero value is good.
type Options struct {
	// Threads is the number of engine threads; links are spread over them. Zero: one, which is best up to a dozen links
	// on two processors.
	Threads int
	// Class wanted for the threads. Zero: the best that is permitted.
	Class Class
	// LineBytes bounds the memory of the packets in flight, for each direction. What exceeds it is dropped as the
	// engine's fault. Zero: 256 MiB.
	LineBytes int
	// DropLog is the number of drops logged for each direction and cause; later ones are only counted. Zero: 4096.
	DropLog int
}

// A Class is a scheduling class of the kernel.
type Class int

// The classes.
const (
	ClassAuto     Class = iota // ClassDeadline, or what comes nearest to it
	ClassDeadline              // SCHED_DEADLINE or an error
	ClassOther                 // SCHED_OTHER, at nice -20 where permitted
	ClassPlain                 // SCHED_OTHER as the process has it
)

// An Engine carries frames between ends on threads of its own. Its methods may be called from any goroutine.
type Engine struct{}

// New starts an engine. It must be closed.
func New(o Options) (*Engine, error) { panic("stub") }

// Join makes a link of two ends and starts to carry frames. The ends belong to the engine from here, also where Join
// fails: it closes them.
func (e *Engine) Join(a, b End, ab, ba Config) (*Link, error) { panic("stub") }

// Close ends all links, waits for the threads and closes everything that the engine owns. It may be called again.
func (e *Engine) Close() error { panic("stub") }
