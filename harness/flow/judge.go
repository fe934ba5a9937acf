package flow

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Judge decides the claim that, for every pair of client and server named in
// sessions, the established connections of the pair and its sessions are the
// same, one for one: each connection carries exactly the files of its session.
// Connections of pairs that no session names are not judged.
//
// It returns the checks capture, connections, streams, wire (one for each
// session) and close, in this order.
func (a *Analysis) Judge(sessions []Session) []Check {
	groups := a.group(sessions)
	outcomes := make([]outcome, len(sessions))
	for _, g := range groups {
		g.match(a, sessions, outcomes)
	}
	checks := []Check{a.judgeCapture(), a.judgeConnections(groups), a.judgeStreams(groups)}
	checks = append(checks, a.judgeWire(sessions, outcomes)...)
	return append(checks, a.judgeClose(groups))
}

// group is the sessions and connections of one pair of client and server.
type group struct {
	name     string // what the first session's label calls the client
	client   netip.Addr
	server   netip.AddrPort
	sessions []int // in the order claimed
	conns    []*Connection
	attempts []*Connection
}

// exact says whether only one pair of addresses and port is admitted.
func (g *group) exact() bool { return g.narrow() == 5 }

func (g *group) admits(c *Connection) bool {
	if g.client.IsValid() && g.client != c.Client.Addr() {
		return false
	}
	if ip := g.server.Addr(); ip.IsValid() && !ip.IsUnspecified() && ip != c.Server.Addr() {
		return false
	}
	return g.server.Port() == 0 || g.server.Port() == c.Server.Port()
}

// narrow orders groups so that a claim that names more comes first.
func (g *group) narrow() int {
	n := 0
	if g.client.IsValid() {
		n += 2
	}
	if ip := g.server.Addr(); ip.IsValid() && !ip.IsUnspecified() {
		n += 2
	}
	if g.server.Port() != 0 {
		n++
	}
	return n
}

func (a *Analysis) group(sessions []Session) []*group {
	type pair struct {
		client netip.Addr
		server netip.AddrPort
	}
	var groups, wide []*group
	index := map[pair]*group{}
	for i, s := range sessions {
		p := pair{s.Client.Unmap(), netip.AddrPortFrom(s.Server.Addr().Unmap(), s.Server.Port())}
		g := index[p]
		if g == nil {
			g = &group{name: s.label(), client: p.client, server: p.server}
			index[p] = g
			groups = append(groups, g)
			if !g.exact() {
				wide = append(wide, g)
			}
		}
		g.sessions = append(g.sessions, i)
	}
	slices.SortStableFunc(wide, func(x, y *group) int { return cmp.Compare(y.narrow(), x.narrow()) })
	give := func(list []Connection, to func(g *group, c *Connection)) {
		for i := range list {
			c := &list[i]
			if g := index[pair{c.Client.Addr(), c.Server}]; g != nil {
				to(g, c)
			} else if k := slices.IndexFunc(wide, func(g *group) bool { return g.admits(c) }); k >= 0 {
				to(wide[k], c)
			}
		}
	}
	give(a.Connections, func(g *group, c *Connection) { g.conns = append(g.conns, c) })
	give(a.Attempts, func(g *group, c *Connection) { g.attempts = append(g.attempts, c) })
	return groups
}

// label names a session for people.
func (s Session) label() string {
	switch {
	case s.Label != "":
		return s.Label
	case s.Client.IsValid():
		return s.Client.Unmap().String()
	}
	return "any client"
}

// sure says whether the whole handshake was seen.
func (c *Connection) sure() bool {
	return c.Handshake == HandshakeComplete || c.Handshake == HandshakeSimultaneous
}

func (a *Analysis) judgeCapture() Check {
	const name = "capture"
	var missing []string
	if a.Packets == 0 {
		missing = append(missing, "it holds no packet")
	}
	note := func(n uint64, what string) {
		if n > 0 {
			missing = append(missing, fmt.Sprintf("%s %s", thousands(int64(min(n, 1<<62))), what))
		}
	}
	note(a.Dropped, "packets lost by its own count")
	if a.CutShort {
		missing = append(missing, "it ends in the middle ("+a.Problems[0]+")")
	}
	note(a.Truncated, "segments cut short by the snap length")
	note(a.Fragments, "IP fragments that were not put together")
	note(a.Undecodable, "packets whose headers are cut or contradict themselves")
	note(a.UnknownLinks, "packets of a link type that is not known")
	if len(missing) > 0 {
		return Check{name, Inconclusive, fmt.Sprintf("evidence is missing from the capture: %s.", strings.Join(missing, "; "))}
	}
	detail := fmt.Sprintf("%s packets, none lost by the capture's own count, all whole.", thousands(int64(a.Packets)))
	if !a.DropsKnown {
		detail = fmt.Sprintf("%s packets, all whole; this capture does not count what it lost, so that only the streams' holes can show it.", thousands(int64(a.Packets)))
	}
	if a.BadChecksums > 0 {
		detail += fmt.Sprintf(" %s segments with a wrong checksum were left out, as their receivers do.", thousands(int64(a.BadChecksums)))
	}
	return Check{name, Pass, detail}
}

