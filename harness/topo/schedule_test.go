package topo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestParseSchedule(t *testing.T) {
	const s = time.Second
	for text, want := range map[string][]Change{
		"down 2s..3s; 10Mbit after 5s":             {{From: 2 * s, To: 3 * s, Down: true}, {From: 5 * s, Set: "rate=10Mbit"}},
		"Down from 2s to 3s":                       {{From: 2 * s, To: 3 * s, Down: true}},
		"loss=20, delay=80ms from 1s to 4s":        {{From: s, To: 4 * s, Set: "delay=80ms,loss=20%"}},
		"loss=0% after 0s":                         {{Set: "loss=0%"}},
		"drop=the SYN from h1 from 1s to 2s":       {{From: s, To: 2 * s, Set: "drop=the SYN from h1"}},
		"drop=packets 1,3,drop=every RST after 1s": {{From: s, Set: "drop=packets 1 and 3,drop=every RST"}},
	} {
		got, err := ParseSchedule(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
			continue
		}
		var printed []string
		for _, c := range got {
			printed = append(printed, c.String())
		}
		again, err := ParseSchedule(strings.Join(printed, "; "))
		if err != nil || !slices.Equal(again, want) {
			t.Errorf("%q prints as %q, which is %+v, %v", text, printed, again, err)
		}
	}
	_, err := ParseSchedule("down; ; down 3s..2s; down 2s..; 10Mbit 5s; loss=x after 1s; rate=0 after z; trace=lte after 1s; down 2s..2s; fast after 1s")
	golden(t, "schedule-mistakes.txt", err.Error()+"\n")
}

func TestScheduleAt(t *testing.T) {
	const s = time.Second
	changes, err := ParseSchedule("down 2s..3s; 10Mbit after 5s; rate=1Mbit,loss=1% 4s..6s; delay=2ms 2500ms..2600ms")
	if err != nil {
		t.Fatal(err)
	}
	p := LinkParams{Rate: 100 * Mbit, Delay: time.Millisecond, Schedule: changes}
	var got strings.Builder
	for _, at := range append([]time.Duration{0}, p.Times()...) {
		now, down := p.At(at)
		fmt.Fprintf(&got, "%v %s %v\n", at, now.Text(), down)
	}
	want := `0s rate=100Mbit,delay=1ms false
2s rate=100Mbit,delay=1ms true
2.5s rate=100Mbit,delay=2ms true
2.6s rate=100Mbit,delay=1ms true
3s rate=100Mbit,delay=1ms false
4s rate=1Mbit,delay=1ms,loss=1% false
5s rate=1Mbit,delay=1ms,loss=1% false
6s rate=10Mbit,delay=1ms false
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	given := []string{"the SYN", "the first FIN"}
	now, _ := LinkParams{Drop: given, Schedule: []Change{{Set: "drop=every RST"}}}.At(0)
	if !slices.Equal(now.Drop, []string{"every RST"}) || given[0] != "the SYN" {
		t.Errorf("a change to drop makes %q of %q", now.Drop, given)
	}
	if now, down := (LinkParams{Rate: 7}).At(s); down || now.Rate != 7 {
		t.Error("without a schedule something changes")
	}
}

func TestSetSchedule(t *testing.T) {
	topo := Pair()
	if err := topo.SetSchedule("h1>h2: down 2s..3s"); err != nil {
		t.Fatal(err)
	}
	if len(topo.Links[0].AB.Schedule) != 1 || len(topo.Links[0].BA.Schedule) != 0 {
		t.Errorf("%+v", topo.Links[0])
	}
	err := topo.SetSchedule("h1-h3: up 2s..3s")
	if len(Mistakes(err)) != 2 || !strings.Contains(err.Error(), "did you mean h1-h2") {
		t.Errorf("a wrong link and a wrong change: %v", err)
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("down 2s..3s; 10Mbit after 5s")
	f.Add("drop=packets 1,3 from 1ms to 2h;loss=3 after 1s")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseSchedule(text)
		if err != nil {
			return
		}
		var printed []string
		for _, c := range got {
			printed = append(printed, c.String())
		}
		again, err := ParseSchedule(strings.Join(printed, ";"))
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("%q is %+v, prints as %q, which is %+v, %v", text, got, printed, again, err)
		}
		p := LinkParams{Schedule: got}
		for _, at := range p.Times() {
			p.At(at)
		}
		topo := Pair()
		topo.Links[0].AB = p
		_ = topo.Validate()
	})
}

// Everything that impairments can have wrong, all at once.
func TestValidateImpairments(t *testing.T) {
	var topo Topo
	topo.AddHost("h1", "h2").AddSwitch("s1").AddLink("h2", "s1")
	bad := LinkParams{
		Rate: 1, Delay: time.Hour + 1, Jitter: -1, Distribution: "gauss", LossPercent: -1,
		Gilbert: GilbertElliott{RPercent: 101}, Drop: []string{"the SIN", "every RST from h3 to h9", "the SYN from 10.0.0.1"},
		DuplicatePercent: 101, ReorderPercent: -3, ReorderGap: -1, CorruptPercent: 1e9,
		MaxQueue: -1, MaxQueueBytes: -1, ECNThreshold: -1, MTU: 67,
		Trace:    &LinkTrace{Name: "lte"},
		Schedule: []Change{{From: -1, Down: true}, {}, {Down: true, Set: "loss=1%"}, {Set: "lose=1%"}, {From: 2, To: 1, Set: "trace=x"}},
	}
	back := LinkParams{
		Delay: time.Millisecond, Jitter: time.Millisecond + 1, ReorderGap: 2, MaxQueue: 10, ECNThreshold: 10,
		Trace:    &LinkTrace{Name: "back", Times: Trace{5, 4}},
		Schedule: []Change{{From: time.Second, Set: "delay=0s,reorder=5%"}, {From: 2 * time.Second, Set: "loss=150%"}},
	}
	topo.AddLink("h1", "s1", bad, back)
	err := topo.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	golden(t, "impairment-mistakes.txt", err.Error()+"\n")

	good := full()
	good.Schedule = []Change{{From: 1, To: 2, Down: true}, {Set: "loss=100%"}}
	good.Drop = []string{"the SYN from h2", "every RST to fd00::1"}
	traced := LinkParams{Trace: &LinkTrace{Times: Trace{0, 0, 1}}, Delay: time.Hour, Jitter: time.Hour, ECNThreshold: 5, MTU: 68}
	topo.Links[1].AB, topo.Links[1].BA = good, traced
	if err := topo.Validate(); err != nil {
		t.Errorf("good ones: %v", err)
	}
	topo.Links[1].BA.Schedule = make([]Change, 501)
	if err := topo.Validate(); len(Mistakes(err)) != 1 || !strings.Contains(err.Error(), "at most 500") {
		t.Errorf("501 changes: %v", err)
	}
}
