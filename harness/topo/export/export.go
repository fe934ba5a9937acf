// Package export writes a topology in the languages of other programs.
//
//	Topo ──┬── dot            a drawing by Graphviz
//	       ├── mermaid        a drawing in a Markdown page
//	       ├── containerlab   the same network in containers
//	       └── json           the value itself
//
// Like package topo it is pure: it makes text of a value, the same on every machine. Interfaces keep their names and
// numbers in all of them.
package export

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
)

// A Format is a language that a topology can be written in.
type Format string

const (
	// DOT is the language of Graphviz: an undirected graph (graphviz.org/doc/info/lang.html).
	DOT Format = "dot"
	// Mermaid is a flowchart of Mermaid, which the pages of many forges draw.
	Mermaid Format = "mermaid"
	// Containerlab is a topology file of containerlab (containerlab.dev/manual/topo-def-file), NAME.clab.yml.
	Containerlab Format = "containerlab"
	// JSON is the Topo's own, which reads back as it was.
	JSON Format = "json"
)

var renderers = []struct {
	format Format
	render func(topo.Topo) string
}{{DOT, dot}, {Mermaid, mermaid}, {Containerlab, containerlab}, {JSON, ownJSON}}

// Formats returns every format there is.
func Formats() []Format {
	var all []Format
	for _, r := range renderers {
		all = append(all, r.format)
	}
	return all
}

// Render writes t in a format. The error says what is wrong with t, or which formats there are.
func Render(t topo.Topo, f Format) (string, error) {
	var names []string
	for _, r := range renderers {
		if r.format == f {
			if err := t.Validate(); err != nil {
				return "", err
			}
			return r.render(t), nil
		}
		names = append(names, string(r.format))
	}
	return "", fmt.Errorf("there is no format %q: use %s", f, strings.Join(names, ", "))
}

func ownJSON(t topo.Topo) string {
	b, _ := json.MarshalIndent(t, "", "  ") // one that Validate accepts always encodes
	return string(b) + "\n"
}

// label says what a link does: one line where it does the same in both directions, else one for each that does something.
func label(l topo.Link) []string {
	switch {
	case !l.AB.Shaped() && !l.BA.Shaped():
		return nil
	case l.AB.Equal(l.BA):
		return []string{l.AB.String()}
	}
	return []string{l.A + " → " + l.B + ": " + l.AB.String(), l.B + " → " + l.A + ": " + l.BA.String()}
}

// title names a topology that has no name.
func title(t topo.Topo) string {
	if t.Name == "" {
		return "network"
	}
	return t.Name
}
