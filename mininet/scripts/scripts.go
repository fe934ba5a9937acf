// Package scripts writes the parts as Mininet scripts, from the same values that the namespaces come from. They lie in
// mininet/, for a person to run: sudo python3 mininet/part_k.py --variant A.
//
//	go generate ./mininet/scripts      # writes them; a test fails where they are out of date
package scripts

//go:generate go test . -run TestScriptsAreUpToDate -update

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/scenarios"
)

//go:embed script.py.tmpl
var text string

var script = template.Must(template.New("script").Parse(text))

// Script is one script: its name in mininet/, its text, and the class of its topology.
type Script struct {
	File, Class string
	Text        []byte
}

// values are what the template is filled with.
type values struct {
	File, Class, Heading, Title, Drawing, Example string
	Steps                                         string   // the value of STEPS
	Build                                         []string // lines of the method
	Hops                                          int      // 0: it has no number of hops
	Variants                                      []string // nil: it has one alone
	Servers, Model                                string
	SpanningTree                                  bool
}

// Render makes the script of a part.
func Render(part scenarios.Part) (Script, error) {
	all, err := scenarios.Select([]string{part.Name}, scenarios.Params{})
	if err != nil {
		return Script{}, err
	}
	all = slices.DeleteFunc(all, func(s scenarios.Scenario) bool { return s.Storm })
	s := all[0]
	v := values{
		File: "part_" + part.Name + ".py", Class: "Part" + strings.ToUpper(part.Name), Heading: fmt.Sprintf("Part %s: %s.", part.Name, part.Title),
		Title: strings.ToUpper(part.Title[:1]) + part.Title[1:], Drawing: indent(s.Topo.Draw()),
		Servers: list(s.Servers), Model: string(s.Model), SpanningTree: s.Topo.Loops == topo.LoopsSpanningTree,
	}
	if len(part.Name) > 1 {
		v.File = part.Name + ".py"
		v.Class = strings.ToUpper(part.Name[:1]) + part.Name[1:]
	}
	switch {
	case len(all) > 1:
		v.Example = " --variant " + all[0].Variant
		v.Steps = "{\n"
		for _, s := range all {
			v.Variants = append(v.Variants, s.Variant)
			v.Steps += fmt.Sprintf("    '%s': %s,\n", s.Variant, steps(s, "    "))
		}
		v.Steps += "}"
	default:
		v.Steps = steps(s, "")
		v.Example = map[string]string{"--bw": " --bw 100", "--delay": " --delay 5ms", "--loss": " --loss 1", "--hops": " --hops 3"}[part.Variable]
	}
	if part.Variable == "--hops" {
		v.Hops = len(s.Topo.Switches)
		v.Build, err = chain(s.Topo)
	} else {
		v.Build, err = build(s.Topo)
	}
	if err != nil {
		return Script{}, err
	}
	var b strings.Builder
	if err := script.Execute(&b, v); err != nil {
		return Script{}, err
	}
	return Script{v.File, v.Class, []byte(b.String())}, nil
}

// indent takes the drawing without its first line, which is the title's.
func indent(drawing string) string {
	_, drawing, _ = strings.Cut(drawing, "\n")
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(drawing, "\n") + "\n") {
		if line != "\n" {
			line = "    " + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// steps is what the clients do: a list for each step, of one call for each client.
func steps(s scenarios.Scenario, margin string) string {
	var b strings.Builder
	b.WriteString("[\n")
	for _, step := range s.Steps {
		calls := make([]string, len(step))
		for i, f := range step {
			novels := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(f.Novels)), ", "), "[]")
			calls[i] = fmt.Sprintf("get('%s', '%s', %s", f.Client, f.Server, novels)
			if f.At != 0 {
				calls[i] += ", at=" + strconv.FormatFloat(f.At.Seconds(), 'g', -1, 64)
			}
			if f.Mode != "" && f.Mode != peers.Persistent {
				calls[i] += fmt.Sprintf(", mode='%s'", f.Mode)
			}
			calls[i] += ")"
		}
		fmt.Fprintf(&b, "%s    [%s],\n", margin, strings.Join(calls, ",\n"+margin+"     "))
	}
	b.WriteString(margin + "]")
	return b.String()
}

