package scenarios

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

func selectAll(t *testing.T, p Params, names ...string) []Scenario {
	t.Helper()
	all, err := Select(names, p)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryScenarioIsValidAndNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range selectAll(t, Params{}, "all") {
		if seen[s.Name()] {
			t.Errorf("%s: listed twice", s.Name())
		}
		seen[s.Name()] = true
		if err := s.Topo.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name(), err)
		}
		if len(s.Fetches()) == 0 || len(s.Servers) == 0 {
			t.Errorf("%s: nobody fetches or nobody serves", s.Name())
		}
		for _, f := range s.Fetches() {
			if !slices.Contains(s.Servers, f.Server) {
				t.Errorf("%s: %s fetches from %s, which does not serve", s.Name(), f.Client, f.Server)
			}
			if _, ok := s.Topo.HostAddr(f.Client); !ok {
				t.Errorf("%s: client %s is not in the topology", s.Name(), f.Client)
			}
		}
	}
}

// The whole of the issue: which part comes in which variant, dialect and model.
func TestAllHasEveryPartInEveryVariantAndDialect(t *testing.T) {
	got := map[string]bool{}
	for _, s := range selectAll(t, Params{}, "all") {
		got[s.Part+" "+s.Variant+" "+string(s.Dialect)] = true
	}
	want := map[string]string{
		"persistent": "default all", "fork": "default all", "thread": "default all", "e": "default all", "f": "default all", "g": "default all",
		"h": "default all", "i": "default all", "j": "default all", "k": "A B A-all B-all", "l": "A B A-all B-all", "m": "A B A-all B-all",
	}
	for part, variants := range want {
		for variant := range strings.FieldsSeq(variants) {
			for _, d := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
				if key := part + " " + variant + " " + string(d); !got[key] {
					t.Errorf("missing: %s", key)
				}
			}
		}
	}
	if !got["m storm stream"] {
		t.Error("missing: m storm")
	}
}

func TestModelsWhereTheyMakeADifference(t *testing.T) {
	models := map[string][]peers.Model{}
	for _, s := range selectAll(t, Params{}, "all") {
		if !slices.Contains(models[s.Part], s.Model) {
			models[s.Part] = append(models[s.Part], s.Model)
		}
	}
	for _, part := range []string{"e", "f"} {
		if len(models[part]) != 3 {
			t.Errorf("part %s runs with %v, not with all three models", part, models[part])
		}
	}
	for part, model := range map[string]peers.Model{"persistent": peers.Sequential, "fork": peers.Fork, "thread": peers.Thread} {
		if !slices.Equal(models[part], []peers.Model{model}) {
			t.Errorf("part %s runs with %v, not with %s alone", part, models[part], model)
		}
	}
}

func TestAddressesOfTheThreeServers(t *testing.T) {
	l := selectAll(t, Params{}, "l")[0].Topo
	for host, want := range map[string]string{"H": "10.0.0.1", "O": "10.0.0.8", "S": "10.0.0.9", "S1": "10.0.0.10", "S2": "10.0.0.11"} {
		if got, _ := l.HostAddr(host); got.String() != want {
			t.Errorf("%s has %v, not %s", host, got, want)
		}
	}
}