// blind says why whole connections may be absent from the analysis, or "".
func (a *Analysis) blind() string {
	switch {
	case a.Packets == 0:
		return "the capture holds no packet"
	case a.Dropped > 0:
		return fmt.Sprintf("the capture lost %s packets", thousands(int64(min(a.Dropped, 1<<62))))
	case a.CutShort:
		return "the capture ends in the middle"
	case a.Fragments > 0:
		return fmt.Sprintf("%s IP fragments were not put together", thousands(int64(a.Fragments)))
	case a.Undecodable > 0:
		return fmt.Sprintf("%s packets could not be decoded", thousands(int64(a.Undecodable)))
	case a.UnknownLinks > 0:
		return fmt.Sprintf("%s packets are of a link type that is not known", thousands(int64(a.UnknownLinks)))
	case a.ConnectionsNotListed > 0:
		return "there are more connections than can be listed"
	}
	return ""
}

func (a *Analysis) judgeConnections(groups []*group) Check {
	const name = "connections"
	verdict := Pass
	var details, good texts
	add := func(v Verdict, detail string) {
		verdict = Worst(verdict, v)
		details.add(detail)
	}
	claimed, total := 0, 0
	for _, g := range groups {
		sure := 0
		for _, c := range g.conns {
			if c.sure() {
				sure++
			}
		}
		want, seen := len(g.sessions), len(g.conns)
		claimed, total = claimed+want, total+seen
		who := g.describe()
		text := fmt.Sprintf("%s: %s, expected %d%s", who, plural(seen, "connection"), want, g.list())
		switch {
		case sure > want:
			add(Fail, text)
		case seen > sure:
			add(Inconclusive, text+fmt.Sprintf("; the handshake of %d is not in the capture, which began late or lost it", seen-sure))
		case seen < want && a.blind() == "":
			add(Fail, text+g.tried())
		case seen < want:
			add(Inconclusive, text+g.tried()+"; "+a.blind())
		case a.blind() != "":
			add(Inconclusive, text+"; there may have been more: "+a.blind())
		default:
			good.add(fmt.Sprintf("%s: %s", who, plural(seen, "connection")))
		}
	}
	others := ""
	if n := len(a.Connections) - total; n > 0 {
		others = fmt.Sprintf(" %s of other pairs are not part of the claim.", plural(n, "connection"))
	}
	switch {
	case len(groups) == 0 && a.blind() != "":
		return Check{name, Inconclusive, "no connection is claimed, and some may be missing: " + a.blind() + "." + others}
	case len(groups) == 0:
		return Check{name, Pass, "no connection is claimed." + others}
	case verdict == Pass && good.n == 1:
		return Check{name, Pass, good.first[0] + ", as claimed." + others}
	case verdict == Pass:
		return Check{name, Pass, fmt.Sprintf("%s, as claimed: %s.%s", plural(claimed, "connection"), good.few(8), others)}
	}
	return Check{name, verdict, details.few(4) + "." + others}
}

// describe names the pair.
func (g *group) describe() string {
	client := "any client"
	if g.client.IsValid() {
		client = g.client.String()
	}
	if g.name != "" && g.name != client {
		client = g.name
	}
	server := g.server.String()
	if ip := g.server.Addr(); !ip.IsValid() || ip.IsUnspecified() {
		server = "any server"
		if g.server.Port() != 0 {
			server = fmt.Sprintf("any server at port %d", g.server.Port())
		}
	} else if g.server.Port() == 0 {
		server = ip.String()
	}
	return client + " to " + server
}

