package page

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/wireproof/wireproof/harness/topo"
)

// ring is a loop of five switches with a host each, cut by the spanning tree where the load is least.
func ring() topo.Topo {
	t := topo.Topo{Name: "ring", Loops: topo.LoopsSpanningTree}
	p := topo.LinkParams{Rate: 10 * topo.Mbit, Delay: 5 * time.Millisecond}
	for i := range 5 {
		h, s := fmt.Sprintf("h%d", i+1), fmt.Sprintf("s%d", i+1)
		t.AddHost(h).AddSwitch(s).AddLink(h, s)
	}
	for i := range 5 {
		t.AddLink(fmt.Sprintf("s%d", i+1), fmt.Sprintf("s%d", (i+1)%5+1), p)
	}
	return t
}

func topologies() map[string]topo.Topo {
	lossy := topo.LinkParams{Rate: 16 * topo.Mbit, Delay: 15 * time.Millisecond, LossPercent: 1}
	uneven := topo.Linear(2, lossy)
	uneven.Links[0].BA = topo.LinkParams{Rate: 1 * topo.Mbit, Delay: 15 * time.Millisecond}
	return map[string]topo.Topo{
		"pair": topo.Pair(), "single": topo.Single(20), "chain": topo.Linear(8, topo.LinkParams{Rate: topo.Gbit}), "tree": topo.Tree(3, 2, lossy),
		"ring": ring(), "uneven": uneven,
	}
}

// drawn is a page of a topology with one connection over it.
func drawn(t testing.TB, tree topo.Topo) string {
	f := newFixture(t, t.TempDir(), tree)
	f.connect("h2", 4000, []string{"a"}, 20)
	return f.keep()
}

// Every node is in the drawing, and each link with what was asked of it and what it carried.
func TestTopologies(t *testing.T) {
	for name, tree := range topologies() {
		t.Run(name, func(t *testing.T) {
			got := read(t, drawn(t, tree))
			_, got, _ = strings.Cut(got, `<section id="topology"`)
			got, _, _ = strings.Cut(got, "</section>")
			for _, h := range tree.Hosts {
				if !strings.Contains(got, ">"+h.Name+"<") {
					t.Errorf("host %s is not drawn", h.Name)
				}
			}
			for _, s := range tree.Switches {
				if !strings.Contains(got, ">"+s.Name+"<") {
					t.Errorf("switch %s is not drawn", s.Name)
				}
			}
			for _, l := range tree.Links {
				if text := l.AB.String(); !strings.Contains(got, text) {
					t.Errorf("%v is drawn without %s", l, text)
				}
			}
			if idle := strings.Count(got, "wire idle"); idle > 1 || (idle == 1) != (name == "ring") {
				t.Errorf("%d links are idle", idle)
			}
		})
	}
}

// In a browser no two texts of a drawing touch, on a phone and on a desk: of all topologies, their pages one below the other in one.
func TestTopologiesAreReadable(t *testing.T) {
	var before, after, content string
	all := topologies()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		page := read(t, drawn(t, all[name]))
		first, last := strings.Index(page, "<section"), strings.LastIndex(page, "</section>")+len("</section>")
		before, after = page[:first], page[last:]
		content += `<div data-name="` + name + `">` + page[first:last] + "</div>"
	}
	path := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(path, []byte(before+content+after), 0o644); err != nil {
		t.Fatal(err)
	}
	const touching = `(() => {
		const found = [];
		for (const svg of document.querySelectorAll("svg.graph")) {
			const all = Array.from(svg.querySelectorAll("text")).map(e => [e.textContent, e.getBoundingClientRect()]).filter(e => e[1].width > 0);
			const name = svg.closest("[data-name]").dataset.name + ": ";
			const frame = svg.getBoundingClientRect();
			all.forEach(([a, p], i) => {
				if (p.left < frame.left - 1 || p.right > frame.right + 1) found.push(name + a + " is outside");
				all.slice(i + 1).forEach(([b, q]) => {
					if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3) found.push(name + a + " touches " + b);
				});
			});
		}
		return found.concat(document.documentElement.scrollWidth > innerWidth ? ["the page is too wide"] : []);
	})()`
	b := start(t)
	const desk, phone = 1280, 360
	b.open(path, desk, 800, "light")
	if n, want := eval[int](b, `document.querySelectorAll("[data-name] svg.graph").length`), 2*len(all); n != want {
		t.Errorf("%d drawings, want %d: one for each width", n, want)
	}
	for _, width := range []int64{desk, phone} {
		b.do(chromedp.EmulateViewport(width, 800))
		for _, pair := range eval[[]string](b, touching) {
			t.Errorf("in %d pixels: %s", width, pair)
		}
		b.shoot(fmt.Sprintf("topologies-%d.png", width))
	}
	b.quiet()
}
