package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
)

// mermaid writes a flowchart. Its nodes are numbered there and named by their labels, because what may be an identifier
// depends on Mermaid's version and on what stands beside it ("end" ends a block, "x" after a line is an arrow's head).
func mermaid(t topo.Topo) string {
	var b strings.Builder
	id := map[string]string{}
	fmt.Fprintf(&b, "---\ntitle: %s\n---\nflowchart TD\n", yamlText(title(t))) // the front matter is YAML
	for i, s := range t.Switches {
		id[s.Name] = "switch" + strconv.Itoa(i+1)
		fmt.Fprintf(&b, "    %s([%s])\n", id[s.Name], mermaidText(s.Name))
	}
	for i, h := range t.Hosts {
		address, _ := t.HostAddr(h.Name)
		id[h.Name] = "host" + strconv.Itoa(i+1)
		fmt.Fprintf(&b, "    %s[%s]\n", id[h.Name], mermaidText(h.Name, address.String()))
	}
	for _, l := range t.Links {
		near, far := l.A, l.B
		if isHost(t, near) && !isHost(t, far) {
			near, far = far, near
		}
		line := "---"
		if lines := label(l); lines != nil {
			line += "|" + mermaidText(lines...) + "|"
		}
		fmt.Fprintf(&b, "    %s %s %s\n", id[near], line, id[far])
	}
	return b.String()
}

// mermaidText is a quoted string of some lines: entities in place of what would end it (mermaid.js.org, flowchart,
// "Entity codes to escape characters").
func mermaidText(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = strings.NewReplacer(`#`, "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(line)
	}
	return `"` + strings.Join(escaped, "<br>") + `"`
}