// list names the client ports of the connections seen.
func (g *group) list() string {
	if len(g.conns) == 0 {
		return ""
	}
	var ports []string
	for _, c := range g.conns {
		text := fmt.Sprintf(":%d", c.Client.Port())
		if !g.client.IsValid() {
			text = c.Client.String()
		}
		if c.Reused {
			text += " (again)"
		}
		ports = append(ports, text)
	}
	return " (" + few(ports, 8) + ")"
}

// tried says what else was seen of the pair.
func (g *group) tried() string {
	kinds := map[string]int{}
	for _, c := range g.attempts {
		kinds[c.Handshake]++
	}
	var parts []string
	for _, k := range []string{HandshakeRefused, HandshakeHalfOpen, HandshakeUnanswered} {
		if kinds[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", plural(kinds[k], "attempt"), k))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; besides, " + strings.Join(parts, ", ")
}

func (a *Analysis) judgeStreams(groups []*group) Check {
	const name = "streams"
	var bad, missing texts
	var segments, again uint64
	n := 0
	for _, g := range groups {
		for _, c := range g.conns {
			n++
			segments += c.Segments
			again += c.Retransmissions
			who := c.Client.String()
			if c.Disagreements > 0 {
				bad.add(fmt.Sprintf("%s: %s with other bytes than first seen: %s", who, plural(int(c.Disagreements), "retransmission"), c.FirstDisagreement))
			}
			if c.MissingBytes > 0 {
				h := c.Holes[0]
				missing.add(fmt.Sprintf("%s: %s bytes were never seen, the first at stream offset %s %s (%s)",
					who, thousands(int64(c.MissingBytes)), thousands(h.Offset), h.Direction, h.Reason))
			}
			if c.NotCompared > 0 {
				missing.add(fmt.Sprintf("%s: %s retransmitted bytes are older than the history kept and were not compared", who, thousands(int64(c.NotCompared))))
			}
			if c.Limited != "" {
				missing.add(fmt.Sprintf("%s: a bound was reached: %s", who, c.Limited))
			}
			if !c.sure() {
				missing.add(fmt.Sprintf("%s: the beginning is not in the capture (handshake %s)", who, c.Handshake))
			}
		}
	}
	switch {
	case bad.n > 0:
		return Check{name, Fail, bad.few(3) + "."}
	case missing.n > 0:
		return Check{name, Inconclusive, missing.few(3) + "."}
	case n == 0 && a.blind() != "":
		return Check{name, Inconclusive, "no connection of the claim was seen: " + a.blind() + "."}
	case n == 0:
		return Check{name, Pass, "no connection of the claim was seen, so no stream had to be rebuilt."}
	}
	return Check{name, Pass, fmt.Sprintf("%s rebuilt from %s segments without a hole; %s, all with the bytes first seen.",
		plural(2*n, "stream"), thousands(int64(segments)), plural(int(again), "retransmission"))}
}

func (a *Analysis) judgeClose(groups []*group) Check {
	const name = "close"
	var bad, open texts
	n := 0
	for _, g := range groups {
		for _, c := range g.conns {
			n++
			text := fmt.Sprintf("%s: %s", c.Client, c.ClosedBy)
			switch c.ClosedBy {
			case ClosedFIN:
			case ClosedRSTClient, ClosedRSTServer:
				bad.add(text)
			default:
				open.add(text)
			}
		}
	}
	switch {
	case bad.n > 0:
		return Check{name, Fail, bad.few(4) + "."}
	case open.n > 0:
		return Check{name, Inconclusive, open.few(4) + "; the capture does not show how they ended."}
	case n == 0 && a.blind() != "":
		return Check{name, Inconclusive, "no connection of the claim was seen: " + a.blind() + "."}
	case n == 0:
		return Check{name, Pass, "no connection of the claim was seen, so none had to be closed."}
	}
	return Check{name, Pass, fmt.Sprintf("%s ended by FIN both ways.", plural(n, "connection"))}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(int64(n)) + " " + noun + "s"
}

// texts keeps the first few of many texts, and how many there were.
type texts struct {
	first []string
	n     int
}

func (t *texts) add(text string) {
	if len(t.first) < 8 {
		t.first = append(t.first, text)
	}
	t.n++
}

func (t *texts) few(n int) string {
	if t.n <= n {
		return strings.Join(t.first, "; ")
	}
	return fmt.Sprintf("%s; and %s more", strings.Join(t.first[:min(n, len(t.first))], "; "), thousands(int64(t.n-min(n, len(t.first)))))
}

// few joins at most n texts and counts the rest.
func few(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(list[:n], "; "), len(list)-n)
}
