package topo_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestDraw(t *testing.T) {
	drawn := good()
	refused := loop()
	refused.Name, refused.Loops = "refused", LoopsRefused
	drawn["refused"] = refused
	drawn["empty"] = Topo{}
	broken := Topo{Name: "a\x1b[31m\nname"}
	broken.AddHost("h1", "h1", "").AddSwitch("s1", "h1", "föhn\x1b").AddLink("h1", "nobody").AddLink("s1", "s1").AddLink("", "föhn\x1b", bw(1))
	drawn["broken"] = broken
	for name, topo := range drawn {
		got := topo.Draw()
		golden(t, name+".txt", got)
		if !strings.HasSuffix(got, "\n") {
			t.Errorf("%s: the drawing does not end its last line", name)
		}
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && name != "multihomed" {
				t.Errorf("%s: a line of %d columns: %q", name, n, line)
			}
			if strings.ContainsRune(line, '\x1b') {
				t.Errorf("%s: a name reaches the terminal unescaped: %q", name, line)
			}
		}
	}
}

// The drawing shows the tree that the spanning tree protocol comes to: of two
// switches equally near the root, the one with the lower number keeps the link.
func TestDrawSpanningTree(t *testing.T) {
	ring := Topo{Loops: LoopsSpanningTree}
	ring.AddSwitch("s4", "s3", "s2", "s1").AddHost("h1").AddLink("h1", "s4")
	ring.AddLink("s4", "s3").AddLink("s3", "s1").AddLink("s1", "s2").AddLink("s2", "s4")
	got := ring.Draw()
	if want := "¹ [s4] ── [s3]"; !strings.Contains(got, want) {
		t.Errorf("s4 is not kept by way of s2, want %q in:\n%s", want, got)
	}
	if !strings.Contains(got, "[s1] ─┬─ [s3]") {
		t.Errorf("s1 is not the root in:\n%s", got)
	}
}
