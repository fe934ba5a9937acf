package relay

import (
	"encoding/binary"
	"testing"
)

// ring is the memory of stamps, written as the program in the kernel does.
type ring struct {
	stamps
	count uint64
}

func newRing() *ring { return &ring{stamps: stamps{mem: make([]byte, stampBytes), offset: 1000}} }

// write has the program write when it saw frame n.
func (r *ring) write(n uint64, at int64) {
	binary.NativeEndian.PutUint64(r.mem[slotsAt+8*(n%stampSlots):], uint64(at+r.offset)<<stampRound|(n/stampSlots+1)&roundMask)
}

// see has the program see a frame at a time of the thread's clock.
func (r *ring) see(at int64) {
	r.write(r.count, at)
	r.count++
	binary.NativeEndian.PutUint64(r.mem, r.count)
}

func (r *ring) want(t *testing.T, now, at int64) {
	t.Helper()
	if got, ok := r.frame(now); !ok || got != at {
		t.Errorf("frame %d came at %d, %v; want %d", r.read-1, got, ok, at)
	}
}

func (r *ring) wantNone(t *testing.T, now int64) {
	t.Helper()
	if got, ok := r.frame(now); ok {
		t.Errorf("frame %d came at %d; want none", r.read-1, got)
	}
}

func TestStampsInOrder(t *testing.T) {
	r := newRing()
	for i := range int64(3 * stampSlots) {
		r.see(10 * i)
		r.see(10*i + 1)
		r.want(t, 10*i+5, 10*i)
		r.want(t, 10*i+5, 10*i+1)
	}
	r.see(100_000_000)
	r.want(t, 99_999_990, 99_999_990) // never in the future
}

// Of as many frames as the device's ring holds every one's time is known, and one that was written over is not.
func TestStampsOfALongBacklog(t *testing.T) {
	r := newRing()
	for round := range int64(3) {
		for i := range int64(TXQueueLen) {
			r.see(1e7*round + i)
		}
		for i := range int64(TXQueueLen) {
			r.want(t, 1e7*(round+1), 1e7*round+i)
		}
	}
	r.see(4e7)
	r.write(r.count-1+stampSlots, 5e7)
	r.wantNone(t, 6e7)
}

// A ring that may have been full lost frames, and no later one is to have the time of a lost one, until it has been empty for long.
func TestStampsOfAFullRing(t *testing.T) {
	r := newRing()
	for i := range int64(TXQueueLen + 1) {
		r.see(i)
	}
	r.wantNone(t, 1e6)
	r.see(1e6)
	r.wantNone(t, 1e6)
	seen := r.before()
	r.none(1e6+unsure-1, seen) // the last may be on its way
	r.see(2e7)
	r.wantNone(t, 2e7)
	seen = r.before()
	r.none(2e7+unsure+1, seen)
	r.see(4e7)
	r.want(t, 4e7+1, 4e7)
}

// Frames that were dropped between the program and the ring give their times to nobody.
func TestStampsOfDroppedFrames(t *testing.T) {
	r := newRing()
	r.see(1e6)
	r.see(1e6 + 1)
	r.want(t, 2e6, 1e6)
	r.none(2e6, r.before()) // the second never came
	r.see(3e6)
	r.see(3e6 + 1)
	r.want(t, 3e6+2, 3e6)
	r.want(t, 3e6+2, 3e6+1)
}

// A frame that the ring got late was handed over before it was found empty.
func TestStampsOfALateFrame(t *testing.T) {
	r := newRing()
	r.see(1e6)
	r.none(2e6, r.before())
	r.want(t, 3e6, 2e6-slack)
}

// A frame that the ring got late, when the program had seen the next one, leaves no doubt about those that follow.
func TestStampsOfALateFrameAndTheNext(t *testing.T) {
	r := newRing()
	r.see(1e6)
	r.none(1e6+2*slack, r.before())
	r.see(1e6 + 3*slack)
	r.want(t, 1e6+4*slack, 1e6+3*slack) // it or the next: rather late than early
	r.want(t, 1e6+4*slack, 1e6+3*slack)
	r.none(1e6+5*slack, r.before())
	for i := range int64(10) {
		r.see(2e6 + i)
		r.want(t, 3e6, 2e6+i)
	}
}

// A frame that the program has counted, and whose time it has not written yet, is not taken for an old one.
func TestStampsThatAreBeingWritten(t *testing.T) {
	r := newRing()
	for round := range int64(20) {
		for i := range int64(stampSlots) {
			r.see(1e7*round + i)
			r.want(t, 1e7*(round+1), 1e7*round+i)
		}
		now := 1e7*(round+1) - 10
		r.count++
		binary.NativeEndian.PutUint64(r.mem, r.count) // and is taken away here
		r.none(now, r.before())
		r.wantNone(t, now+1)
		r.read--
		r.write(r.count-1, now)
		r.want(t, now+1, now)
	}
}

// A thread that is taken away after it has found nothing gives what came meanwhile its own time.
func TestStampsOfAThreadThatIsTakenAway(t *testing.T) {
	r := newRing()
	seen := r.before()
	r.see(3e6)
	r.see(4e6)
	r.none(1e6, seen) // the read was at 1e6, and it is 9e6 now
	r.want(t, 9e6, 3e6)
	r.want(t, 9e6, 4e6)
}
