package flow

// Verdict is the outcome of a check.
type Verdict string

// The three verdicts. The zero value, "", is no verdict.
const (
	Pass         Verdict = "PASS"
	Inconclusive Verdict = "INCONCLUSIVE" // evidence is missing; neither shown nor refuted
	Fail         Verdict = "FAIL"
)

// Worst returns the worst of vs: Fail over Inconclusive over Pass. Of none it
// returns Pass. A value that is none of the three counts as Inconclusive.
func Worst(vs ...Verdict) Verdict {
	worst := Pass
	for _, v := range vs {
		switch v {
		case Fail:
			return Fail
		case Pass:
		default:
			worst = Inconclusive
		}
	}
	return worst
}

// Check is one question about a run and its answer.
type Check struct {
	Name    string  `json:"name"` // capture, connections, streams, wire, close, disk
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"` // one or two sentences; never empty
}
