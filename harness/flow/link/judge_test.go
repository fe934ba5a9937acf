package link

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// seen makes evidence of n packets that took the given times, over and over.
func seen(n uint64, times ...time.Duration) Evidence {
	e := Evidence{Name: "h1>s1", Sent: n, Received: n}
	for i := range n {
		if len(times) > 0 {
			e.Delay.add(times[int(i)%len(times)])
		}
	}
	e.Delay.finish()
	return e
}

func lossy(n, lost uint64) Evidence {
	e := seen(n)
	e.Received, e.Lost = n-lost, lost
	for i := range lost {
		e.LostIndices = append(e.LostIndices, 3*i)
	}
	return e
}

func with(e Evidence, change func(*Evidence)) Evidence {
	change(&e)
	return e
}

const ms = time.Millisecond

// Each verdict has its twin beside it.
func TestJudge(t *testing.T) {
	loss5 := topo.LinkParams{LossPercent: 5}
	delay5 := topo.LinkParams{Delay: 5 * ms}
	skip := topo.LinkParams{Delay: 20 * ms, ReorderPercent: 25}
	skipped := func(every int) Evidence {
		times := make([]time.Duration, every)
		for i := range times {
			times[i] = 20 * ms
		}
		times[0] = ms / 10
		return with(seen(1000, times...), func(e *Evidence) { e.Reordered = 300 })
	}
	user := func(l Lost) Counters { return Counters{Engine: "user", Exact: true, Lost: l} }
	gilbert := topo.LinkParams{Gilbert: topo.GilbertElliott{PPercent: 2, RPercent: 20}}
	down := topo.LinkParams{Schedule: []topo.Change{{From: 2 * time.Second, To: 3 * time.Second, Down: true}}}
	for _, c := range []struct {
		name  string
		asked topo.LinkParams
		e     Evidence
		c     Counters
		want  flow.Verdict
		says  string
	}{
		{"all arrived", topo.LinkParams{}, seen(2345), Counters{}, flow.Pass, "h1>s1: all of 2,345 packets arrived."},
		{"one did not", topo.LinkParams{}, lossy(2345, 1), Counters{}, flow.Fail, "1 of 2,345 packets lost without that being asked (packet 0, from 0)"},
		{"one was on its way", topo.LinkParams{}, with(lossy(9, 1), func(e *Evidence) { e.Unsettled = 1 }), Counters{}, flow.Inconclusive, "may have been on their way"},
		{"nothing asked or sent", topo.LinkParams{}, seen(0), Counters{}, flow.Pass, "no packet was sent"},
		{"loss asked, nothing sent", loss5, seen(0), Counters{}, flow.Inconclusive, "nothing was shown"},
		{"incomplete", topo.LinkParams{}, with(lossy(9, 1), func(e *Evidence) { e.Problems = []string{"the capture lost 1 packet"} }), Counters{}, flow.Inconclusive, "the capture lost 1 packet"},

		{"loss", loss5, lossy(2345, 118), Counters{}, flow.Pass, "h1>s1: 5.03 % of 2,345 packets lost, asked 5 %, chance allows 2.94 to 7.33 % (69 to 172)."},
		{"too little", loss5, lossy(2345, 60), Counters{}, flow.Fail, "2.56 % of 2,345"},
		{"too much", loss5, lossy(2345, 180), Counters{}, flow.Fail, "7.68 % of 2,345"},
		{"none of few", loss5, lossy(50, 0), Counters{}, flow.Inconclusive, "nothing was lost of 50 packets, so nothing was shown"},
		{"none of many", loss5, lossy(2345, 0), Counters{}, flow.Fail, "0.00 % of 2,345"},
		{"too much of super-frames", loss5, lossy(2345, 300), Counters{Engine: "bpf"}, flow.Inconclusive, "did not decide packet by packet"},
		{"loss and a full queue", loss5, lossy(2345, 418), user(Lost{Chance: 118, Queue: 300}), flow.Pass, "300 of these may be lost for other reasons (300 at a full queue"},
		{"loss, and the rest is no queue", loss5, lossy(2345, 418), user(Lost{Chance: 418}), flow.Fail, "17.83 %"},
		{"bursts", gilbert, lossy(10_000, 900), Counters{}, flow.Pass, "bursts that lose 9.090909 % in the long run"},
		{"too many", gilbert, lossy(10_000, 2000), Counters{}, flow.Fail, "20.00 %"},
		{"too few bursts", gilbert, lossy(200, 190), Counters{}, flow.Inconclusive, "too few bursts"},
		{"no burst", gilbert, lossy(100, 0), Counters{}, flow.Inconclusive, "nothing was lost"},
		{"queue", topo.LinkParams{Rate: topo.Mbit}, lossy(900, 5), user(Lost{Queue: 5}), flow.Pass, "5 of 900 packets lost: 5 at a full queue"},
		{"queue, and more", topo.LinkParams{Rate: topo.Mbit}, lossy(900, 6), user(Lost{Queue: 5}), flow.Fail, "1 of 900 packets lost without"},
		{"queue, unknown", topo.LinkParams{Rate: topo.Mbit}, lossy(900, 5), Counters{}, flow.Inconclusive, "no engine says why"},
		{"named", topo.LinkParams{Drop: []string{"the SYN"}}, lossy(9, 1), user(Lost{Listed: 1}), flow.Pass, "1 named by a filter"},
		{"none named", topo.LinkParams{Drop: []string{"the SYN"}}, lossy(9, 0), user(Lost{}), flow.Inconclusive, "nothing came by"},
		{"named, unasked", topo.LinkParams{}, lossy(9, 1), user(Lost{Listed: 1}), flow.Fail, "no filter was asked for"},
		{"down", down, lossy(900, 40), user(Lost{Down: 40}), flow.Pass, "40 while the link was down"},

		{"engine's fault", topo.LinkParams{}, lossy(900, 2), user(Lost{Engine: 2}), flow.Inconclusive, "engine user lost 2 packets by its own fault"},
		{"another fault", topo.LinkParams{}, seen(900), Counters{Engine: "user", Faults: "its thread was stopped"}, flow.Inconclusive, "its thread was stopped"},

		{"delay", delay5, seen(500, 5*ms, 5100*time.Microsecond), Counters{}, flow.Pass, "packets took 5ms to 5.1ms"},
		{"sooner", delay5, seen(500, 5*ms, 4900*time.Microsecond), Counters{}, flow.Fail, "sooner than 5ms"},
		{"within the stamps' error", delay5, seen(500, 5*ms, 4951*time.Microsecond), Counters{}, flow.Pass, "asked 5ms"},
		{"slow", delay5, seen(500, 5*ms, 7*ms, 8*ms), Counters{}, flow.Inconclusive, "the machine was too slow"},
		{"slow by a queue", topo.LinkParams{Delay: 5 * ms, Rate: topo.Mbit}, seen(500, 5*ms, 700*ms, 800*ms), Counters{}, flow.Pass, "packets took"},
		{"slow without a queue", topo.LinkParams{Delay: 5 * ms, Rate: topo.Mbit}, seen(500, 700*ms, 800*ms), Counters{}, flow.Inconclusive, "even the quickest"},
		{"jitter", topo.LinkParams{Delay: 5 * ms, Jitter: ms}, seen(500, 4*ms, 5*ms, 6*ms), Counters{}, flow.Pass, "jitter of 1ms, uniform"},
		{"too much jitter", topo.LinkParams{Delay: 5 * ms, Jitter: ms}, seen(500, 3*ms, 5*ms, 6*ms), Counters{}, flow.Fail, "sooner than 4ms"},
		{"no jitter", topo.LinkParams{Delay: 5 * ms, Jitter: ms}, seen(500, 5*ms), Counters{}, flow.Fail, "all took about the same"},
		{"clocks", topo.LinkParams{}, seen(500, -ms, ms), Counters{}, flow.Inconclusive, "clocks"},
		{"delay unseen", delay5, seen(500, ms), Counters{Engine: "netem", Place: Before}, flow.Inconclusive, "the captures do not see it"},

		{"overtaken", delay5, with(seen(500, 5*ms), func(e *Evidence) { e.Reordered = 1 }), Counters{}, flow.Fail, "1 of 500 packets arrived behind"},
		{"overtaken in the kernel", topo.LinkParams{}, with(seen(500, 0), func(e *Evidence) { e.Reordered = 1 }), Counters{Engine: "none"}, flow.Inconclusive, "the kernel itself"},
		{"overtaken by jitter", topo.LinkParams{Delay: 5 * ms, Jitter: ms}, with(seen(500, 4*ms, 6*ms), func(e *Evidence) { e.Reordered = 9 }), Counters{}, flow.Pass, ""},
		{"reordered", skip, skipped(4), Counters{}, flow.Pass, "25.00 % of 1,000 packets skipped the delay, asked 25 %"},
		{"too often", skip, skipped(2), Counters{}, flow.Fail, "50.00 %"},
		{"too rarely", skip, skipped(10), Counters{}, flow.Fail, "10.00 %"},
		{"rarely, by a gap", topo.LinkParams{Delay: 20 * ms, ReorderPercent: 25, ReorderGap: 5}, skipped(10), Counters{}, flow.Pass, "10.00 %"},

		{"doubled", topo.LinkParams{DuplicatePercent: 10}, with(seen(1000), func(e *Evidence) { e.Duplicated = 100 }), Counters{}, flow.Pass, "10.00 % of 1,000 packets duplicated"},
		{"doubled too often", topo.LinkParams{DuplicatePercent: 10}, with(seen(1000), func(e *Evidence) { e.Duplicated = 170 }), Counters{}, flow.Fail, "17.00 %"},
		{"doubled, unasked", topo.LinkParams{}, with(seen(1000), func(e *Evidence) { e.Duplicated = 1 }), Counters{}, flow.Fail, "that was not asked"},
		{"none doubled", topo.LinkParams{DuplicatePercent: 1}, seen(100), Counters{}, flow.Inconclusive, "too few"},
		{"damaged", topo.LinkParams{CorruptPercent: 10}, with(seen(1000), func(e *Evidence) { e.Corrupted = 100 }), Counters{}, flow.Pass, "10.00 % of 1,000 packets corrupted"},
		{"damaged, unasked", topo.LinkParams{}, with(seen(1000), func(e *Evidence) { e.Corrupted = 1 }), Counters{}, flow.Fail, "that was not asked"},
		{"copies damaged, unasked", topo.LinkParams{DuplicatePercent: 10}, with(seen(1000), func(e *Evidence) { e.Duplicated, e.CorruptedCopies = 100, 1 }), Counters{}, flow.Fail, "1 duplicate arrived with other bytes"},

		{"agreed", loss5, lossy(2345, 118), user(Lost{Chance: 118}), flow.Pass, "the captures and engine user agree: 118 lost"},
		{"engine says more", loss5, lossy(2345, 118), user(Lost{Chance: 119}), flow.Fail, "engine user lost 119 packets by chance"},
		{"engine says less", loss5, lossy(2345, 118), user(Lost{Chance: 117}), flow.Fail, "the captures show 118 packets lost, engine user counts 117"},
		{"but not exactly", loss5, lossy(2345, 118), Counters{Engine: "bpf", Lost: Lost{Chance: 90}}, flow.Pass, "5.03 %"},
		{"still on its way", topo.LinkParams{}, with(lossy(100, 1), func(e *Evidence) { e.Unsettled = 1 }), Counters{Engine: "user", Exact: true, InFlight: 1}, flow.Inconclusive, "on their way"},
		{"doubled by nobody", topo.LinkParams{DuplicatePercent: 10}, with(seen(1000), func(e *Evidence) { e.Duplicated = 100 }), Counters{Engine: "user", Exact: true, Duplicated: 99}, flow.Fail, "the captures show 100 duplicates, engine user counts 99"},
		{"another time", topo.LinkParams{}, seen(900), Counters{Engine: "user", Exact: true, Packets: 800}, flow.Inconclusive, "not of the same time"},

		{"lost behind", loss5, seen(2345), Counters{Engine: "bpf", Exact: true, Place: Behind, Packets: 2345, Lost: Lost{Chance: 118}}, flow.Pass, "by engine bpf's own count (it acts behind"},
		{"too much behind", loss5, seen(2345), Counters{Engine: "bpf", Exact: true, Place: Behind, Packets: 2345, Lost: Lost{Chance: 300}}, flow.Fail, "12.79 %"},
		{"lost between too", loss5, lossy(2345, 1), Counters{Engine: "bpf", Exact: true, Place: Behind, Lost: Lost{Chance: 118}}, flow.Fail, "where engine bpf does not act"},
		{"lost before", loss5, seen(2227), Counters{Engine: "netem", Place: Before, Lost: Lost{Chance: 118}}, flow.Pass, "5.03 % of 2,345"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checks := Judge(c.asked, c.e, c.c, 0)
			var verdicts []flow.Verdict
			text := ""
			for _, check := range checks {
				verdicts = append(verdicts, check.Verdict)
				text += fmt.Sprintf("%s: %s\n", check.Verdict, check.Detail)
				if check.Name != "link" {
					t.Errorf("a check named %q", check.Name)
				}
			}
			if flow.Worst(verdicts...) != c.want || !strings.Contains(text, c.says) || len(checks) == 0 {
				t.Errorf("want %s %q:\n%s", c.want, c.says, text)
			}
		})
	}
}

