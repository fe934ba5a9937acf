package capture

var (
	IsMarker  = isMarker
	PutMarker = putMarker
)

type BarrierID = barrierID

// Abort ends a capture without its barrier, as one that trusts its drop counter would.
func (c *Capture) Abort() {
	c.finish()
	<-c.done
}

// Wait waits until the reader has released everything.
func (c *Capture) Wait() { <-c.done }
