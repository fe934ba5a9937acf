package link

// frame is one that was sent.
type frame struct {
	print  uint64
	next   int64  // the next with this fingerprint
	index  uint64 // of a packet that counts
	time   int64
	length int32
	counts bool
	came   bool // arrived
}

// chain is the frames with one fingerprint, in the order in which they were sent. They arrive in that
// order too, as far as anyone can tell.
type chain struct {
	first int64 // the first that has not arrived; none: noFrame
	last  int64
	live  int32 // how many the window holds
}

const noFrame = -1

// window is the last frames that were sent, by number in order of sending. It allocates what
// it needs up to its size, and no more.
type window struct {
	ring   []frame
	size   int64
	oldest int64 // numbers from oldest to next-1 are held
	next   int64
	chains map[uint64]chain
}

func newWindow(size int) *window {
	return &window{size: int64(size), chains: make(map[uint64]chain)}
}

func (w *window) at(n int64) *frame { return &w.ring[n%w.size] }

// full reports whether push would overwrite the oldest frame, which pop gives.
func (w *window) full() bool { return w.next-w.oldest == w.size }

func (w *window) push(f frame) {
	n := w.next
	w.next++
	f.next = noFrame
	if int64(len(w.ring)) <= n%w.size {
		w.ring = append(w.ring, f)
	} else {
		*w.at(n) = f
	}
	c, ok := w.chains[f.print]
	if ok {
		w.at(c.last).next = n
		if c.first == noFrame {
			c.first = n
		}
	} else {
		c.first = n
	}
	c.last = n
	c.live++
	w.chains[f.print] = c
}

// pop takes the oldest frame out.
func (w *window) pop() *frame {
	f := w.at(w.oldest)
	c := w.chains[f.print]
	switch c.live--; {
	case c.live == 0:
		delete(w.chains, f.print)
	default:
		if c.first == w.oldest {
			c.first = f.next
		}
		w.chains[f.print] = c
	}
	w.oldest++
	return f
}

// waiting returns the number of the first frame with this fingerprint and length that has not
// arrived; or, with came, the last that has.
func (w *window) waiting(print uint64, length int) (n int64, came, ok bool) {
	c, ok := w.chains[print]
	if !ok {
		return noFrame, false, false
	}
	n = c.first
	if came = n == noFrame; came {
		n = c.last
	}
	return n, came, w.at(n).length == int32(length)
}

// arrive notes that the frame that waiting returned has arrived.
func (w *window) arrive(n int64) *frame {
	f := w.at(n)
	f.came = true
	c := w.chains[f.print]
	c.first = f.next
	w.chains[f.print] = c
	return f
}
