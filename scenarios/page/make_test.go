package page

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var sectionIDs = []string{"checks", "topology", "timeline", "connections", "wire", "transfers", "links", "captures", "settings"}

// Everything that the page is for is on it, and whatever is in a file's name or in a request is text.
func TestPage(t *testing.T) {
	got := read(t, small(t, t.TempDir()))
	for _, id := range sectionIDs {
		if !strings.Contains(got, `<section id="`+id+`"`) {
			t.Errorf("no section %s", id)
		}
	}
	for _, want := range []string{
		"Throughput", "Time and sequence, to the client", "Round trip", "Sequence", `class="again"`, `id="c3"`,
		"GET 0 a.txt", "tshark -r h1-eth0.pcap -q -z conv,tcp", `<a href="h1-eth0.pcap">`, "ip.addr==10.0.0.2 &amp;&amp; tcp.port==40002",
		"&lt;script&gt;document.title=",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if n := strings.Count(got, "<script"); n != 1 {
		t.Errorf("%d scripts, want the page's own only", n)
	}
	got, _, _ = strings.Cut(got, "<script")
	for _, bad := range []string{"<img", "ZgotmplZ", "NaN", "Inf", "http://", "https://"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
}

// A page of a run that came to nothing, of captures that are gone, and of captures that are broken.
func TestPageOfLittle(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t, dir, topo.Pair())
	f.r.Connections, f.r.Links, f.r.Hosts, f.r.Checks, f.r.Captures = nil, nil, nil, nil, nil
	f.r.Verdict = flow.Inconclusive
	if got := read(t, f.keep()); !strings.Contains(got, "No connection was seen") || !strings.Contains(got, "INCONCLUSIVE") {
		t.Error("the page does not say that there is nothing")
	}

	page := small(t, dir)
	capture := filepath.Join(dir, "h1-eth0.pcap")
	if err := os.WriteFile(capture, []byte("no capture"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Make(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if got := read(t, page); !strings.Contains(got, "Not drawn: h1-eth0.pcap: ") || !strings.Contains(got, `id="c3"`) {
		t.Error("the page does not say that the capture is broken")
	}
	if err := os.Remove(capture); err != nil {
		t.Fatal(err)
	}
	if err := Make(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if got := read(t, page); !strings.Contains(got, "Not drawn: no capture of h1 is in the folder") || strings.Contains(got, `href="h1-eth0.pcap"`) {
		t.Error("the page does not say that the capture is gone")
	}
}

func TestNoReport(t *testing.T) {
	dir := t.TempDir()
	if err := Make(t.Context(), dir); !errors.Is(err, ErrNoReport) {
		t.Errorf("%v", err)
	}
	if _, err := MakeAll(t.Context(), dir); !errors.Is(err, ErrNoReport) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Make(t.Context(), dir); err == nil || errors.Is(err, ErrNoReport) {
		t.Errorf("%v", err)
	}
}

// An index has a row for each report, the failures first, and the links lead to pages.
func TestIndex(t *testing.T) {
	out := t.TempDir()
	small(t, filepath.Join(out, "one"))
	f := newFixture(t, filepath.Join(out, "two %41<"), topo.Single(3))
	f.r.Part, f.r.Verdict = "k", flow.Fail
	f.connect("h2", 4000, []string{"a"}, 3)
	f.keep()
	if err := os.MkdirAll(filepath.Join(out, "broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "broken", "report.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "one", "sweep of g.html"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeAll(t.Context(), out); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("the broken report: %v", err)
	}
	got := read(t, filepath.Join(out, IndexName))
	rows := regexp.MustCompile(`<td><a href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(got, -1)
	if len(rows) != 3 || rows[2][1] != "one/sweep%20of%20g.html" || rows[0][1] != "two%20%2541%3C/report.html" || rows[1][2] != "e, all" {
		t.Errorf("rows %q", rows)
	}
	if !strings.Contains(got, "✕") || !strings.Contains(got, "report.json") {
		t.Error("the index does not tell of what is wrong")
	}
}

// Where one file has several interfaces, it is listed once, and the commands ask for the server's.
func TestOneFileOfAll(t *testing.T) {
	f := newFixture(t, t.TempDir(), topo.Single(3))
	f.r.Captures = append(f.r.Captures, capture{Host: "s1", Interface: "s1-eth10", Path: f.r.Captures[0].Path, Packets: 7, Problem: "it lacks something"},
		capture{Host: "s1", Interface: "s1-eth2", Path: f.r.Captures[0].Path, Packets: 5})
	f.connect("h2", 4000, []string{"a"}, 20)
	got := read(t, f.keep())
	if n := strings.Count(got, "h1-eth0, s1-eth2, s1-eth10: 12 packets, 0 dropped; s1-eth10: it lacks something"); n != 1 {
		t.Errorf("the file is listed %d times", n)
	}
	if !strings.Contains(got, "-Y &#39;frame.interface_name==&#34;h1-eth0&#34;&#39; -w - | tshark -r - -Y") {
		t.Error("the commands do not ask for the server's interface")
	}
}

// A report that is wrong in any way gives a page or an error, and a page has no script but its own.
func FuzzReport(f *testing.F) {
	g := newFixture(f, f.TempDir(), topo.Tree(2, 2, topo.LinkParams{Rate: topo.Mbit}))
	g.connect("h2", 4000, []string{nasty}, 5)
	g.keep()
	f.Add([]byte(read(f, filepath.Join(g.dir, "report.json"))))
	f.Add([]byte(`{"links":[{"a":"x","b":"x"},{"a":"","b":"y"},{"a":"y","b":"x"},{"a":"x","b":"y"}],"hosts":{"x":"y","":""},"seconds":{"run":-1}}`))
	f.Add([]byte(`{"connections":[{"client":"x","server":"[::1]:80","first":"2026-01-02T00:00:00Z","last":"0001-01-01T00:00:00Z","found":[{"name":"","size":-1}]}]}`))
	capture := read(f, filepath.Join(g.dir, "h1-eth0.pcap"))
	f.Fuzz(func(t *testing.T, report []byte) {
		dir := t.TempDir()
		for name, content := range map[string]string{"report.json": string(report), "h1-eth0.pcap": capture} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := Make(t.Context(), dir); err != nil {
			return
		}
		got := read(t, filepath.Join(dir, Name))
		if strings.Count(got, "<script") != 1 || strings.Contains(got, "ZgotmplZ") || !strings.HasSuffix(got, "</html>\n") {
			t.Errorf("%s", got)
		}
	})
}

// A chain of a thousand switches, and a tree that is deeper than a phone is wide, are drawn all the same.
func TestDeepTopologies(t *testing.T) {
	deep := topo.Topo{Name: "deep"}
	for i := range 40 {
		s := fmt.Sprintf("s%d", i)
		deep.AddSwitch(s).AddHost(fmt.Sprintf("h%d", i+1)).AddLink(fmt.Sprintf("h%d", i+1), s)
		if i > 0 {
			deep.AddLink(fmt.Sprintf("s%d", i-1), s)
		}
	}
	for _, tree := range []topo.Topo{deep, topo.Linear(1000, topo.LinkParams{})} {
		f := newFixture(t, t.TempDir(), tree)
		if got := read(t, f.keep()); !strings.Contains(got, "</html>") {
			t.Error("the page has no end")
		}
	}
}
