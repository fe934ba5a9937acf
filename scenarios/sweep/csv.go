package sweep

import (
	"encoding/csv"
	"io"
	"strconv"
)

// The comma-separated files of a sweep's folder.
const (
	runsFile    = "runs.csv"
	summaryFile = "summary.csv"
)

// settingNames are the settings that a plan has, varying or not: the first columns of both tables.
func (p Plan) settingNames() []string {
	var names []string
	for _, s := range p.Points[0] {
		names = append(names, s.Name)
	}
	return names
}

// WriteRuns writes a line for each result.
func WriteRuns(w io.Writer, p Plan, results []Result) error {
	c := csv.NewWriter(w)
	names := p.settingNames()
	line := append([]string{"part"}, names...)
	_ = c.Write(append(line, "repeat", "seed", "verdict", "seconds", "mbit_per_second", "bytes", "connections", "retransmissions", "reason"))
	for _, r := range results {
		line := []string{r.Part}
		for _, name := range names {
			line = append(line, r.Set[name])
		}
		_ = c.Write(append(line, strconv.Itoa(r.Repeat), strconv.FormatUint(r.Seed, 10), string(r.Verdict), decimal(r.Seconds), decimal(r.MbitPerSecond),
			strconv.FormatInt(r.Bytes, 10), strconv.Itoa(r.Connections), strconv.FormatUint(r.Retransmissions, 10), r.Reason))
	}
	c.Flush()
	return c.Error()
}

// WriteSummary writes a line for each point, with the quartiles of the runs that passed.
func WriteSummary(w io.Writer, p Plan, rows []Row) error {
	c := csv.NewWriter(w)
	line := append([]string{"part"}, p.settingNames()...)
	line = append(line, "runs", "passed", "bytes")
	for _, what := range []string{"seconds", "mbit_per_second"} {
		for _, quartile := range []string{"least", "q1", "median", "q3", "most"} {
			line = append(line, what+"_"+quartile)
		}
	}
	_ = c.Write(line)
	for _, row := range rows {
		line := []string{p.Setup.Part}
		for _, s := range row.Point {
			line = append(line, s.Value)
		}
		line = append(line, strconv.Itoa(row.Runs), strconv.Itoa(row.Passed), strconv.FormatInt(row.Bytes, 10))
		for _, q := range []Quartiles{row.Seconds, row.MbitPerSecond} {
			for _, f := range []float64{q.Least, q.Q1, q.Median, q.Q3, q.Most} {
				if row.Passed == 0 {
					line = append(line, "")
				} else {
					line = append(line, decimal(f))
				}
			}
		}
		_ = c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// decimal is a number with the digits that a measurement has.
func decimal(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }
