package sweep

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// A Result is one run, as a line of results.jsonl.
type Result struct {
	Part    string            `json:"part"`
	Set     map[string]string `json:"set"` // variable to value
	Repeat  int               `json:"repeat"`
	Seed    uint64            `json:"seed"`
	Verdict flow.Verdict      `json:"verdict"`
	Reason  string            `json:"reason,omitempty"` // of a verdict other than PASS

	// Seconds is the completion time of the slowest client, from before its connection to the end of its last file.
	Seconds float64 `json:"seconds"`
	// MbitPerSecond is the mean of what the clients reached, each all its bytes over its completion time.
	MbitPerSecond   float64 `json:"mbit_per_second"`
	Bytes           int64   `json:"bytes"` // of files, all clients together
	Connections     int     `json:"connections"`
	Retransmissions uint64  `json:"retransmissions"`

	Began       time.Time `json:"began"`
	WallSeconds float64   `json:"wall_seconds"` // of the whole run, bringing up and judging included
}

// newResult is what a report says of one run.
func newResult(run Run, report scenarios.Report, began time.Time, wall time.Duration) Result {
	r := Result{
		Part: run.Scenario.Part, Set: map[string]string{}, Repeat: run.Repeat, Seed: run.Seed,
		Verdict: report.Verdict, Began: began, WallSeconds: wall.Seconds(), Connections: len(report.Connections),
	}
	for _, s := range run.Point {
		r.Set[s.Name] = s.Value
	}
	for _, t := range report.Transfers {
		r.Seconds = max(r.Seconds, t.TotalSeconds)
		r.MbitPerSecond += t.MbitPerSecond / float64(len(report.Transfers))
		r.Bytes += t.Bytes
	}
	for _, c := range report.Connections {
		r.Retransmissions += c.Retransmissions
	}
	var reasons []string
	for _, c := range report.Checks {
		if c.Verdict != flow.Pass {
			reasons = append(reasons, fmt.Sprintf("%s: %s", c.Name, strings.TrimSuffix(c.Detail, ".")))
		}
	}
	r.Reason = strings.Join(reasons, "; ")
	return r
}

// point is the result's point, with its settings in their order.
func (r Result) point() Point {
	var p Point
	for _, name := range append(variableNames(), variantName) {
		if text, ok := r.Set[name]; ok {
			p = append(p, Setting{name, text})
		}
	}
	return p
}

func (r Result) key() string { return key(r.point(), r.Repeat, r.Seed) }

// counts says whether the result is one that figures are made of.
func (r Result) counts() bool { return r.Verdict == flow.Pass && r.Seconds > 0 && r.MbitPerSecond > 0 }

// sound says what no run can have come to: a file that others have edited may have any number, and an axis to 1e308 is
// never drawn.
func (r Result) sound() error {
	const least, most = 1e-9, 1e9
	for name, f := range map[string]float64{"seconds": r.Seconds, "mbit_per_second": r.MbitPerSecond, "wall_seconds": r.WallSeconds} {
		if f != 0 && !(f >= least && f <= most) {
			return fmt.Errorf("%s is %v, which no run takes or reaches", name, f)
		}
	}
	if r.Bytes < 0 {
		return fmt.Errorf("bytes is %d", r.Bytes)
	}
	return nil
}

// Name identifies the run among those of its sweep, for people.
func (r Result) Name() string { return r.key() }

// WriteLines writes the results as they stand in results.jsonl, in the order given.
func WriteLines(w io.Writer, results []Result) error {
	e := json.NewEncoder(w)
	for _, r := range results {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