// A schedule's changes count if they came before the end.
func TestJudgeSchedule(t *testing.T) {
	asked := topo.LinkParams{LossPercent: 1, Schedule: []topo.Change{{From: time.Second, Set: "loss=20%"}}}
	worst := func(seconds float64) flow.Verdict {
		v := flow.Pass
		for _, c := range Judge(asked, lossy(10_000, 1000), Counters{}, seconds) {
			v = flow.Worst(v, c.Verdict)
		}
		return v
	}
	if v := worst(2); v != flow.Pass {
		t.Errorf("1 to 20 %% asked, 10 %% lost: %s", v)
	}
	if v := worst(0.5); v != flow.Fail {
		t.Errorf("1 %% asked, 10 %% lost: %s", v)
	}
}

// Without captures, what the engine lost by its own fault is known all the same.
func TestJudgeFaults(t *testing.T) {
	if got := JudgeFaults("h1>s1", Counters{Engine: "user", Lost: Lost{Chance: 3}}); got != nil {
		t.Errorf("%+v", got)
	}
	got := JudgeFaults("h1>s1", Counters{Engine: "user", Lost: Lost{Engine: 2}})
	if len(got) != 1 || got[0].Verdict != flow.Inconclusive || !strings.HasPrefix(got[0].Detail, "h1>s1: engine user lost 2 packets by its own fault") {
		t.Errorf("%+v", got)
	}
}
