package scripts

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
)

//go:embed topology.py.tmpl
var topologyText string

var topologyScript = template.Must(template.New("topology").Parse(topologyText))

// Topology writes any topology as a Mininet script that stands by itself: a class for mn --custom, and a main() that starts it
// and gives Mininet's prompt. Package importer reads it back as the topology that it was. The error joins all that Mininet has
// no word for: mininet.ErrCannot.
func Topology(t topo.Topo) (string, error) {
	if err := t.Validate(); err != nil {
		return "", err
	}
	var mistakes []error
	if t.IPv6 {
		mistakes = append(mistakes, fmt.Errorf("IPv6: %w: its hosts have IPv4 addresses", mininet.ErrCannot))
	}
	var lines, plain, switches []string
	for _, h := range t.Hosts {
		if !h.Addr.IsValid() {
			plain = append(plain, h.Name)
		}
	}
	lines = append(lines, addAll("host", "self.addHost(host)", plain)...)
	for _, h := range t.Hosts {
		if h.Addr.IsValid() {
			lines = append(lines, fmt.Sprintf("self.addHost('%s', ip='%s')", h.Name, h.Addr))
		}
	}
	for _, s := range t.Switches {
		switches = append(switches, s.Name)
	}
	stp := ""
	if t.Loops == topo.LoopsSpanningTree {
		stp = ", stp=True"
	}
	lines = append(lines, addAll("switch", "self.addSwitch(switch"+stp+")", switches)...)
	names := t.LinkNames()
	for rest := 0; rest < len(t.Links); {
		l, n := t.Links[rest], 1
		for rest+n < len(t.Links) && t.Links[rest+n].AB.Equal(l.AB) && t.Links[rest+n].BA.Equal(l.BA) {
			n++
		}
		args, err := plainArguments(l)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("link %s: %w", names[rest], err))
		}
		var pairs []string
		for _, l := range t.Links[rest : rest+n] {
			pairs = append(pairs, l.A+":"+l.B) // no name has a colon
		}
		if n == 1 {
			lines = append(lines, fmt.Sprintf("self.addLink('%s', '%s'%s)", l.A, l.B, args))
		} else {
			lines = append(lines, addAll("pair", "self.addLink(*pair.split(':')"+args+")", pairs)...)
		}
		rest += n
	}
	if err := errors.Join(mistakes...); err != nil {
		return "", err
	}
	key := identifier(t.Name)
	title, _, _ := strings.Cut(t.Draw(), "\n")
	var b strings.Builder
	err := topologyScript.Execute(&b, map[string]any{
		"Title": docText(title) + ".", "Drawing": docText(indent(t.Draw())), "File": key + ".py", "Key": key,
		"Class": "Topology" + strings.ToUpper(key[:1]) + key[1:], "Build": lines,
		"SpanningTree": t.Loops == topo.LoopsSpanningTree,
	})
	return b.String(), err
}

// addAll is a call for each of the names, in a loop where there are several.
func addAll(variable, call string, names []string) []string {
	switch len(names) {
	case 0:
		return nil
	case 1:
		return []string{strings.Replace(call, variable, "'"+names[0]+"'", 1)}
	}
	const most = 100 // bytes of a line
	text := strings.Join(names, " ")
	if len(text) < most {
		return []string{fmt.Sprintf("for %s in '%s'.split():", variable, text), "    " + call}
	}
	lines := []string{fmt.Sprintf("for %s in '''", variable)}
	line := ""
	for _, name := range names {
		if len(line)+1+len(name) > most {
			lines = append(lines, "       "+line)
			line = ""
		}
		line += " " + name
	}
	return append(lines, "       "+line, "        '''.split():", "    "+call)
}

// plainArguments are those of addLink for one link, with the comma before them.
func plainArguments(l topo.Link) (string, error) {
	ab, errAB := oneEndArguments(l.AB)
	ba, errBA := oneEndArguments(l.BA)
	if l.AB.Equal(l.BA) {
		errBA = nil
	}
	if err := errors.Join(errAB, errBA); err != nil {
		return "", err
	}
	var all []string
	if l.AB.Equal(l.BA) {
		all = ab
	} else {
		if len(ab) > 0 {
			all = append(all, "params1=dict("+strings.Join(ab, ", ")+")")
		}
		if len(ba) > 0 {
			all = append(all, "params2=dict("+strings.Join(ba, ", ")+")")
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return ", " + strings.Join(all, ", "), nil
}

func oneEndArguments(p topo.LinkParams) (words []string, err error) {
	a, err := mininet.Args(p)
	add := func(given bool, format string, value any) {
		if given {
			words = append(words, fmt.Sprintf(format, value))
		}
	}
	add(a.BW != 0, "bw=%v", a.BW)
	add(a.Delay != "", "delay='%s'", a.Delay)
	add(a.Jitter != "", "jitter='%s'", a.Jitter)
	add(a.Loss != 0, "loss=%v", a.Loss)
	add(a.MaxQueueSize != 0, "max_queue_size=%d", a.MaxQueueSize)
	return words, err
}

// identifier makes a topology's name one of Python's, which is also a file's.
func identifier(name string) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '_'
	}, name)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "topology" + name
	}
	return name
}

// docText is text in a documentation string, which ends at three quotation marks.
func docText(s string) string { return strings.NewReplacer(`\`, `\\`, `"""`, `'''`).Replace(s) }
