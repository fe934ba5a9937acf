package scenarios

import (
	"slices"
	"testing"
	"time"
)

// A queue is asked for places before there are any: by these waits, in seconds.
func queued(waits ...time.Duration) (*places, []*place) {
	p := &places{}
	var all []*place
	for _, w := range waits {
		all = append(all, p.ask(w*time.Second))
	}
	return p, all
}

// who are the indices of those that have a place.
func who(all []*place) []int {
	var have []int
	for i, l := range all {
		select {
		case <-l.taken:
			have = append(have, i)
		default:
		}
	}
	return have
}

func TestPlaces(t *testing.T) {
	for name, row := range map[string]struct {
		waits []time.Duration
		n     int
		want  []int
	}{
		"the most patient first":                 {[]time.Duration{0, 1, 4, 8}, 1, []int{3}},
		"as they came":                           {[]time.Duration{4, 4, 4}, 2, []int{0, 1}},
		"a third for who does not wait":          {[]time.Duration{4, 4, 4, 8, 0, 0, 0}, 3, []int{0, 3, 4}},
		"all of them where nobody does not wait": {[]time.Duration{4, 4, 4}, 3, []int{0, 1, 2}},
		"all of them where nobody waits":         {[]time.Duration{0, 0, 0}, 3, []int{0, 1, 2}},
		"more than are asked for":                {[]time.Duration{0, 1}, 5, []int{0, 1}},
		"none":                                   {[]time.Duration{0, 1}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, all := queued(row.waits...)
			p.open(row.n)
			if got := who(all); !slices.Equal(got, row.want) {
				t.Errorf("%v have places, want %v", got, row.want)
			}
		})
	}
}

// Who leaves makes room for one, also for who came later, and who leaves the queue for none.
func TestPlacesAreLeft(t *testing.T) {
	p, all := queued(8, 0, 4, 0)
	p.open(2)
	if got := who(all); !slices.Equal(got, []int{0, 2}) {
		t.Fatalf("%v have places", got)
	}
	all[1].leave()
	if got := who(all); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("%v have places after one left the queue", got)
	}
	all[0].leave()
	all = append(all, p.ask(time.Second))
	if got := who(all); !slices.Equal(got, []int{0, 2, 3}) {
		t.Errorf("%v have had places", got)
	}
	all[2].leave()
	all[3].leave()
	all[4].leave()
	if p.taken != 0 || p.patient != 0 || len(p.queue) != 0 {
		t.Errorf("%d places taken, %d by who waits, %d in the queue", p.taken, p.patient, len(p.queue))
	}
}
