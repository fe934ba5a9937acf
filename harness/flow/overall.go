package flow

// Overall is the verdict over all checks: the worst of theirs. No checks at all
// are no evidence, and so INCONCLUSIVE.
func Overall(checks []Check) Verdict {
	if len(checks) == 0 {
		return Inconclusive
	}
	verdicts := make([]Verdict, len(checks))
	for i, c := range checks {
		verdicts[i] = c.Verdict
	}
	return Worst(verdicts...)
}
