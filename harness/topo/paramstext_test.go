package topo_test

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/wireproof/wireproof/harness/topo"
)

// files opens texts as if they were files.
func files(texts map[string]string) TraceOpener {
	return func(name string) (io.ReadCloser, error) {
		if text, ok := texts[name]; ok {
			return io.NopCloser(strings.NewReader(text)), nil
		}
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
	}
}

var traces = files(map[string]string{"lte": "1\n2\n2\n8\n", "back": "5\n4\n", "empty": ""})

// full has every field that text can set.
func full() LinkParams {
	return LinkParams{
		Rate: 10 * Mbit, Delay: 20 * time.Millisecond, Jitter: 2 * time.Millisecond, Distribution: Normal,
		LossPercent: 1.5, Gilbert: GilbertElliott{PPercent: 1, RPercent: 20, HPercent: 10, KLossPercent: 0.5},
		Drop: []string{"the SYN", "packets 1, 3 and 5..9"}, DuplicatePercent: 2, ReorderPercent: 25, ReorderGap: 5,
		CorruptPercent: 0.1, MaxQueue: 100, MaxQueueBytes: 60000, ECNThreshold: 20, MTU: 1400, PerFlow: true,
	}
}

func TestLinkParamsText(t *testing.T) {
	const text = "rate=10Mbit,delay=20ms,jitter=2ms,dist=normal,loss=1.5%,gemodel=1%/20%/90%/0.5%,drop=the SYN," +
		"drop=packets 1, 3 and 5..9,duplicate=2%,reorder=25%,gap=5,corrupt=0.1%,queue=100,queuebytes=60000,ecn=20,mtu=1400,perflow=yes"
	if got := full().Text(); got != text {
		t.Errorf("Text is\n%s, want\n%s", got, text)
	}
	got, err := ParseLinkParams(text, nil)
	if diff := cmp.Diff(full(), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]LinkParams{
		"10Mbit":                        {Rate: 10 * Mbit},
		" 10ms , LOSS = 5 , perflow":    {Delay: 10 * time.Millisecond, LossPercent: 5, PerFlow: true},
		"gemodel=10%":                   {Gilbert: GilbertElliott{PPercent: 10, RPercent: 90}},
		"gemodel=100":                   {Gilbert: GilbertElliott{PPercent: 100}},
		"gemodel=0%,drop=none,delay=0s": {},
		"drop=the syn,drop=every RST":   {Drop: []string{"the SYN", "every RST"}},
		"trace=lte":                     {Trace: &LinkTrace{Name: "lte", Times: Trace{1, 2, 2, 8}}},
	} {
		got, err := ParseLinkParams(text, traces)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// Everything that text can have wrong, in one text, and what is said of it.
func TestLinkParamsMistakes(t *testing.T) {
	_, err := ParseLinkParams("rate=0,rate=10,delay=ten,jitter=,dist=gauss,loss=NaN,gemodel=1/0,drop=the SIN,drop=packets 7,duplicate=1e999,"+
		"queue=1.5,perflow=maybe,trace=none,trace=back,lose=3%,10m,,latency=5ms,gemodel=1/2/3/4/5", traces)
	golden(t, "param-mistakes.txt", err.Error()+"\n")
	if _, err := ParseLinkParams("trace=lte", nil); err == nil {
		t.Error("a trace is read without a way to open it")
	}
	if _, err := ParseLinkParams("trace=empty", traces); err == nil || !strings.Contains(err.Error(), "no line") {
		t.Errorf("an empty trace: %v", err)
	}
}

// What parses prints, and what prints parses to the same.
func FuzzLinkParams(f *testing.F) {
	f.Add(full().Text())
	f.Add("10Mbit,gemodel=3,drop=packets 9,7,every=1,loss=1e-7")
	f.Add("gemodel=1%/100%/33.3%/1%,perflow")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseLinkParams(text, nil)
		if err != nil {
			if len(Mistakes(err)) == 0 {
				t.Errorf("%q: no mistake in %v", text, err)
			}
			return
		}
		printed := p.Text()
		if printed == "" && !p.Shaped() {
			return
		}
		again, err := ParseLinkParams(printed, nil)
		if err != nil || !again.Equal(p) || again.Text() != printed {
			t.Errorf("%q prints as %q, which parses to %+v, %v, not %+v", text, printed, again, err, p)
		}
		b, err := json.Marshal(p)
		var back LinkParams
		if err != nil || json.Unmarshal(b, &back) != nil || !back.Equal(p) {
			t.Errorf("%q through JSON %s, %v: %+v", text, b, err, back)
		}
		topo := Pair()
		topo.Links[0].AB = p
		_ = topo.Validate()
		_ = p.String()
	})
}

func TestLinkParamsJSON(t *testing.T) {
	p := full()
	p.Trace = &LinkTrace{Name: "lte", Times: Trace{1, 2}}
	p.Schedule = []Change{{From: time.Second, To: 2 * time.Second, Down: true}, {From: 5 * time.Second, Set: "rate=1Mbit"}}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "params.json", string(b)+"\n")
	var back LinkParams
	if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(p, back) {
		t.Errorf("%v: %s", err, cmp.Diff(p, back))
	}
	if b, _ := json.Marshal(LinkParams{}); string(b) != "{}" {
		t.Errorf("the zero LinkParams is %s", b)
	}
}

