package flow

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// Claim is what is claimed of a whole capture.
type Claim struct {
	Connections int      // that were established; negative: any number
	Order       []string // names of Options.Files: each begins after the one before has ended; nil: no order
}

// Survey judges a capture of which no more is claimed than that each file of
// Options.Files was carried whole, by any connection and in either direction,
// and, unless connections is negative, that there were exactly so many connections.
//
// It returns the checks capture, connections, streams, wire (one for each file) and
// close, in this order. See Judge for claims about who carried what.
func (a *Analysis) Survey(connections int) []Check {
	return a.SurveyClaim(Claim{Connections: connections})
}

// SurveyClaim is Survey with more claimed. Where an order is, the check order comes before close.
func (a *Analysis) SurveyClaim(claim Claim) []Check {
	all := &group{name: "all clients"}
	for i := range a.Connections {
		all.conns = append(all.conns, &a.Connections[i])
	}
	for i := range a.Attempts {
		all.attempts = append(all.attempts, &a.Attempts[i])
	}
	groups := []*group{all}
	count := Check{"connections", Pass, plural(len(all.conns), "connection") + all.list() + all.tried() + "; no number was claimed."}
	if claim.Connections >= 0 {
		all.sessions = make([]int, claim.Connections)
		count = a.judgeConnections(groups)
	}
	checks := []Check{a.judgeCapture(), count, a.judgeStreams(groups)}
	for i := range a.files {
		checks = append(checks, a.surveyFile(i))
	}
	if claim.Order != nil {
		checks = append(checks, a.judgeOrder(claim.Order))
	}
	return append(checks, a.judgeClose(groups))
}

// place names a run for people.
func (f *Found) place(c *Connection) string {
	text := fmt.Sprintf("%s, %s, stream offset %s, %s", c.Client, f.Direction, thousands(f.Offset), f.Packets())
	if f.Decoded != "" {
		text += fmt.Sprintf("; found decoded, in an HTTP body: %s", f.Decoded)
	}
	return text
}

// Packets names the packets that the run lies in, for people: "packet 7", "packets 7 to 12 of b.pcap".
func (f *Found) Packets() string {
	switch {
	case f.Capture != f.LastCapture:
		return fmt.Sprintf("packets %s to %s", at(f.Packet, f.Capture), at(f.LastPacket, f.LastCapture))
	case f.Packet == f.LastPacket:
		return "packet " + at(f.Packet, f.Capture)
	}
	return fmt.Sprintf("packets %d to %s", f.Packet, at(f.LastPacket, f.LastCapture))
}

// surveyFile judges whether some stream carries the i-th file whole.
func (a *Analysis) surveyFile(i int) Check {
	f := a.files[i]
	check := func(v Verdict, format string, args ...any) Check {
		return Check{"wire", v, f.Name + ": " + fmt.Sprintf(format, args...) + "."}
	}
	switch {
	case f.Size == 0:
		return check(Pass, "empty: nothing to carry")
	case f.Size < find.Short:
		return a.surveyShort(i, check)
	}
	var runs, partly []string
	for k := range a.Connections {
		c := &a.Connections[k]
		for _, r := range c.Files {
			switch {
			case r.Name != f.Name:
			case r.Unseen > 0:
				partly = append(partly, fmt.Sprintf("%s, %s bytes of it not in the capture", r.place(c), thousands(r.Unseen)))
			default:
				runs = append(runs, r.place(c))
			}
		}
	}
	switch {
	case len(runs) > 0:
		return check(Pass, "%s bytes, one contiguous run (%s)", thousands(f.Size), few(runs, 4))
	case len(partly) > 0:
		return check(Inconclusive, "found but for holes (%s)", few(partly, 2))
	}
	if reason := a.hidden(i); reason != "" {
		return check(Inconclusive, "not found; this does not decide, since %s", reason)
	}
	return a.surveyAbsent(i, check)
}

// surveyShort judges a file of so few bytes that finding them proves nothing, and not finding them does.
func (a *Analysis) surveyShort(i int, check func(Verdict, string, ...any) Check) Check {
	var where []string
	reason := a.hidden(i)
	for k := range a.Connections {
		c := &a.Connections[k]
		for d, e := range map[Direction]*evidence{ToClient: &c.toClient, ToServer: &c.toServer} {
			for _, o := range e.occurrences {
				if o.File == i {
					where = append(where, fmt.Sprintf("%s, %s, stream offset %s", c.Client, d, thousands(o.Start)))
				}
			}
			if reason == "" && (e.clipped || len(e.unsearched) > 0) {
				reason = "not every byte was searched for so short a file"
			}
		}
	}
	slices.Sort(where)
	switch {
	case len(where) > 0:
		return check(Inconclusive, "found, but a run of fewer than %d bytes can be there by chance (%s)", find.Short, few(where, 2))
	case reason != "":
		return check(Inconclusive, "not found; this does not decide, since %s", reason)
	}
	return check(Fail, "its bytes are in none of %s", plural(len(a.Connections), "connection"))
}

