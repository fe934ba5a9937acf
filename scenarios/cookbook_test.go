package scenarios

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/link"
	"github.com/wireproof/wireproof/harness/frames"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// impairmentsShow says for each recipe how a run shows that its impairment took place.
var impairmentsShow = map[string]func(*testing.T, shown){
	"lte":       lteShows,
	"satellite": satelliteShows,
	"dsl":       dslShows,
	"wifi":      wifiShows,
	"unplugged": unpluggedShows,
	"blackhole": blackholeShows,
	"lost-syn":  lostSYNShows,
	"lost-fin":  lostFINShows,
}

// Each recipe's transfer survives with its bytes whole, and each recipe's impairment is to be seen.
func TestCookbook(t *testing.T) {
	harnesstest.Require(t, "root")
	var all []subtest
	for _, recipe := range Cookbook() {
		chosen := selectAll(t, Params{}, recipe.Name)[0]
		all = append(all, subtest{recipe.Name, chosen.waits(), func(t *testing.T) {
			shows := impairmentsShow[recipe.Name]
			if shows == nil {
				t.Fatal("no test says how this recipe's impairment shows")
			}
			r, o := mustRun(t, chosen)
			wantVerdict(t, r, flow.Pass)
			if len(r.Connections) != 1 {
				t.Fatalf("%d connections, want one", len(r.Connections))
			}
			shows(t, shown{r, o.Dir(chosen)})
			if t.Failed() {
				for _, c := range r.Checks {
					t.Logf("%s %s: %s", c.Verdict, c.Name, c.Detail)
				}
			}
		}})
	}
	inParallel(t, all)
}

// The trace's own arithmetic bounds the transfer: so many bytes cannot pass in less time, wherever in the trace they began.
// And a stall stands between two segments as they arrive.
func lteShows(t *testing.T, s shown) {
	down := s.arriving(t, "h2-eth0", segment.hasData)
	took, least := span(down), leastTime(lteTrace(), len(down))
	if took < least-stampDelay {
		t.Errorf("%d segments took %v; the trace has room for them in %v at the soonest", len(down), took, least)
	}
	if stall := longestGap(down); stall < 80*time.Millisecond {
		t.Errorf("the longest gap between two segments is %v, the trace's stalls last 90 ms and more", stall)
	}
	s.slowerThan(t, "s1>h2", 25*time.Millisecond)
}

func satelliteShows(t *testing.T, s shown) {
	s.handshakeTook(t, 600*time.Millisecond)
	s.lost(t, "s1>h2", 1)
	s.lostNothing(t, "h2>s1")
	s.retransmitted(t, 1)
	s.slowerThan(t, "s1>h2", 300*time.Millisecond)
	s.slowerThan(t, "h2>s1", 300*time.Millisecond)
	s.keptRate(t, "s1>h2")
	s.keptRate(t, "h2>s1")
}

func dslShows(t *testing.T, s shown) {
	s.slowerThan(t, "s1>h2", 15*time.Millisecond)
	s.keptRate(t, "s1>h2")
	s.keptRate(t, "h2>s1")
	if rate := s.Transfers[0].MbitPerSecond; rate > 16 || rate < 1 {
		t.Errorf("%.1f Mbit/s through a line of 16 Mbit/s", rate)
	}
	s.lost(t, "s1>h2", 1) // at the queue: TCP fills 40 packets before it knows the line
	if n := s.link(t, "s1>h2").queue; n == 0 {
		t.Error("nothing was lost at the full queue")
	}
	if l := s.Links[1]; l.Asked.Rate != 16*topo.Mbit || l.AskedBA == nil || l.AskedBA.Rate != topo.Mbit {
		t.Errorf("the report has %v and %v", l.Asked, l.AskedBA)
	}
}

func wifiShows(t *testing.T, s shown) {
	e := s.evidence(t, "s1>h2")
	neighbours := 0
	for i := 1; i < len(e.LostIndices); i++ {
		if e.LostIndices[i] == e.LostIndices[i-1]+1 {
			neighbours++
		}
	}
	// A burst lasts 2.5 packets: three of five lost are followed by another. By chance alone it were 1 of 40.
	if e.Lost < 5 || neighbours*4 < len(e.LostIndices) {
		t.Errorf("%d packets lost, %d of them right behind another: no bursts", e.Lost, neighbours)
	}
	if e.Reordered == 0 {
		t.Error("no packet overtook another")
	}
	s.retransmitted(t, 5)
	s.keptRate(t, "s1>h2")
}