func TestLinkParamsEqual(t *testing.T) {
	if (LinkParams{Drop: []string{}, Schedule: []Change{}, Distribution: Uniform}).Shaped() {
		t.Error("empty lists shape a link")
	}
	nan := LinkParams{LossPercent: math.NaN()}
	if !nan.Equal(nan) || nan.Equal(LinkParams{}) || nan.Equal(LinkParams{LossPercent: 1}) {
		t.Error("not a number")
	}
	if !math.IsNaN(nan.LossPercent) {
		t.Error("Equal changed what it compares")
	}
	p := full()
	p.Trace = &LinkTrace{Times: Trace{1, 2}}
	p.Schedule = []Change{{Down: true}}
	var whole Topo
	whole.AddHost("h1", "h2").AddLink("h1", "h2", p)
	copied := whole.Clone()
	copied.Links[0].AB.Drop[0], copied.Links[0].AB.Schedule[0].Down, copied.Links[0].AB.Trace.Times[0] = "x", false, 7
	if p.Drop[0] != "the SYN" || !p.Schedule[0].Down || p.Trace.Times[0] != 1 || copied.Links[0].AB.Equal(p) {
		t.Error("a clone shares its lists")
	}
}

// Each field is asked for on its own, and tells two parameters apart: a field that Equal
// or Text forgets is found here.
func TestEveryFieldCounts(t *testing.T) {
	for text := range strings.SplitSeq("rate=1Mbit delay=1s jitter=1s dist=pareto loss=1 gemodel=1/2 drop=packet_1 duplicate=1 reorder=1 gap=1 "+
		"corrupt=1 queue=1 queuebytes=1 ecn=1 mtu=100 perflow=yes trace=lte", " ") {
		text = strings.ReplaceAll(text, "_", " ")
		p, err := ParseLinkParams(text, traces)
		if err != nil || !p.Shaped() || !strings.HasPrefix(p.Text(), text[:strings.Index(text, "=")]) {
			t.Errorf("%s: %q, %v", text, p.Text(), err)
		}
	}
}

func TestSetLink(t *testing.T) {
	var base Topo
	base.AddHost("h1", "h-2", "h3").AddSwitch("s1")
	base.AddLink("h1", "s1", bw(10)).AddLink("h-2", "s1").AddLink("s1", "h3").AddLink("h3", "s1")
	for text, want := range map[string][8]string{ // AB and BA of each link
		"h1-s1:delay=10ms":        {"rate=10Mbit,delay=10ms", "rate=10Mbit,delay=10ms"},
		"s1-h1: loss=1%":          {"rate=10Mbit,loss=1%", "rate=10Mbit,loss=1%"},
		"h1>s1:5Mbit":             {"rate=5Mbit", "rate=10Mbit"},
		"s1>h1:loss=2%":           {"rate=10Mbit", "rate=10Mbit,loss=2%"},
		"h-2-s1:loss=3%":          {"rate=10Mbit", "rate=10Mbit", "loss=3%", "loss=3%"},
		"h3-s1:loss=3%":           {"rate=10Mbit", "rate=10Mbit", "", "", "loss=3%", "loss=3%"},
		"s1>h3#2:loss=3%":         {"rate=10Mbit", "rate=10Mbit", "", "", "", "", "", "loss=3%"},
		"h3-s1#2:trace=lte,ecn=1": {"rate=10Mbit", "rate=10Mbit", "", "", "", "", "ecn=1,trace=lte", "ecn=1,trace=lte"},
	} {
		topo := base
		if err := topo.SetLink(text, traces); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got [8]string
		for i, l := range topo.Links {
			got[2*i], got[2*i+1] = l.AB.Text(), l.BA.Text()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	all := base
	if err := all.SetLink("all:delay=1ms", nil); err != nil || all.Links[3].BA.Delay != time.Millisecond {
		t.Errorf("all: %v", err)
	}
	if base.Links[0].AB.Delay != 0 || base.Links[3].AB.Shaped() {
		t.Error("a change went through to the topology that the changed one was a copy of")
	}
	before := base.Clone()
	var errs []error
	for _, text := range []string{"h1-s2:delay=10ms", "h2-s1:lose=1,delay=x", "h1s1", ":loss=1", "h1-s1#2:loss=1", "h1-s1:rate=0", "\x00-s1:loss=1"} {
		errs = append(errs, base.SetLink(text, nil))
	}
	golden(t, "setlink-mistakes.txt", errors.Join(errs...).Error()+"\n")
	if !reflect.DeepEqual(before, base) {
		t.Error("a text with mistakes changed the topology")
	}
}

// docs/links.md has a row for each key, with the field that it sets.
func TestEveryParameterIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/links.md")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParseLinkParams("nothing-like-it=1", nil)
	_, keys, ok := strings.Cut(err.Error(), "there are ")
	if !ok {
		t.Fatalf("no keys in %v", err)
	}
	rows := strings.Count(string(doc), "\n| `") - len(Distributions())
	for key := range strings.SplitSeq(keys, ", ") {
		rows--
		if !strings.Contains(string(doc), "\n| `"+key+"` | ") {
			t.Errorf("docs/links.md has no row for %s", key)
		}
	}
	if rows != 0 {
		t.Errorf("docs/links.md has %d rows more than there are keys", rows)
	}
	fields := reflect.TypeFor[LinkParams]()
	for i := range fields.NumField() {
		if name := fields.Field(i).Name; name != "Schedule" && !strings.Contains(string(doc), "` | "+name+" | ") {
			t.Errorf("docs/links.md has no row for the field %s", name)
		}
	}
}
