package flow

import (
	"cmp"
	"fmt"
	"slices"
)

// wire is the judgement of one session on one connection.
type wire struct {
	verdict Verdict
	detail  string
	agreed  int64 // bytes of claimed files that were found, to choose the likeliest
}

// outcome is the connection that a session was matched with (nil: none) and what
// it carries.
type outcome struct {
	c *Connection
	w wire
}

// match pairs sessions with connections: as many as possible so that the connection
// carries what the session claims, then those that carry the most of it.
func (g *group) match(a *Analysis, sessions []Session, outcomes []outcome) {
	// Sessions that claim the same share their judgements.
	kind := make([]int, len(g.sessions))
	var kinds []Session
	index := map[string]int{}
	for i, s := range g.sessions {
		key := fmt.Sprintf("%t %q", sessions[s].AnyOrder, sessions[s].Files)
		k, ok := index[key]
		if !ok {
			k = len(kinds)
			index[key] = k
			kinds = append(kinds, sessions[s])
		}
		kind[i] = k
	}
	judged := make([]wire, len(kinds)*len(g.conns))
	judge := func(s, c int) wire {
		w := &judged[kind[s]*len(g.conns)+c]
		if w.verdict == "" {
			*w = a.carries(g.conns[c], kinds[kind[s]])
		}
		return *w
	}
	owner := make([]int, len(g.conns)) // session+1
	var assign func(s int, level Verdict, tried []bool) bool
	assign = func(s int, level Verdict, tried []bool) bool {
		for c := range g.conns {
			if tried[c] || judge(s, c).verdict != level {
				continue
			}
			tried[c] = true
			if owner[c] == 0 || assign(owner[c]-1, level, tried) {
				owner[c] = s + 1
				return true
			}
		}
		return false
	}
	done := make([]bool, len(g.sessions))
	for s := range g.sessions {
		done[s] = assign(s, Pass, make([]bool, len(g.conns)))
	}
	// The rest: by what they have in common, then in the order of time.
	type pair struct{ s, c int }
	var rest []pair
	for s := range g.sessions {
		for c := range g.conns {
			if !done[s] && owner[c] == 0 {
				rest = append(rest, pair{s, c})
			}
		}
	}
	slices.SortStableFunc(rest, func(x, y pair) int {
		wx, wy := judge(x.s, x.c), judge(y.s, y.c)
		return cmp.Or(cmp.Compare(rank(wx.verdict), rank(wy.verdict)), cmp.Compare(wy.agreed, wx.agreed))
	})
	for _, p := range rest {
		if !done[p.s] && owner[p.c] == 0 {
			done[p.s], owner[p.c] = true, p.s+1
		}
	}
	for c, s := range owner {
		if s > 0 {
			outcomes[g.sessions[s-1]] = outcome{g.conns[c], judge(s-1, c)}
		}
	}
}

func rank(v Verdict) int {
	switch v {
	case Pass:
		return 0
	case Inconclusive:
		return 1
	}
	return 2
}
