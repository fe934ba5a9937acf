package sweep

import "slices"

// Quartiles of a sample, each by linear interpolation between the values on both sides of its place.
type Quartiles struct {
	Least  float64 `json:"least"`
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
	Most   float64 `json:"most"`
}

// quartiles of at least one value.
func quartiles(values []float64) Quartiles {
	sorted := slices.Sorted(slices.Values(values))
	at := func(part float64) float64 {
		place := part * float64(len(sorted)-1)
		below := int(place)
		above := min(below+1, len(sorted)-1)
		return sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
	}
	return Quartiles{at(0), at(0.25), at(0.5), at(0.75), at(1)}
}

// A Row is what all runs of one point came to.
type Row struct {
	Point  Point
	Runs   int // made
	Passed int // the figures are of these alone
	Bytes  int64
	// Zero where none passed.
	Seconds, MbitPerSecond Quartiles
}

// Summarize returns a row for each point of the plan, in its order.
func Summarize(p Plan, results []Result) []Row {
	rows := make([]Row, len(p.Points))
	index := map[string]int{}
	for i, point := range p.Points {
		rows[i].Point = point
		index[point.String()] = i
	}
	seconds, rates := make([][]float64, len(rows)), make([][]float64, len(rows))
	for _, r := range results {
		i, ok := index[r.point().String()]
		if !ok {
			continue
		}
		rows[i].Runs++
		if !r.counts() {
			continue
		}
		rows[i].Passed++
		rows[i].Bytes = r.Bytes
		seconds[i], rates[i] = append(seconds[i], r.Seconds), append(rates[i], r.MbitPerSecond)
	}
	for i := range rows {
		if rows[i].Passed > 0 {
			rows[i].Seconds, rows[i].MbitPerSecond = quartiles(seconds[i]), quartiles(rates[i])
		}
	}
	return rows
}
