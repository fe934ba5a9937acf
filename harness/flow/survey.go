package flow

import (
	"fmt"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// Survey judges a capture of which no more is claimed than that each file of
// Options.Files was carried whole, by any connection and in either direction,
// and, unless connections is negative, that there were exactly so many connections.
//
// It returns the checks capture, connections, streams, wire (one for each file) and
// close, in this order. See Judge for claims about who carried what.
func (a *Analysis) Survey(connections int) []Check {
	all := &group{name: "all clients"}
	for i := range a.Connections {
		all.conns = append(all.conns, &a.Connections[i])
	}
	for i := range a.Attempts {
		all.attempts = append(all.attempts, &a.Attempts[i])
	}
	groups := []*group{all}
	count := Check{"connections", Pass, plural(len(all.conns), "connection") + all.list() + all.tried() + "; no number was claimed."}
	if connections >= 0 {
		all.sessions = make([]int, connections)
		count = a.judgeConnections(groups)
	}
	checks := []Check{a.judgeCapture(), count, a.judgeStreams(groups)}
	for i := range a.files {
		checks = append(checks, a.surveyFile(i))
	}
	return append(checks, a.judgeClose(groups))
}

// surveyFile judges whether some stream carries the i-th file whole.
func (a *Analysis) surveyFile(i int) Check {
	f := a.files[i]
	check := func(v Verdict, format string, args ...any) Check {
		return Check{"wire", v, f.Name + ": " + fmt.Sprintf(format, args...) + "."}
	}
	if f.Size == 0 {
		return check(Pass, "empty: nothing to carry")
	}
	var runs, partly []string
	for k := range a.Connections {
		c := &a.Connections[k]
		for _, r := range c.Files {
			text := fmt.Sprintf("%s, %s, stream offset %s, from packet %s to %s", c.Client, r.Direction, thousands(r.Offset), at(r.Packet, r.Capture), at(r.LastPacket, r.LastCapture))
			switch {
			case r.Name != f.Name:
			case r.Unseen > 0:
				partly = append(partly, fmt.Sprintf("%s, %s bytes of it not in the capture", text, thousands(r.Unseen)))
			default:
				runs = append(runs, text)
			}
		}
	}
	switch {
	case len(runs) > 0 && f.Size < find.Short:
		return check(Inconclusive, "found, but a run of fewer than %d bytes can be there by chance (%s)", find.Short, few(runs, 2))
	case len(runs) > 0:
		return check(Pass, "%s bytes, one contiguous run (%s)", thousands(f.Size), few(runs, 4))
	case len(partly) > 0:
		return check(Inconclusive, "found but for holes (%s)", few(partly, 2))
	case a.blind() != "":
		return check(Inconclusive, "not found; this does not decide, since %s", a.blind())
	}
	return a.surveyAbsent(i, check)
}

// surveyAbsent judges a file that no stream carries: the best explanation is the connection that came closest.
func (a *Analysis) surveyAbsent(i int, check func(Verdict, string, ...any) Check) Check {
	f := a.files[i]
	best, agreed := -1, int64(-1)
	for k := range a.Connections {
		c := &a.Connections[k]
		j := carriage{a: a, c: c}
		if reason := j.open(); reason != "" {
			return check(Inconclusive, "not found; this does not decide, since of the connection from %s %s", c.Client, reason)
		}
		if c.toClient.bounded[i] {
			return check(Inconclusive, "not found; this does not decide, since it may begin at more places of a stream than the verifier follows")
		}
		for _, m := range c.Mismatches {
			if m.Name == f.Name && m.Agreed > agreed {
				best, agreed = k, m.Agreed
			}
		}
	}
	if best < 0 {
		return check(Fail, "no beginning of it is in any of %s", plural(len(a.Connections), "connection"))
	}
	for _, m := range a.Connections[best].Mismatches {
		if m.Name != f.Name {
			continue
		}
		if m.Ended {
			return check(Fail, "only its first %s of %s bytes are there (%s, stream offset %s)", thousands(m.Agreed), thousands(f.Size), a.Connections[best].Client, thousands(m.Offset))
		}
		return check(Fail, "differs at file offset %s (%s, stream offset %s, packet %s): expected %#02x, saw %#02x",
			thousands(m.Agreed), a.Connections[best].Client, thousands(m.Offset+m.Agreed), at(m.Packet, m.Capture), m.Expected, m.Saw)
	}
	return check(Fail, "not found")
}
