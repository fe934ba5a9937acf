package scenarios

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/topo"
)

// Again is the command that runs the scenario again, with all that was changed about it, in a form that a shell takes.
func (s Scenario) Again(o Options) string {
	words := []string{"sudo", "wireproof", "run"}
	add := func(flag, value string) { words = append(words, flag, value) }
	if s.file == "" {
		words = append(words, s.Part)
		add("--variant", s.Variant)
	} else {
		add("--topo", s.file)
		for _, host := range s.Servers {
			add("--server", host)
		}
		for _, f := range s.Fetches() {
			add("--client", f.Client)
		}
	}
	add("--dialect", string(s.Dialect))
	add("--server", string(s.Model))
	p := s.asked
	if p.Mode != "" {
		add("--client", string(p.Mode))
	}
	if p.Rate > 0 {
		add("--bw", strconv.FormatFloat(float64(p.Rate)/float64(topo.Mbit), 'g', -1, 64))
	}
	if p.Delay > 0 {
		add("--delay", p.Delay.String())
	}
	if p.LossPercent > 0 {
		add("--loss", strconv.FormatFloat(p.LossPercent, 'g', -1, 64))
	}
	if p.Hops > 0 {
		add("--hops", strconv.Itoa(p.Hops))
	}
	for _, l := range p.Links {
		add("--link", l)
	}
	for _, l := range p.Schedules {
		add("--schedule", l)
	}
	if p.Engine != "" {
		add("--engine", string(p.Engine))
	}
	if p.Buffer > 0 {
		add("--buffer", strconv.Itoa(p.Buffer))
	}
	if p.Socket.Congestion != "" {
		add("--congestion", p.Socket.Congestion)
	}
	for _, f := range []struct {
		flag string
		set  bool
	}{{"--nagle", p.Socket.Nagle}, {"--quickack", p.Socket.QuickAck}, {"--whole", p.Whole}} {
		if f.set {
			words = append(words, f.flag)
		}
	}
	if o.Corpus.folder {
		add("--files", o.Corpus.Dir)
	}
	if o.Timeout > 0 && o.Timeout != defaultTimeout {
		add("--timeout", o.Timeout.String())
	}
	if o.Backend != "" && o.Backend != Namespaces {
		add("--backend", string(o.Backend))
	}
	if o.CaptureAll {
		add("--capture", "all")
	}
	add("--seed", strconv.FormatUint(s.Topo.Seed, 10))
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word for a shell where it needs that.
func shellWord(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Version is this program's, as the build recorded it: a module version, or "(devel)" in tests.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// sectionComment tells in a capture what it is of.
func (r *run) sectionComment() string {
	s := r.scenario
	lines := []string{
		fmt.Sprintf("wireproof %s: part %s, %s", Version(), s.Name(), s.Title),
		fmt.Sprintf("topology %s, seed %d", s.Topo.Name, s.Topo.Seed),
	}
	names := s.Topo.LinkNames()
	var links []string
	for i, l := range s.Topo.Links {
		switch {
		case !l.AB.Shaped() && !l.BA.Shaped():
		case l.AB.Equal(l.BA):
			links = append(links, names[i]+" "+l.AB.String())
		default:
			links = append(links, l.A+">"+l.B+" "+l.AB.String(), l.B+">"+l.A+" "+l.BA.String())
		}
	}
	if len(links) > 0 {
		lines = append(lines, "links: "+strings.Join(links, "; "))
	}
	return strings.Join(append(lines, "again: "+r.report.Again), "\n")
}
