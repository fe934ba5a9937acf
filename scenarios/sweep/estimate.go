package sweep

import "time"

// estimate guesses how long runs will take, from those that were made: runs of one point take about the same, and a point
// that was not run yet takes what all have taken on average.
type estimate struct {
	points map[string]mean
	all    mean
}

type mean struct {
	sum float64
	n   int
}

func newEstimate(results []Result) *estimate {
	e := &estimate{points: map[string]mean{}}
	for _, r := range results {
		e.add(r)
	}
	return e
}

func (e *estimate) add(r Result) {
	name := r.point().String()
	m := e.points[name]
	e.points[name] = mean{m.sum + r.WallSeconds, m.n + 1}
	e.all = mean{e.all.sum + r.WallSeconds, e.all.n + 1}
}

// of is the time that these runs will take, so many at once. It is 0 before the first result.
func (e *estimate) of(runs []Run, jobs int) time.Duration {
	var seconds float64
	for _, run := range runs {
		m, ok := e.points[run.Point.String()]
		if !ok {
			m = e.all
		}
		if m.n > 0 {
			seconds += m.sum / float64(m.n)
		}
	}
	return time.Duration(seconds / float64(jobs) * float64(time.Second))
}
