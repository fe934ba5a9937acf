package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// judge turns what was seen into checks and a verdict. The network is down already: all evidence is on disk.
func (r *run) judge(ctx context.Context) {
	add := func(checks ...flow.Check) { r.report.Checks = append(r.report.Checks, checks...) }
	if r.cut != nil {
		add(flow.Check{Name: "run", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("the run was cut short: %v", r.cut)})
	}
	if r.stormed != nil {
		add(r.stormed.checks()...)
	}
	// The judgement itself is not cut short where the run was: what was captured is worth telling.
	ctx = context.WithoutCancel(ctx)
	for _, c := range r.captures {
		if c.server {
			add(r.judgeCapture(ctx, c)...)
		}
	}
	add(r.judgeLinks(ctx)...)
	add(r.disks()...)
	add(r.clients()...)
	if r.cut != nil {
		r.excuse()
	}
	if len(r.captures) > 0 && r.cut == nil {
		add(agreement(r.report.Checks))
	}
	r.report.Verdict = flow.Overall(r.report.Checks)
}

// excuse turns failures into missing evidence where the run was cut short and that may be all there is to them: what is
// absent was not given the time. It does not excuse what is there and should not be: more connections than claimed, a
// retransmission that changed its bytes.
func (r *run) excuse() {
	for i := range r.report.Checks {
		c := &r.report.Checks[i]
		switch {
		case c.Verdict != flow.Fail || c.Name == "streams":
		case c.Name == "connections" && len(r.report.Connections) > len(r.fetches):
		default:
			c.Verdict = flow.Inconclusive
		}
	}
}

// judgeCapture judges what one server's interface saw.
func (r *run) judgeCapture(ctx context.Context, c *nodeCapture) []flow.Check {
	unreadable := func(err error) []flow.Check {
		return []flow.Check{{Name: "capture", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("%s: %v", c.ifname, err)}}
	}
	files, err := flow.Files(os.DirFS(r.options.Corpus.Dir), r.options.Corpus.Names...)
	if err != nil {
		return unreadable(err)
	}
	address, _ := r.scenario.Topo.HostAddr(c.node)
	server := netip.AddrPortFrom(address, protocol.DefaultPort)
	a, err := r.analyze(ctx, c, flow.Options{Files: files, Server: server, MemoryBytes: judgeMemory})
	if err != nil {
		return unreadable(err)
	}
	var checks []flow.Check
	if reason := c.incomplete(); reason != "" {
		checks = append(checks, flow.Check{Name: "capture", Verdict: flow.Inconclusive,
			Detail: fmt.Sprintf("the capture at %s is not complete: %s", c.ifname, reason)})
	}
	for _, connection := range a.Connections {
		r.report.Connections = append(r.report.Connections, describeConnection(connection))
	}
	for _, check := range a.Judge(r.sessions(c.node, server)) {
		check.Detail = c.ifname + ": " + check.Detail
		checks = append(checks, check)
	}
	if r.scenario.Model == peers.Sequential {
		checks = append(checks, inTurn(c.ifname, a.Connections))
	}
	return checks
}

// judgeMemory lets the judge keep a whole TCP window of several connections, so that any retransmission finds what it repeats.
const judgeMemory = 48 << 20

// sessions is the claim about one server: one connection for each client process, with all that it asked for, in order.
func (r *run) sessions(host string, server netip.AddrPort) []flow.Session {
	var sessions []flow.Session
	for i, f := range r.fetches {
		if f.Server != host {
			continue
		}
		client, _ := r.scenario.Topo.HostAddr(f.Client)
		sessions = append(sessions, flow.Session{
			Client: client, Server: server, Files: r.options.Corpus.names(f.Novels), Label: label(r.fetches, i),
		})
	}
	return sessions
}

func describeConnection(c flow.Connection) Connection {
	d := Connection{
		Client: c.Client.String(), Server: c.Server.String(), ServerISN: c.ServerISN,
		Handshake: c.Handshake, ClosedBy: c.ClosedBy, Files: []string{}, Found: []flow.Found{},
		Segments: c.Segments, Retransmissions: c.Retransmissions, BytesToClient: c.BytesToClient,
		First: c.First, Last: c.Last,
	}
	for _, f := range c.Files {
		if f.Direction == flow.ToClient {
			d.Files, d.Found = append(d.Files, f.Name), append(d.Found, f)
		}
	}
	return d
}

