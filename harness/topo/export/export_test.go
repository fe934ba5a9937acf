package export_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
	. "github.com/wireproof/wireproof/harness/topo/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everything is a network with each thing that a format has to say in its own way: two directions, a host's second link, a
// loop, names that mean something to the language, and what no other program has a word for.
//
//	end ─┬─ [s1] ── [s2] ── y
//	     └───────────┘ 2
func everything() topo.Topo {
	t := topo.Topo{Name: "say \"hi\" # <b>\nthere\\", Loops: topo.LoopsSpanningTree, IPv6: true}
	t.AddHost("end", "y").AddSwitch("s1", "s2")
	t.AddLink("end", "s1", topo.LinkParams{Rate: 16 * topo.Mbit, Delay: 15 * time.Millisecond, Jitter: time.Millisecond, Distribution: topo.Normal},
		topo.LinkParams{Rate: topo.Mbit, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 40, HPercent: 10, KLossPercent: 0.5}, LossPercent: 2})
	t.AddLink("s1", "s2", topo.LinkParams{LossPercent: 0.1, MaxQueue: 40, CorruptPercent: 1, DuplicatePercent: 2})
	t.AddLink("s2", "s1", topo.LinkParams{Delay: 1500 * time.Nanosecond, ReorderPercent: 3, ReorderGap: 4})
	t.AddLink("end", "s2").AddLink("y", "s2", topo.LinkParams{Drop: []string{"the SYN"}, ECNThreshold: 5})
	return t
}

func TestRender(t *testing.T) {
	for _, f := range Formats() {
		got, err := Render(everything(), f)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		file := filepath.Join("testdata", "everything."+string(f))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", f, got, want)
		}
	}
}

// JSON reads back as the value it was made of.
func TestJSON(t *testing.T) {
	text, err := Render(everything(), JSON)
	if err != nil {
		t.Fatal(err)
	}
	var got topo.Topo
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, everything()) {
		t.Errorf("%+v is not %+v", got, everything())
	}
}

func TestRefused(t *testing.T) {
	if _, err := Render(topo.Topo{}, DOT); len(topo.Mistakes(err)) == 0 {
		t.Errorf("an empty topology: %v", err)
	}
	if _, err := Render(everything(), "visio"); err == nil || !strings.Contains(err.Error(), `no format "visio": use dot, mermaid`) {
		t.Errorf("an unknown format: %v", err)
	}
}