func unpluggedShows(t *testing.T, s shown) {
	down := s.arriving(t, "h2-eth0", segment.hasData)
	// What waited in the queue when the cable was pulled out arrives: 50 packets at 5 Mbit/s.
	const queued = 50 * longestFrame * 8 * time.Second / 5e6
	if gap := longestGap(down); gap < 3*time.Second-queued-stampDelay {
		t.Errorf("the longest gap between two segments is %v, the cable was out for 3 s", gap)
	}
	if took := s.Transfers[0].TotalSeconds; took < 3 {
		t.Errorf("the transfer took %.2f s, less than the cable was out", took)
	}
	s.lost(t, "s1>h2", 1)
	if n := s.link(t, "s1>h2").down; n == 0 {
		t.Error("nothing was lost while the link was down")
	}
	s.retransmitted(t, 1)
	s.keptRate(t, "s1>h2")
}

func blackholeShows(t *testing.T, s shown) {
	for _, direction := range []string{"s1>h2", "h2>s1"} {
		if diff := cmp.Diff([]uint64{2, 3, 4, 5}, s.evidence(t, direction).LostIndices); diff != "" {
			t.Errorf("%s: lost indices (-want +got):\n%s", direction, diff)
		}
	}
	if n := len(s.leaving(t, "h2-eth0", func(s segment) bool { return s.tcp.SYN })); n != 1 {
		t.Errorf("the SYN left %d times: the handshake should not have been touched", n)
	}
	sent := s.leaving(t, "h2-eth0", segment.hasData)
	if len(sent) < 2 || sent[0].tcp.Seq != sent[1].tcp.Seq {
		t.Errorf("the request left %d times, want it again", len(sent))
	}
}

func lostSYNShows(t *testing.T, s shown) {
	syn := func(s segment) bool { return s.tcp.SYN && !s.tcp.ACK }
	sent, came := s.leaving(t, "h2-eth0", syn), s.arriving(t, "s1-eth2", syn)
	if len(sent) != 2 || len(came) != 1 || sent[0].tcp.Seq != sent[1].tcp.Seq {
		t.Fatalf("the SYN left %d times and came %d times, want it twice and once", len(sent), len(came))
	}
	if again := span(sent); again < 900*time.Millisecond {
		t.Errorf("the SYN came again after %v, RFC 6298 says 1 s", again)
	}
	s.handshakeTook(t, 900*time.Millisecond)
	s.lost(t, "h2>s1", 1)
	s.lostNothing(t, "s1>h2")
}

func lostFINShows(t *testing.T, s shown) {
	fin := func(s segment) bool { return s.tcp.FIN }
	for _, d := range []struct{ name, sent, came string }{{"h2>s1", "h2-eth0", "s1-eth2"}, {"s1>h2", "s1-eth2", "h2-eth0"}} {
		sent, came := s.leaving(t, d.sent, fin), s.arriving(t, d.came, fin)
		if len(sent) < 2 || len(came) != len(sent)-1 {
			t.Errorf("%s: the FIN left %d times and came %d times, want the first lost", d.name, len(sent), len(came))
		}
		s.lost(t, d.name, 1)
	}
	if by := s.Connections[0].ClosedBy; by == "" || strings.Contains(strings.ToLower(by), "rst") {
		t.Errorf("closed by %q", by)
	}
}

// shown is a run's report and the folder with its captures.
type shown struct {
	Report
	dir string
}

// counted is one direction of the link of the recipe as the report and its checks have it.
type counted struct {
	sent        LinkCounters
	queue, down uint64 // lost at a full queue, and while down
}

func (s shown) link(t *testing.T, direction string) counted {
	t.Helper()
	l := s.Links[1]
	c := counted{sent: l.Sent}
	switch direction {
	case l.A + ">" + l.B:
	case l.B + ">" + l.A:
		c.sent = l.SentBA
	default:
		t.Fatalf("no direction %s", direction)
	}
	for _, check := range s.checks(direction) {
		for text, n := range map[string]*uint64{"at a full queue": &c.queue, "while the link was down": &c.down} {
			before, _, ok := strings.Cut(check.Detail, " "+text)
			if ok {
				fields := strings.Fields(before)
				if _, err := fmt.Sscan(strings.NewReplacer(",", "", "(", "").Replace(fields[len(fields)-1]), n); err != nil {
					t.Errorf("%q: %v", check.Detail, err)
				}
			}
		}
	}
	return c
}

// checks are those of one direction of a link.
func (s shown) checks(direction string) []flow.Check {
	return slices.DeleteFunc(slices.Clone(s.Checks), func(c flow.Check) bool {
		return c.Name != "link" || !strings.HasPrefix(c.Detail, direction+":")
	})
}

// lost wants at least n packets lost, by the engine's count and by the captures at both ends.
func (s shown) lost(t *testing.T, direction string, n uint64) {
	t.Helper()
	counted, seen := s.link(t, direction).sent.Lost, s.evidence(t, direction).Lost
	if counted < n || seen < n {
		t.Errorf("%s: %d packets lost by the engine's count and %d by the captures, want at least %d", direction, counted, seen, n)
	}
}