// inTurn checks what a sequential server promises: no byte of a file for one connection passes while another connection
// is being served.
func inTurn(ifname string, connections []flow.Connection) flow.Check {
	type span struct {
		who   netip.AddrPort
		files []flow.Found
	}
	var spans []span
	for _, c := range connections {
		s := span{who: c.Client}
		for _, f := range c.Files {
			if f.Direction == flow.ToClient {
				s.files = append(s.files, f)
			}
		}
		if len(s.files) == 0 {
			return flow.Check{Name: "turns", Verdict: flow.Inconclusive,
				Detail: fmt.Sprintf("%s: the connection from %v carries no whole file, so when it was served is not known", ifname, c.Client)}
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.files[0].Time.Compare(b.files[0].Time) })
	for i := 1; i < len(spans); i++ {
		before := spans[i-1].files[len(spans[i-1].files)-1].LastTime
		if first := spans[i].files[0].Time; first.Before(before) {
			return flow.Check{Name: "turns", Verdict: flow.Fail,
				Detail: fmt.Sprintf("%s: %v was served from %v before %v, which came first, had its last file", ifname, spans[i].who, before.Sub(first), spans[i-1].who)}
		}
	}
	return flow.Check{Name: "turns", Verdict: flow.Pass,
		Detail: fmt.Sprintf("%s: %d connections were served one after the other", ifname, len(spans))}
}

// disks compares what each client wrote with the source.
func (r *run) disks() []flow.Check {
	var checks []flow.Check
	for i, f := range r.fetches {
		name := label(r.fetches, i)
		want, err := flow.Files(os.DirFS(r.options.Corpus.Dir), r.options.Corpus.names(f.Novels)...)
		if err != nil {
			checks = append(checks, flow.Check{Name: "disk", Verdict: flow.Inconclusive, Detail: fmt.Sprintf("%s: %v", name, err)})
			continue
		}
		checks = append(checks, flow.CompareDisk(name, r.received(name), want))
	}
	return checks
}

// clients tells what the clients say of themselves. It is the weakest evidence, and still a contradiction where a client
// failed and everything else looks right.
func (r *run) clients() []flow.Check {
	if r.cut != nil {
		return nil // they were ended, and say nothing of themselves
	}
	var failures []string
	for i, result := range r.results {
		if result.ran {
			r.report.Transfers = append(r.report.Transfers, result.transfer)
		}
		if result.failure != "" {
			failures = append(failures, label(r.fetches, i)+": "+result.failure)
		}
	}
	if len(failures) > 0 {
		return []flow.Check{{Name: "clients", Verdict: flow.Fail, Detail: strings.Join(failures, "; ")}}
	}
	return []flow.Check{{Name: "clients", Verdict: flow.Pass, Detail: fmt.Sprintf("%d of %d ended well, by their own account", len(r.results), len(r.fetches))}}
}

// agreement compares the three independent proofs, and names the one that stands alone.
func agreement(checks []flow.Check) flow.Check {
	type proof struct {
		name    string
		verdict flow.Verdict
	}
	proofs := []proof{{name: "disk"}, {name: "wire"}, {name: "connections"}}
	for i := range proofs {
		proofs[i].verdict = worstNamed(checks, proofs[i].name)
		if proofs[i].verdict == "" {
			return flow.Check{Name: "agreement", Verdict: flow.Inconclusive, Detail: "there is no proof by " + proofs[i].name}
		}
	}
	rank := []flow.Verdict{flow.Pass, flow.Inconclusive, flow.Fail}
	slices.SortStableFunc(proofs, func(a, b proof) int {
		return cmp.Compare(slices.Index(rank, a.verdict), slices.Index(rank, b.verdict))
	})
	best, middle, worst := proofs[0], proofs[1], proofs[2]
	check := flow.Check{Name: "agreement", Verdict: worst.verdict}
	switch {
	case best.verdict == worst.verdict && worst.verdict == flow.Pass:
		check.Detail = "disk, wire and connections agree"
	case best.verdict == worst.verdict:
		check.Detail = fmt.Sprintf("disk, wire and connections are all %s", worst.verdict)
	case best.verdict == middle.verdict:
		check.Detail = fmt.Sprintf("%s and %s say %s, %s alone says %s", best.name, middle.name, best.verdict, worst.name, worst.verdict)
	case middle.verdict == worst.verdict:
		check.Detail = fmt.Sprintf("%s alone says %s, %s and %s say %s", best.name, best.verdict, middle.name, worst.name, worst.verdict)
	default:
		check.Detail = fmt.Sprintf("%s says %s, %s says %s, %s says %s", best.name, best.verdict, middle.name, middle.verdict, worst.name, worst.verdict)
	}
	return check
}

// worstNamed is the worst verdict of the checks of that name, "" where there is none.
func worstNamed(checks []flow.Check, name string) flow.Verdict {
	named := slices.DeleteFunc(slices.Clone(checks), func(c flow.Check) bool { return c.Name != name })
	if len(named) == 0 {
		return ""
	}
	return flow.Overall(named)
}
