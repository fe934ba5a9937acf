package relay

import "testing"

// A thread that will be cold wakes early enough to rehearse, where there is credit for it; else as early as one that is not.
func TestEarlyForARehearsal(t *testing.T) {
	const high, median = 45_000, 25_000
	timerWith := func(credit int64, cold bool) *timer {
		tm := &timer{credit: credit, cold: cold}
		for i := range tm.late {
			for range 56 {
				tm.late[i].Add(median)
			}
			for range 8 {
				tm.late[i].Add(high)
			}
		}
		return tm
	}
	for name, c := range map[string]struct {
		credit int64
		cold   bool
		gap    int64
		want   int64
	}{
		"awake":                         {spinCredit, false, 1_000_000, high},
		"cold":                          {spinCredit, true, 1_000_000, high + rehearsal},
		"cold by then":                  {spinCredit, false, 3_000_000, high + rehearsal},
		"no credit for a rehearsal":     {high + rehearsal - 1, true, 1_000_000, high},
		"credit for a middling wake-up": {high - 1, true, 1_000_000, median},
		"no credit":                     {median - 1, true, 1_000_000, 0},
		"long sleep":                    {spinCredit, false, 100_000_000, leastEarly[3] + rehearsal},
	} {
		if got := timerWith(c.credit, c.cold).early(c.gap); got != c.want {
			t.Errorf("%s: %d ns early, want %d", name, got, c.want)
		}
	}
}