func (s shown) lostNothing(t *testing.T, direction string) {
	t.Helper()
	if counted, seen := s.link(t, direction).sent.Lost, s.evidence(t, direction).Lost; counted > 0 || seen > 0 {
		t.Errorf("%s: %d packets lost by the engine's count and %d by the captures, want none", direction, counted, seen)
	}
}

func (s shown) retransmitted(t *testing.T, n uint64) {
	t.Helper()
	if got := s.Connections[0].Retransmissions; got < n {
		t.Errorf("%d retransmissions, want at least %d", got, n)
	}
}

func (s shown) handshakeTook(t *testing.T, least time.Duration) {
	t.Helper()
	if got := s.Transfers[0].ConnectSeconds; got < least.Seconds() {
		t.Errorf("the handshake took %.3f s, want at least %v", got, least)
	}
}

// slowerThan wants every packet to have taken a delay and more, by the captures.
func (s shown) slowerThan(t *testing.T, direction string, delay time.Duration) {
	t.Helper()
	if got := s.evidence(t, direction).Delay.Min; got < delay-time.Millisecond {
		t.Errorf("%s: a packet took %v, want %v and more", direction, got, delay)
	}
}

// keptRate wants the report's check of the rate of a direction, and that it passed.
func (s shown) keptRate(t *testing.T, direction string) {
	t.Helper()
	for _, c := range s.checks(direction) {
		if strings.Contains(c.Detail, "busiest second") {
			if c.Verdict != flow.Pass {
				t.Errorf("%s: %s", c.Verdict, c.Detail)
			}
			return
		}
	}
	t.Errorf("%s: the report has no check of the rate", direction)
}

// evidence compares the captures at both ends of the recipe's link.
func (s shown) evidence(t *testing.T, direction string) link.Evidence {
	t.Helper()
	ends := []string{"s1-eth2", "h2-eth0"}
	if strings.HasPrefix(direction, "h2") {
		slices.Reverse(ends)
	}
	var files []io.Reader
	for _, ifname := range ends {
		file, err := os.Open(s.capture(ifname))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	e, err := link.Compare(t.Context(), files[0], files[1], link.Options{Name: direction})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Complete() {
		t.Fatalf("%s: %v", direction, e.Problems)
	}
	return e
}

func (s shown) capture(ifname string) string { return filepath.Join(s.dir, ifname+".pcapng") }

// A segment of TCP as a capture has it.
type segment struct {
	at   time.Time
	tcp  frames.Segment // without its data
	data int            // bytes of payload
}

func (s segment) hasData() bool { return s.data > 0 }

// arriving are the segments of a kind that came to an interface, and leaving those that its node sent.
func (s shown) arriving(t *testing.T, ifname string, kind func(segment) bool) []segment {
	t.Helper()
	return s.segments(t, ifname, strings.HasPrefix(ifname, "h2"), kind)
}

func (s shown) leaving(t *testing.T, ifname string, kind func(segment) bool) []segment {
	t.Helper()
	return s.segments(t, ifname, !strings.HasPrefix(ifname, "h2"), kind)
}

// segments are those of one kind and direction in a capture, read by a package that shares no code with the writer.
func (s shown) segments(t *testing.T, ifname string, fromServer bool, kind func(segment) bool) []segment {
	t.Helper()
	file, err := os.Open(s.capture(ifname))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []segment
	for f, err := range frames.Read(file) {
		if err != nil {
			t.Fatalf("%s: %v", ifname, err)
		}
		tcp, ok := f.TCP()
		if !ok || (tcp.Source.Addr().String() == s.Hosts["h1"]) != fromServer {
			continue
		}
		one := segment{at: f.Time, tcp: tcp, data: len(tcp.Data)}
		one.tcp.Data = nil // the next frame's
		if kind(one) {
			all = append(all, one)
		}
	}
	return all
}

func span(all []segment) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].at.Sub(all[0].at)
}

func longestGap(all []segment) time.Duration {
	var longest time.Duration
	for i := 1; i < len(all); i++ {
		longest = max(longest, all[i].at.Sub(all[i-1].at))
	}
	return longest
}

// leastTime is in how short a time a trace delivers n packets, wherever one begins.
func leastTime(trace topo.Trace, n int) time.Duration {
	at := func(i int) int64 { return int64(i/len(trace))*int64(trace[len(trace)-1]) + int64(trace[i%len(trace)]) }
	least := at(n-1) - at(0)
	for i := range trace {
		least = min(least, at(i+n-1)-at(i))
	}
	return time.Duration(least) * time.Millisecond
}

