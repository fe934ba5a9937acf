package relay

import "testing"

// A bypass has given the engine frames, which it may have read or not: the program in the kernel is told that all is settled only
// when it has read all, or the rest cannot be on its way any more.
func TestSettle(t *testing.T) {
	b := &bypass{mem: make([]byte, memSize)}
	step := func(now int64, given, taken uint64, settled bool) {
		t.Helper()
		*b.word(memGiven) = given
		b.taken = taken
		b.settle(now)
		if got := b.load(memSettled) == given; got != settled {
			t.Errorf("at %d, %d given and %d read: settled %v, want %v (%+v)", now, given, taken, got, settled, b)
		}
	}
	step(0, 0, 0, true)
	step(10, 5, 3, false)
	step(20, 5, 5, true)
	// Two are lost on the way, and it takes until nothing has changed for long.
	step(30, 9, 7, false)
	step(40, 11, 9, false)
	step(30+forgotten-1, 12, 10, false)
	step(30+forgotten, 12, 10, true)
	if b.taken != 12 {
		t.Errorf("%d read", b.taken)
	}
	// What came before the program was there is read, and was never given.
	step(2*forgotten, 12, 13, true)
	step(3*forgotten, 12, 13, true)
	if b.taken != 12 {
		t.Errorf("%d read", b.taken)
	}
	// A gap that grows is a new one.
	step(4*forgotten, 20, 19, false)
	step(5*forgotten-1, 21, 19, false)
	step(5*forgotten, 21, 19, false)
	step(6*forgotten, 21, 19, true)
}
