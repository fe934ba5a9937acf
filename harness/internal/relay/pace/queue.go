package pace

// A Queue is what waits for a transmitter: only the numbers, in order. The zero value is empty.
type Queue struct {
	ring  []waiting // of a length that is a power of two
	head  int
	n     int
	bytes int
}

type waiting struct {
	begin int64 // leaves the queue
	bytes int32
}

// At forgets what has left by time now, and returns what waits.
func (q *Queue) At(now int64) (packets, bytes int) {
	for q.n > 0 {
		w := &q.ring[q.head&(len(q.ring)-1)]
		if w.begin > now {
			break
		}
		q.bytes -= int(w.bytes)
		q.head++
		q.n--
	}
	return q.n, q.bytes
}

// Push adds a packet that leaves the queue at begin, not before the one pushed before it.
func (q *Queue) Push(begin int64, bytes int) {
	if q.n == len(q.ring) {
		grown := make([]waiting, max(64, 2*q.n))
		for i := range q.n {
			grown[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
		}
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = waiting{begin, int32(bytes)}
	q.n++
	q.bytes += bytes
}

// Reset empties the queue.
func (q *Queue) Reset() { q.head, q.n, q.bytes = 0, 0, 0 }