// The same seed loses the same packets, and another seed others: by the captures at both ends, for losses that are
// independent and for those that come in bursts. The satellite comes closer for it, and loses more.
func TestCookbookLosesTheSamePacketsAgain(t *testing.T) {
	harnesstest.Require(t, "root")
	var all []subtest
	for name, links := range map[string][]string{"satellite": {"s1-h2:delay=2ms", "s1>h2:loss=1%"}, "wifi": nil} {
		all = append(all, subtest{name, 5 * time.Second, func(t *testing.T) {
			type lost struct {
				indices []uint64
				sent    uint64
			}
			var runs [3]lost
			// No burst of theirs has more than four packets. Where one is longer than what is on its way, each packet of the rest is a
			// retransmission whose timer has doubled: eleven of seed 12 took half a minute now and then.
			for i, seed := range []uint64{9, 9, 26} {
				chosen := selectAll(t, Params{Seed: seed, Links: links}, name)[0]
				chosen.Excerpt = 1 << 20
				r, o := mustRun(t, chosen)
				if r.Seed != seed {
					t.Fatalf("the report has seed %d, asked %d", r.Seed, seed)
				}
				e := shown{r, o.Dir(chosen)}.evidence(t, "s1>h2")
				runs[i] = lost{e.LostIndices, e.Sent}
			}
			// How many packets there are depends on the timing of retransmissions, so what all had is compared.
			common := min(runs[0].sent, runs[1].sent, runs[2].sent)
			var among [3][]uint64
			for i, r := range runs {
				among[i] = slices.DeleteFunc(r.indices, func(index uint64) bool { return index >= common })
			}
			if len(among[0]) == 0 {
				t.Fatalf("nothing was lost of %d packets: choose a seed that shows something", common)
			}
			if diff := cmp.Diff(among[0], among[1]); diff != "" {
				t.Errorf("one seed, two runs (-first +second):\n%s", diff)
			}
			if slices.Equal(among[0], among[2]) {
				t.Errorf("two seeds lost the same packets: %v", among[0])
			}
		}})
	}
	inParallel(t, all)
}

// Recipes are selected by name and all together, and are no part of "all".
func TestCookbookIsSelectedByName(t *testing.T) {
	var names []string
	for _, s := range selectAll(t, Params{}, CookbookName) {
		names = append(names, s.Part)
		if err := s.Topo.Validate(); err != nil {
			t.Errorf("%s: %v", s.Part, err)
		}
		if one := selectAll(t, Params{}, s.Part); len(one) != 1 || one[0].Name() != s.Name() {
			t.Errorf("%s by itself is %v", s.Part, one)
		}
	}
	if diff := cmp.Diff(RecipeNames(), names); diff != "" {
		t.Errorf("cookbook (-want +got):\n%s", diff)
	}
	for _, s := range selectAll(t, Params{}, "all") {
		if slices.Contains(names, s.Part) {
			t.Errorf("all has %s", s.Name())
		}
	}
	// What the user asks for comes on top.
	s := selectAll(t, Params{Links: []string{"s1>h2:loss=3%"}, Delay: time.Millisecond}, "satellite")[0]
	if l := s.Topo.Links[1]; l.AB.LossPercent != 3 || l.AB.Delay != time.Millisecond || l.BA.LossPercent != 0 || l.AB.Rate != 20*topo.Mbit {
		t.Errorf("satellite with changes: %v", l)
	}
	if again := selectAll(t, Params{}, "satellite")[0].Topo.Links[1]; again.AB.LossPercent != 0.1 {
		t.Errorf("a change stuck to the recipe: %v", again)
	}
	_, err := Select([]string{"let"}, Params{})
	if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "lost-fin, and cookbook") {
		t.Errorf("an unknown recipe: %v", err)
	}
}

// What the recipe says as text is what a user can type, here on part e, whose links are unshaped.
func TestRecipesCanBeTyped(t *testing.T) {
	for _, r := range Cookbook() {
		typed := Params{Schedules: r.Schedules}
		for _, text := range r.Links { // users type in the repository's root, and tests run in scenarios
			typed.Links = append(typed.Links, strings.ReplaceAll(text, "trace=scenarios/", "trace="))
		}
		links := selectAll(t, typed, "e")[0].Topo.Links
		i := slices.IndexFunc(links, func(l topo.Link) bool { return l.A == "h2" && l.B == "s1" || l.A == "s1" && l.B == "h2" })
		got, want := links[i], selectAll(t, Params{}, r.Name)[0].Topo.Links[1]
		if got.A != want.A {
			got.AB, got.BA = got.BA, got.AB
		}
		for _, p := range []*topo.LinkParams{&got.AB, &got.BA, &want.AB, &want.BA} {
			if p.Trace != nil {
				p.Trace.Name = filepath.Base(p.Trace.Name)
			}
		}
		if !got.AB.Equal(want.AB) || !got.BA.Equal(want.BA) || !want.AB.Shaped() && !want.BA.Shaped() {
			t.Errorf("%s: %v, typed %v", r.Name, want, got)
		}
	}
}
