package scenarios

import (
	"sync"
	"testing"
	"time"
)

// jobsOfTests is how many tests run at once where -parallel does not say. It is more than DefaultJobs, as their transfers are
// shorter than a user's: more of their time goes by until the kernel has made and removed their networks, one after the other.
const jobsOfTests = 14

// room is for the tests that run at once. It opens when the tests that run alone are over: by then all others have asked, and who waits
// longest is known. (One that takes ten seconds and is the last to ask would have the processors stand still.)
var room struct {
	places
	jobs int
	once sync.Once
}

func openRoom() { room.once.Do(func() { room.open(room.jobs) }) }

// takePlace makes a test one of those that run in parallel: it goes on when it has a place among them. Those that wait longest for
// other things than a processor, roughly so long, come first, and what go test says of their time has the waiting in it.
func takePlace(t *testing.T, waits time.Duration) {
	t.Helper()
	place := room.ask(waits)
	t.Cleanup(place.leave)
	t.Parallel()
	openRoom()
	<-place.taken
}

// A subtest is one of those that inParallel runs. It waits roughly so long for other things than a processor.
type subtest struct {
	name  string
	waits time.Duration
	run   func(t *testing.T)
}

// inParallel is takePlace for each of a test's subtests, and runs them. The test takes no place itself.
func inParallel(t *testing.T, all []subtest) {
	t.Helper()
	asked := make([]*place, len(all))
	for i, sub := range all {
		asked[i] = room.ask(sub.waits)
	}
	t.Parallel()
	openRoom()
	for i, sub := range all {
		selected := false
		t.Run(sub.name, func(t *testing.T) {
			selected = true
			t.Cleanup(asked[i].leave)
			t.Parallel()
			<-asked[i].taken
			sub.run(t)
		})
		if !selected { // by -run
			asked[i].leave()
		}
	}
}
