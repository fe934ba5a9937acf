package link

// order counts packets that arrive behind one that was sent after them. What an arrival is may be
// found out after others have arrived; it counts in its place all the same.
type order struct {
	queue     []int64 // from the first arrival that is not known: the number of its frame, or a mark
	first     int64   // ticket of queue[0]
	latest    int64   // the latest frame that has arrived, and 1
	reordered uint64
}

const (
	unknown = -1
	none    = -2 // nothing that has an order

	noTicket = -1 // of an arrival whose place is not known
)

// ticket gives the next arrival its place. It is redeemed by nothing or is, once.
func (o *order) ticket() int64 {
	o.queue = append(o.queue, unknown)
	return o.first + int64(len(o.queue)) - 1
}

func (o *order) nothing(ticket int64) { o.is(ticket, none) }

func (o *order) is(ticket, frame int64) {
	if ticket == noTicket {
		return
	}
	o.queue[ticket-o.first] = frame
	done := 0
	for done < len(o.queue) && o.queue[done] != unknown {
		switch f := o.queue[done]; {
		case f == none:
		case f+1 < o.latest:
			o.reordered++
		default:
			o.latest = f + 1
		}
		done++
	}
	o.first += int64(done)
	if done == len(o.queue) {
		o.queue = o.queue[:0]
	} else {
		o.queue = o.queue[done:]
	}
}