// hidden says why the i-th file may have been carried and was not found, or "".
func (a *Analysis) hidden(i int) string {
	if reason := a.blind(); reason != "" {
		return reason
	}
	for k := range a.Connections {
		c := &a.Connections[k]
		for _, d := range []Direction{ToClient, ToServer} {
			if reason := c.dark(d); reason != "" {
				return fmt.Sprintf("of the connection from %s %s", c.Client, reason)
			}
			if c.evidence(d).bounded[i] {
				return "it may begin at more places of a stream than the verifier follows"
			}
		}
	}
	return ""
}

// surveyAbsent judges a file that no stream carries: the best explanation is the connection that came closest.
func (a *Analysis) surveyAbsent(i int, check func(Verdict, string, ...any) Check) Check {
	f := a.files[i]
	var best *Mismatch
	var in *Connection
	for k := range a.Connections {
		for n := range a.Connections[k].Mismatches {
			if m := &a.Connections[k].Mismatches[n]; m.Name == f.Name && (best == nil || m.Agreed > best.Agreed) {
				best, in = m, &a.Connections[k]
			}
		}
	}
	switch {
	case best == nil:
		return check(Fail, "no beginning of it is in any of %s", plural(len(a.Connections), "connection"))
	case best.Decoded != "":
		return Check{"wire", Fail, fmt.Sprintf("%s (%s, %s).", best.inBody(f), in.Client, best.Direction)}
	case best.Ended:
		return check(Fail, "only its first %s of %s bytes are there (%s, %s, stream offset %s)%s",
			thousands(best.Agreed), thousands(f.Size), in.Client, best.Direction, thousands(best.Offset), a.spread(f, best, in))
	}
	return check(Fail, "differs at file offset %s (%s, %s, stream offset %s, packet %s): expected %#02x, saw %#02x",
		thousands(best.Agreed), in.Client, best.Direction, thousands(best.Offset+best.Agreed), at(best.Packet, best.Capture), best.Expected, best.Saw)
}

// spread says that the rest of a file may be on another connection.
func (a *Analysis) spread(f File, m *Mismatch, in *Connection) string {
	for k := range a.Connections {
		if c := &a.Connections[k]; c != in && c.First.After(in.First) && (m.Direction == ToClient && int64(c.BytesToClient) >= f.Size-m.Agreed ||
			m.Direction == ToServer && int64(c.BytesToServer) >= f.Size-m.Agreed) {
			return "; a file is looked for in one stream, not over several"
		}
	}
	return ""
}

// judgeOrder judges whether the files follow each other.
func (a *Analysis) judgeOrder(names []string) Check {
	const name = "order"
	type place struct {
		Found
		c *Connection
	}
	var last place
	for _, want := range names {
		i := a.file(want)
		if i < 0 {
			return Check{name, Inconclusive, fmt.Sprintf("%s is not among the files that were looked for.", want)}
		}
		if a.files[i].Size < find.Short {
			continue // nothing, or nothing that proves anything
		}
		var all, after []place
		for k := range a.Connections {
			for _, f := range a.Connections[k].Files {
				if p := (place{f, &a.Connections[k]}); f.Name == want {
					all = append(all, p)
					same := p.c == last.c && f.Direction == last.Direction
					if last.c == nil || same && f.Offset >= last.end() || !same && !f.Time.Before(last.LastTime) {
						after = append(after, p)
					}
				}
			}
		}
		switch {
		case len(all) == 0:
			return Check{name, Worst(Inconclusive, a.surveyFile(i).Verdict), fmt.Sprintf("%s was not found, so that there is no order.", want)}
		case len(after) == 0:
			return Check{name, Fail, fmt.Sprintf("%s begins before %s has ended (%s).", want, last.Name, all[0].place(all[0].c))}
		}
		last = slices.MinFunc(after, func(x, y place) int { return cmp.Or(x.LastTime.Compare(y.LastTime), cmp.Compare(x.end(), y.end())) })
	}
	return Check{name, Pass, fmt.Sprintf("%s: each begins after the one before has ended.", few(names, 8))}
}
