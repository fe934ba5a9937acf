package pace

import (
	"math"
	"slices"
)

// A Line holds what is on the way, and gives it out in the order in which it is due; what is due at the same time, in the
// order in which it came. It is a ring as long as everything is due in the order in which it comes, and a heap from the
// first item that is not until it is empty. The zero value is empty.
type Line[T any] struct {
	slots  []slot[T] // the ring, of a length that is a power of two; or the heap
	head   int
	n      int
	heaped bool
	seq    uint64
}

type slot[T any] struct {
	due int64
	seq uint64
	v   T
}

// Never is the due time of nothing.
const Never = math.MaxInt64

// Len is the number of items.
func (l *Line[T]) Len() int { return l.n }

// Next is when the next item is due, or Never.
func (l *Line[T]) Next() int64 {
	if l.n == 0 {
		return Never
	}
	if l.heaped {
		return l.slots[0].due
	}
	return l.slots[l.head&(len(l.slots)-1)].due
}

// First is the item that is due next. There must be one.
func (l *Line[T]) First() *T {
	if l.heaped {
		return &l.slots[0].v
	}
	return &l.slots[l.head&(len(l.slots)-1)].v
}

// Last is the item pushed last and its due time, both of which the caller may change, the time only to a later one; nil
// where there is none, or where order was lost.
func (l *Line[T]) Last() (v *T, due *int64) {
	if l.n == 0 || l.heaped {
		return nil, nil
	}
	s := &l.slots[(l.head+l.n-1)&(len(l.slots)-1)]
	return &s.v, &s.due
}

// Push adds an item.
func (l *Line[T]) Push(due int64, v T) {
	if l.n == 0 {
		l.heaped, l.head = false, 0
	}
	l.seq++
	s := slot[T]{due, l.seq, v}
	if !l.heaped {
		if _, last := l.Last(); last != nil && due < *last {
			l.heap()
		}
	}
	if l.heaped {
		l.up(s)
		return
	}
	if l.n == len(l.slots) {
		l.slots = l.straight(max(16, 2*l.n))
		l.head = 0
	}
	l.slots[(l.head+l.n)&(len(l.slots)-1)] = s
	l.n++
}

// Pop takes out the item that is due first. There must be one.
func (l *Line[T]) Pop() (due int64, v T) {
	if l.heaped {
		return l.down()
	}
	s := &l.slots[l.head&(len(l.slots)-1)]
	due, v = s.due, s.v
	var zero T
	s.v = zero
	l.head++
	l.n--
	return due, v
}

// straight returns the ring's items from index 0 on, in a slice of length size.
func (l *Line[T]) straight(size int) []slot[T] {
	s := make([]slot[T], size)
	for i := range l.n {
		s[i] = l.slots[(l.head+i)&(len(l.slots)-1)]
	}
	return s
}

// heap turns the ring into a heap: what is sorted is one already.
func (l *Line[T]) heap() {
	l.slots = l.straight(max(16, len(l.slots)))
	l.head, l.heaped = 0, true
}

func (s *slot[T]) before(o *slot[T]) bool {
	return s.due < o.due || s.due == o.due && s.seq < o.seq
}

func (l *Line[T]) up(s slot[T]) {
	if l.n == len(l.slots) {
		l.slots = slices.Grow(l.slots, l.n)[:2*l.n] // a power of two, for the ring that follows
	}
	i := l.n
	l.n++
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(&l.slots[parent]) {
			break
		}
		l.slots[i] = l.slots[parent]
		i = parent
	}
	l.slots[i] = s
}

func (l *Line[T]) down() (due int64, v T) {
	due, v = l.slots[0].due, l.slots[0].v
	l.n--
	s := l.slots[l.n]
	l.slots[l.n] = slot[T]{}
	if l.n == 0 {
		return due, v
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= l.n {
			break
		}
		if child+1 < l.n && l.slots[child+1].before(&l.slots[child]) {
			child++
		}
		if !l.slots[child].before(&s) {
			break
		}
		l.slots[i] = l.slots[child]
		i = child
	}
	l.slots[i] = s
	return due, v
}

// Each calls f for each item in the order of the pushes, and empties the line.
func (l *Line[T]) Each(f func(due int64, v T)) {
	all := l.slots[:l.n]
	if !l.heaped {
		all = l.straight(l.n)
	} else {
		all = slices.Clone(all)
		slices.SortFunc(all, func(a, b slot[T]) int {
			if a.seq < b.seq {
				return -1
			}
			return 1
		})
	}
	clear(l.slots)
	l.n, l.head, l.heaped = 0, 0, false
	for i := range all {
		f(all[i].due, all[i].v)
	}
}