// build are the lines that add hosts, switches and links, those alike in one loop.
func build(t topo.Topo) ([]string, error) {
	var hosts, switches []string
	for _, h := range t.Hosts {
		hosts = append(hosts, h.Name)
	}
	for _, s := range t.Switches {
		switches = append(switches, s.Name)
	}
	var lines []string
	add := func(what, method string, names []string) {
		if len(names) == 1 {
			lines = append(lines, fmt.Sprintf("self.%s('%s')", method, names[0]))
			return
		}
		lines = append(lines, fmt.Sprintf("for %s in %s:", what, words(names)), fmt.Sprintf("    self.%s(%s)", method, what))
	}
	add("host", "addHost", hosts)
	add("switch", "addSwitch", switches)
	for rest := t.Links; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].AB.Equal(rest[0].AB) && rest[n].BA.Equal(rest[0].BA) {
			n++
		}
		args, err := arguments(rest[0])
		if err != nil {
			return nil, err
		}
		lines = append(lines, links(rest[:n], args)...)
		rest = rest[n:]
	}
	return lines, nil
}

// oneEnd says whether all links go from different nodes to the same.
func oneEnd(links []topo.Link) bool {
	return !slices.ContainsFunc(links, func(l topo.Link) bool { return l.B != links[0].B })
}

// links are the lines that add links which are alike.
func links(all []topo.Link, args string) []string {
	var from, pairs []string
	for _, l := range all {
		from = append(from, l.A)
		pairs = append(pairs, l.A+"-"+l.B)
	}
	switch {
	case len(all) == 1:
		return []string{fmt.Sprintf("self.addLink('%s', '%s', %s)", all[0].A, all[0].B, args)}
	case oneEnd(all):
		return []string{fmt.Sprintf("for node in %s:", words(from)), fmt.Sprintf("    self.addLink(node, '%s', %s)", all[0].B, args)}
	}
	return []string{fmt.Sprintf("for pair in '%s'.split():", strings.Join(pairs, " ")), "    self.addLink(*pair.split('-'), " + args + ")"}
}

// chain are the lines of a chain of any number of switches.
func chain(t topo.Topo) ([]string, error) {
	args, err := arguments(t.Links[0])
	if err != nil {
		return nil, err
	}
	for _, l := range t.Links {
		if !l.AB.Equal(t.Links[0].AB) || !l.BA.Equal(t.Links[0].AB) {
			return nil, fmt.Errorf("%s: links of a chain that are not alike", t.Name)
		}
	}
	first, last := t.Hosts[0].Name, t.Hosts[1].Name
	return []string{
		fmt.Sprintf("before = self.addHost('%s')", first),
		"for number in range(1, hops + 1):",
		"    switch = self.addSwitch('s%d' % number)",
		"    self.addLink(before, switch, " + args + ")",
		"    before = switch",
		fmt.Sprintf("self.addLink(before, self.addHost('%s'), %s)", last, args),
	}, nil
}

// arguments are those of addLink.
func arguments(l topo.Link) (string, error) {
	if !l.AB.Equal(l.BA) {
		return "", fmt.Errorf("link %s: directions that differ", l)
	}
	a, err := mininet.Args(l.AB)
	if err != nil {
		return "", err
	}
	var own []string
	add := func(given bool, format string, value any) {
		if given {
			own = append(own, fmt.Sprintf(format, value))
		}
	}
	add(a.BW != 0, "'bw': %g", a.BW)
	add(a.Delay != "", "'delay': '%s'", a.Delay)
	add(a.Jitter != "", "'jitter': '%s'", a.Jitter)
	add(a.Loss != 0, "'loss': %g", a.Loss)
	add(a.MaxQueueSize != 0, "'max_queue_size': %d", a.MaxQueueSize)
	if own == nil {
		return "**changed", nil
	}
	return "**{" + strings.Join(own, ", ") + ", **changed}", nil
}

// words are names as a tuple without brackets, or split where there are many.
func words(names []string) string {
	if len(names) > 6 {
		return "'" + strings.Join(names, " ") + "'.split()"
	}
	return "'" + strings.Join(names, "', '") + "'"
}

func list(names []string) string { return "['" + strings.Join(names, "', '") + "']" }
