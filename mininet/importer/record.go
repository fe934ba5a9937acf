package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
)

// A record is what the stand-in writes down: standin/main.py.
type record struct {
	Hosts []struct {
		Name  string
		IP    string
		MAC   string
		Where string
	}
	Switches []struct {
		Name  string
		STP   bool
		Where string
	}
	Links []struct {
		A, B  end
		Where string
	}
	Notes []Note
	Error *struct{ Where, What, Kind string }
}

// An end is one of a link's.
type end struct {
	Node, Name string
	Shape      map[string]json.RawMessage // what TCIntf.config was given
	Where      string
}

// place is where the note is, as file and line. What is about all of the script comes first.
func (n Note) place() (string, int) {
	file, text, _ := strings.Cut(n.Where, ":")
	line, _ := strconv.Atoi(text)
	return file, line
}

// topo turns the record into a topology, and says what of it has no place there.
func (r *record) topo(script string) (topo.Topo, []Note) {
	t := topo.Topo{Name: strings.TrimSuffix(filepath.Base(script), ".py")}
	notes := r.Notes
	note := func(where, format string, a ...any) { notes = append(notes, Note{where, fmt.Sprintf(format, a...)}) }
	stp := false
	for _, s := range r.Switches {
		t.AddSwitch(s.Name)
		stp = stp || s.STP
	}
	for _, h := range r.Hosts {
		t.AddHost(h.Name)
	}
	for _, l := range r.Links {
		params := func(e end) topo.LinkParams {
			p, without := shape(e.Shape)
			for _, w := range without {
				note(e.Where, "%s: %s", e.Name, w)
			}
			return p
		}
		ab := params(l.A)
		var ba topo.LinkParams
		if l.A.Where == l.B.Where && same(l.A.Shape, l.B.Shape) {
			ba, _ = shape(l.B.Shape) // one line says it of both ends
		} else {
			ba = params(l.B)
		}
		if ab.Equal(ba) {
			t.AddLink(l.A.Node, l.B.Node, ab)
		} else {
			t.AddLink(l.A.Node, l.B.Node, ab, ba)
		}
	}
	if loops(t) {
		t.Loops = topo.LoopsSpanningTree
		if !stp {
			note("", "the switches form a loop and none of them has stp: in Mininet it carries a storm, here they run the spanning tree protocol")
		}
	}
	r.addresses(&t, note)
	slices.SortStableFunc(notes, func(a, b Note) int {
		fileA, lineA := a.place()
		fileB, lineB := b.place()
		return cmp.Or(strings.Compare(fileA, fileB), cmp.Compare(lineA, lineB))
	})
	return t, notes
}

// addresses gives a host an address of its own where it has another one than its number gives it.
func (r *record) addresses(t *topo.Topo, note func(where, format string, a ...any)) {
	ends := t.Interfaces()
	mac := make(map[string]string)
	for i, e := range ends {
		if e.Port == 0 && e.Addr.IsValid() {
			mac[e.Node] = e.MAC.String()
		}
		l := r.Links[i/2]
		given := []end{l.A, l.B}[i%2]
		if given.Name != e.Name {
			note(l.Where, "interface %s is called %s here: interfaces are numbered in the order of the links", given.Name, e.Name)
		}
	}
	for i, h := range r.Hosts {
		own, _ := t.HostAddr(h.Name)
		switch p, err := netip.ParsePrefix(h.IP); {
		case h.IP == "":
			note(h.Where, "%s has no address in the script, and %s here", h.Name, own)
		case err != nil:
			note(h.Where, "address %q of %s is none, and it has %s here", h.IP, h.Name, own)
		case p != netip.PrefixFrom(own, 8):
			t.Hosts[i].Addr = p
		}
		if h.MAC != "" && mac[h.Name] != "" && !strings.EqualFold(h.MAC, mac[h.Name]) {
			note(h.Where, "mac %s of %s is not represented: it has %s here", h.MAC, h.Name, mac[h.Name])
		}
	}
}

// loops tells whether the switches are joined in a circle. Hosts do not forward.
func loops(t topo.Topo) bool {
	above := map[string]string{}
	for _, s := range t.Switches {
		above[s.Name] = s.Name
	}
	root := func(n string) string {
		for above[n] != n {
			above[n] = above[above[n]]
			n = above[n]
		}
		return n
	}
	for _, l := range t.Links {
		if above[l.A] == "" || above[l.B] == "" {
			continue
		}
		a, b := root(l.A), root(l.B)
		if a == b {
			return true
		}
		above[a] = b
	}
	return false
}
