package page

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/series"
)

// Name is the page's name in a scenario's folder.
const Name = "report.html"

// Make reads report.json and the captures of a scenario's folder and writes report.html beside them. The error has
// ErrNoReport in its chain where the folder holds no report. A capture that is not there, or not readable, leaves its plots
// out, and the page says so.
func Make(ctx context.Context, dir string) error {
	r, err := load(dir)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	d, err := document(ctx, r)
	if err != nil {
		return fmt.Errorf("page: %s: %w", dir, err)
	}
	return write(filepath.Join(dir, Name), d)
}

// write writes a page, all of it or nothing.
func write(path string, d Document) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".page-*")
	if err != nil {
		return fmt.Errorf("page: %w: choose a folder that can be written", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(Write(f, d), f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Bounds on what a page shows, which would otherwise grow with the number of connections beyond what is read or opened on a
// phone. Everything is in report.json.
const (
	maxPlotted  = 80     // connections that are drawn, the first ones
	allBins     = 32_000 // of their plots together
	mostBins    = 600    // of one connection: a plot is not wider
	maxRows     = 500    // of a table, and bars of the timeline
	openDetails = 3      // connections whose details are unfolded from the start
)

// plotted reads what the plots need: from the capture at each server, the connections that the report has of it. missing says
// what could not be read.
func plotted(ctx context.Context, r *result) (byConnection map[int]*series.Connection, missing []string, err error) {
	byConnection = make(map[int]*series.Connection)
	servers := make(map[string]netip.AddrPort)
	var order []string
	for _, c := range r.Connections {
		server, err := netip.ParseAddrPort(c.Server)
		if err != nil {
			continue
		}
		if _, ok := servers[c.Server]; !ok {
			order = append(order, c.Server)
		}
		servers[c.Server] = server
	}
	o := series.Options{Connections: 4 * maxPlotted, Bins: min(max(allBins/max(min(len(r.Connections), maxPlotted), 1), 100), mostBins)}
	for _, server := range order {
		at, ok := r.captureOf(server)
		if !ok {
			missing = append(missing, "no capture of "+r.host(server)+" is in the folder")
			continue
		}
		o.Server, o.Interface = servers[server], at.Interface
		s, err := readSeries(ctx, filepath.Join(r.dir, r.kept(at.Path)), o)
		if ctx.Err() != nil {
			return nil, nil, err
		}
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", filepath.Base(at.Path), err))
			continue
		}
		r.assign(byConnection, server, s)
	}
	return byConnection, missing, nil
}

func readSeries(ctx context.Context, path string, o series.Options) (*series.Series, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return series.Read(ctx, f, o)
}

// captureOf is the capture in which a server's connections were counted.
func (r *result) captureOf(server string) (capture, bool) {
	host := r.host(server)
	for _, c := range r.Captures {
		if c.Host == host && r.kept(c.Path) != "" {
			return c, true
		}
	}
	return capture{}, false
}

// assign finds the report's connections in a series, by their ends and the server's initial sequence number.
func (r *result) assign(to map[int]*series.Connection, server string, s *series.Series) {
	type id struct {
		client string
		isn    uint32
	}
	byID := make(map[id]*series.Connection)
	for i := range s.Connections {
		c := &s.Connections[i]
		byID[id{c.Client.String(), c.ServerISN}] = c
	}
	for i, c := range r.Connections {
		if found := byID[id{c.Client, c.ServerISN}]; c.Server == server && found != nil && i < maxPlotted {
			to[i] = found
		}
	}
}

// document is the page of a report.
func document(ctx context.Context, r *result) (Document, error) {
	drawn, missing, err := plotted(ctx, r)
	if err != nil {
		return Document{}, err
	}
	files, total := r.files()
	first, last := r.span()
	d := Document{
		Title: r.name(), Over: "wireproof report", Verdict: r.Verdict, Lead: r.lead(),
		Foot: "Made from report.json and the captures beside it. wireproof page " + filepath.Base(r.dir) + " makes it again.",
	}
	d.Facts = []Fact{
		{thousands(len(r.Connections)), "", "connections"}, {thousands(files), "", "files on the wire"},
		split("to clients", size(total)), split("first to last packet", seconds(last.Sub(first))),
	}
	if s := last.Sub(first).Seconds(); s > 0 {
		d.Facts = append(d.Facts, split("all together", rate(float64(total)*8/s)))
	}
	d.Sections, err = r.sections(drawn, missing)
	return d, err
}

// split parts a figure from its unit.
func split(name, s string) Fact {
	value, unit, _ := strings.Cut(s, " ")
	return Fact{value, unit, name}
}

// lead says what the verdict rests on.
func (r *result) lead() string {
	lead := ""
	if r.Title != "" {
		lead = strings.ToUpper(r.Title[:1]) + r.Title[1:] + ". "
	}
	var names []string // of the checks that decided, when not all passed
	n := 0
	for _, c := range r.Checks {
		if c.Verdict != r.Verdict {
			continue
		}
		n++
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	all := count(len(r.Checks), "check")
	switch {
	case len(r.Checks) == 0:
		return lead + "Nothing was checked."
	case r.Verdict == flow.Pass:
		return lead + "All of " + all + " passed."
	case r.Verdict == flow.Fail:
		return lead + fmt.Sprintf("%d of %s failed: %s.", n, all, strings.Join(names, ", "))
	}
	return lead + fmt.Sprintf("Evidence is missing for %d of %s: %s.", n, all, strings.Join(names, ", "))
}

// render executes one of the templates.
func render(name string, data any) (template.HTML, error) {
	var b strings.Builder
	if err := shell().ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// MakeAll makes the page of a scenario's folder, or of every scenario's folder in it, and index.html then. It returns the
// paths of what it wrote.
func MakeAll(ctx context.Context, dir string) (made []string, err error) {
	err = Make(ctx, dir)
	if err == nil {
		return []string{filepath.Join(dir, Name)}, nil
	}
	if !errors.Is(err, ErrNoReport) {
		return nil, err
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return nil, err
	}
	var failed error
	for _, e := range entries {
		sub := filepath.Join(dir, e.Name())
		switch subErr := Make(ctx, sub); {
		case subErr == nil:
			made = append(made, filepath.Join(sub, Name))
		case ctx.Err() != nil:
			return made, subErr
		case !errors.Is(subErr, ErrNoReport) && e.IsDir():
			failed = errors.Join(failed, subErr)
		}
	}
	if len(made) == 0 {
		return nil, errors.Join(failed, err)
	}
	return append(made, filepath.Join(dir, IndexName)), errors.Join(failed, Index(dir))
}