func TestScheduleOfTheTree(t *testing.T) {
	for name, want := range map[string][]Fetch{
		"k/B/stream/thread": {get("H", "S", 250, 1), get("K", "S", 750, 2), get("M", "S", 1000, 3), get("N", "S", 1350, 4)},
		"l/A/stream/thread": {get("H", "S", 250, 1), get("I", "S", 750, 2), get("J", "S1", 1000, 3), get("K", "S2", 1350, 4)},
		"l/B/stream/thread": {get("K", "S", 350, 2), get("M", "S1", 500, 3), get("N", "S2", 950, 4), get("H", "S", 1200, 1)},
	} {
		all := selectAll(t, Params{}, "k", "l")
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name() == name })
		if i < 0 {
			t.Errorf("no scenario %s", name)
			continue
		}
		if diff := cmp.Diff(want, all[i].Fetches()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestVariantAllFetchesAllFiveByEveryClient(t *testing.T) {
	for _, s := range selectAll(t, Params{Variants: []string{AllVariant}}, "all") {
		for _, f := range s.Fetches() {
			if !slices.Equal(f.Novels, []int{1, 2, 3, 4, 5}) || s.modeOf(f) != peers.Persistent {
				t.Errorf("%s: %s fetches %v, %s", s.Name(), f.Client, f.Novels, s.modeOf(f))
			}
		}
	}
}

func TestParametersChangeEveryLink(t *testing.T) {
	s := selectAll(t, Params{Rate: 10 * topo.Mbit, Hops: 3}, "j")[0]
	if len(s.Topo.Switches) != 3 || len(s.Topo.Links) != 4 {
		t.Fatalf("a chain of 3 has %d switches and %d links", len(s.Topo.Switches), len(s.Topo.Links))
	}
	for _, l := range s.Topo.Links {
		if l.AB.Rate != 10*topo.Mbit || l.BA.Rate != 10*topo.Mbit {
			t.Errorf("link %s-%s: %v and %v", l.A, l.B, l.AB, l.BA)
		}
	}
	// What is selected later is not what was changed before.
	if again := selectAll(t, Params{}, "j")[0]; again.Topo.Links[0].AB.Rate != 1000*topo.Mbit {
		t.Errorf("a parameter stuck to the part: %v", again.Topo.Links[0].AB)
	}
}

func TestModeReplacesEveryClientsOwn(t *testing.T) {
	s := selectAll(t, Params{Mode: peers.NonPersistent}, "fork")[0]
	if s.ClientMode() != "nonpersistent" {
		t.Errorf("client mode is %q", s.ClientMode())
	}
	if own := selectAll(t, Params{}, "fork")[0]; own.ClientMode() != "concurrent" {
		t.Errorf("the part's own client mode is %q", own.ClientMode())
	}
}

func TestWrongUsageSaysWhatExists(t *testing.T) {
	for _, c := range []struct {
		names []string
		p     Params
		want  []string
	}{
		{[]string{"z"}, Params{}, []string{`no part "z"`, "persistent, fork, thread, e, f"}},
		{nil, Params{}, []string{"name a part"}},
		{[]string{"e"}, Params{Variants: []string{"B"}}, []string{"no variant B", "part e has default, all"}},
		{[]string{"g"}, Params{Rate: -1, Delay: 2 * time.Hour, LossPercent: 101, Hops: -1, Buffer: -1}, []string{"--bw", "--delay", "--loss", "--hops", "--buffer"}},
	} {
		_, err := Select(c.names, c.p)
		if !errors.Is(err, ErrUsage) {
			t.Errorf("Select(%v, %+v) = %v, want ErrUsage", c.names, c.p, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Select(%v, %+v): %q does not say %q", c.names, c.p, err, want)
			}
		}
	}
}

func TestFoldersThatCannotBeServed(t *testing.T) {
	if _, err := Folder(t.TempDir()); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Folder("/nonexistent/folder"); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no folder: %v", err)
	}
}

func TestCorpusNumbersWrapInASmallFolder(t *testing.T) {
	c := Corpus{Names: []string{"a", "b"}}
	if got := c.names([]int{3}); !slices.Equal(got, []string{"a"}) {
		t.Errorf("number 3 of two files is %v", got)
	}
	if got := c.names([]int{1, 2, 3, 4, 5}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("all of two files are %v", got)
	}
}

// What takes minutes by nature is given excerpts, and whole files where that is asked for.
func TestExcerpts(t *testing.T) {
	lockstep := []protocol.Dialect{protocol.Lockstep}
	for _, c := range []struct {
		part    string
		p       Params
		excerpt bool
	}{
		{"i", Params{Dialects: lockstep}, true},
		{"h", Params{Dialects: lockstep}, true},
		{"i", Params{Variants: []string{AllVariant}}, true},
		{"i", Params{}, false},
		{"h", Params{}, false},
		{"g", Params{Dialects: lockstep}, false},
		{"i", Params{Dialects: lockstep, Whole: true}, false},
		{"g", Params{Dialects: lockstep, LossPercent: 1}, true},
	} {
		if s := selectAll(t, c.p, c.part)[0]; (s.Excerpt > 0) != c.excerpt {
			t.Errorf("part %s with %+v: excerpts of %d bytes", c.part, c.p, s.Excerpt)
		}
	}
}

func TestLinksAndSchedulesAreChecked(t *testing.T) {
	s := selectAll(t, Params{Links: []string{"h1-s1:delay=10ms,loss=1%"}, Schedules: []string{"s1-h2: down 2s..3s"}, Seed: 7}, "g")[0]
	if l := s.Topo.Links[0]; l.AB.Delay != 10*time.Millisecond || l.BA.LossPercent != 1 || s.Topo.Seed != 7 {
		t.Errorf("link %v, seed %d", l, s.Topo.Seed)
	}
	if len(s.Topo.Links[1].AB.Schedule) != 1 {
		t.Errorf("schedule %v", s.Topo.Links[1].AB.Schedule)
	}
	for _, p := range []Params{
		{Links: []string{"h1-s9:delay=1ms"}}, {Links: []string{"h1-s1:loss=101%"}}, {Links: []string{"h1-s1:rate=0"}}, {Links: []string{"h1-s1:delay=2h"}},
		{Links: []string{"h1-s1:reorder=5%"}}, {Links: []string{"h1-s1:trace=/nonexistent"}}, {Schedules: []string{"h1-s1: whenever"}},
		{Links: []string{"h1-s1:delay=5ms,jitter=1ms,dist=cauchy"}},
	} {
		if _, err := Select([]string{"g"}, p); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: %v, want ErrUsage", p, err)
		}
	}
}
