package series

// A direction is one of the two streams of a connection while it is read.
type direction struct {
	started bool
	seq     uint32 // sequence number of offset next
	next    int64  // behind the highest byte seen
	holes   []Span // below next, never seen; in order
	fin     int64  // offset of the FIN, -1: none

	flying []flight // segments with data that wait for their acknowledgement
}

// A flight is a segment on its way.
type flight struct {
	end  int64
	time int64 // 0: it was sent again, so that its acknowledgement tells nothing (Karn's algorithm, RFC 6298, 3)
}

// Bounds on what a connection can make the reader keep.
const (
	maxHoles  = 256
	maxFlying = 4096
)

// start says which sequence number has offset 0.
func (d *direction) start(seq uint32) {
	*d = direction{started: true, seq: seq, fin: -1}
}

// offset is where a sequence number lies in the stream: within 2 GB of the highest seen.
func (d *direction) offset(seq uint32) int64 { return d.next + int64(int32(seq-d.seq)) }

// take takes the data [off, end), and says whether some of it had been seen before.
func (d *direction) take(off, end int64) (again bool) {
	if off >= d.next {
		if off > d.next {
			d.lack(Span{d.next, off})
		}
		d.seq += uint32(end - d.next)
		d.next = end
		return false
	}
	below := Span{off, min(end, d.next)}
	again = d.fill(below) < below.High-below.Low
	if end > d.next {
		d.seq += uint32(end - d.next)
		d.next = end
	}
	return again
}

func (d *direction) lack(s Span) {
	if len(d.holes) == maxHoles {
		d.holes = d.holes[:copy(d.holes, d.holes[1:])]
	}
	d.holes = append(d.holes, s)
}

// fill takes s out of the holes and returns how many of its bytes lay in them.
func (d *direction) fill(s Span) (filled int64) {
	for i := 0; i < len(d.holes); i++ {
		h := d.holes[i]
		low, high := max(h.Low, s.Low), min(h.High, s.High)
		if low >= high {
			continue
		}
		filled += high - low
		before, after := Span{h.Low, low}, Span{high, h.High}
		switch {
		case before.Empty() && after.Empty():
			d.holes = append(d.holes[:i], d.holes[i+1:]...)
			i--
		case before.Empty():
			d.holes[i] = after
		case after.Empty() || len(d.holes) == maxHoles:
			d.holes[i] = before
		default:
			d.holes = append(d.holes, Span{})
			copy(d.holes[i+1:], d.holes[i:])
			d.holes[i], d.holes[i+1] = before, after
			i++
		}
	}
	return filled
}

// left notes that a segment with data was sent.
func (d *direction) left(off, end, time int64, again bool) {
	if again {
		for i := len(d.flying) - 1; i >= 0 && d.flying[i].end > off; i-- {
			d.flying[i].time = 0
		}
		return
	}
	if len(d.flying) < maxFlying && (len(d.flying) == 0 || d.flying[len(d.flying)-1].end < end) {
		d.flying = append(d.flying, flight{end, time})
	}
}

// acked returns when the newest of the segments that an acknowledgement covers was sent, 0 where that tells nothing.
func (d *direction) acked(off int64) (sent int64) {
	n := 0
	for n < len(d.flying) && d.flying[n].end <= off {
		sent = d.flying[n].time
		n++
	}
	if n > 0 {
		d.flying = d.flying[:copy(d.flying, d.flying[n:])]
	}
	return sent
}
