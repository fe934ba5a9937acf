package page

import (
	"cmp"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/series"
)

// sections are those of a report's page, the verdict first.
func (r *result) sections(drawn map[int]*series.Connection, missing []string) ([]Section, error) {
	var all []Section
	add := func(s Section, template string, data any) error {
		if template != "" {
			body, err := render(template, data)
			if err != nil {
				return err
			}
			s.body = body
		}
		all = append(all, s)
		return nil
	}
	numbers, names := numbered(r)
	topology, common := drawTopology(r)
	err := cmp.Or(
		add(Section{ID: "checks", Title: "Checks"}, "checks", r.checks()),
		add(Section{ID: "topology", Title: "Topology"}, "topology", struct {
			Drawn        template.HTML
			Common, Name string
			Loops        string
		}{topology, common, r.Topology, r.loops()}),
		add(Section{ID: "timeline", Title: "Timeline"}, "timeline", struct {
			Drawn template.HTML
			Files []string
			Any   bool
		}{timeline(r, numbers), names, len(r.Connections) > 0}),
		add(Section{ID: "connections", Title: "Connections", Tables: []Table{r.connectionTable()}}, "", nil),
		add(Section{ID: "wire", Title: "On the wire"}, "wire", struct {
			Connections []detail
			Missing     []string
			Of          int // connections, where not all are drawn
		}{r.details(drawn, numbers), missing, r.beyond()}),
		add(Section{ID: "transfers", Title: "Transfers", Text: []string{"What the clients say of themselves."}, Tables: []Table{r.transferTable()}}, "", nil),
		add(Section{ID: "links", Title: "Links", Tables: []Table{r.linkTable()}}, "", nil),
		add(Section{ID: "captures", Title: "Captures and logs"}, "captures", r.kepts()),
		add(Section{ID: "settings", Title: "Settings"}, "settings", r.settings()),
	)
	return all, err
}

// beyond is the number of connections where that is more than are drawn.
func (r *result) beyond() int {
	if n := len(r.Connections); n > maxPlotted {
		return n
	}
	return 0
}

// first says how many of the rows a table of many shows.
func first(caption string, all int) string {
	if all <= maxRows {
		return caption
	}
	return fmt.Sprintf("%s: the first %d of %s; all are in report.json", caption, maxRows, thousands(all))
}

// A checkRow is the checks of one name, such as one for each client.
type checkRow struct {
	Name    string
	Verdict flow.Verdict // the worst
	Asks    string
	Checks  []flow.Check
}

// asks says when a check passes, by its name.
var asks = map[string]string{
	"run":         "the run came to its end",
	"capture":     "nothing was dropped, cut or left out",
	"connections": "each client opened exactly the connections it should",
	"streams":     "both directions are there without a hole, and retransmissions repeat the same bytes",
	"wire":        "each file stands in the server's stream as one run of bytes, in order",
	"close":       "each connection ended in good order",
	"link":        "a link did what was asked of it",
	"disk":        "each client's folder holds the files asked for, byte for byte, and no other",
	"clients":     "each client says that it got everything",
	"turns":       "a sequential server served one connection after the other",
	"storm":       "without a spanning tree the storm was there",
	"calm":        "it ended when the loop was cut",
	"agreement":   "disk, wire and connections agree",
}

// checks are the report's by their names, the worst first and otherwise in its order.
func (r *result) checks() []checkRow {
	var rows []checkRow
	for _, c := range r.Checks {
		i := slices.IndexFunc(rows, func(row checkRow) bool { return row.Name == c.Name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, checkRow{Name: c.Name, Asks: asks[c.Name], Verdict: flow.Pass})
		}
		rows[i].Checks = append(rows[i].Checks, c)
		rows[i].Verdict = flow.Worst(rows[i].Verdict, c.Verdict)
	}
	rank := func(v flow.Verdict) int {
		return slices.Index([]flow.Verdict{flow.Fail, flow.Inconclusive, flow.Pass}, v)
	}
	for _, row := range rows {
		slices.SortStableFunc(row.Checks, func(a, b flow.Check) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) })
	}
	slices.SortStableFunc(rows, func(a, b checkRow) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) })
	return rows
}

func (r *result) loops() string {
	switch r.Loops {
	case "spanning-tree":
		return "The spanning tree keeps the dashed links idle."
	case "storm":
		return "There is no spanning tree: the dashed link closes a loop."
	}
	return ""
}

func (r *result) connectionTable() Table {
	t := Table{Caption: first("Connections, as the captures at the servers show them", len(r.Connections)), Columns: []Column{
		{"No.", true}, {"Client", false}, {"Server", false}, {"Handshake", false}, {"Closed by", false}, {"Files", true},
		{"To client", true}, {"Seconds", true}, {"Mbit/s", true}, {"Segments", true}, {"Again", true},
	}}
	for i, c := range r.Connections[:min(len(r.Connections), maxRows)] {
		s := c.Last.Sub(c.First).Seconds()
		mbit := 0.
		if s > 0 {
			mbit = float64(c.BytesToClient) * 8 / 1e6 / s
		}
		t.Rows = append(t.Rows, []Cell{
			{Text: strconv.Itoa(i + 1), Link: anchor(i)}, {Text: r.host(c.Client) + "\u00a0" + port(c.Client), Sort: r.host(c.Client)},
			Text(r.host(c.Server)), Text(c.Handshake), Text(c.ClosedBy), Number(float64(len(c.Files)), thousands(len(c.Files))),
			Number(float64(c.BytesToClient), size(c.BytesToClient)), Number(s, three(s)), Number(mbit, three(mbit)),
			Number(float64(c.Segments), thousands(c.Segments)), Number(float64(c.Retransmissions), thousands(c.Retransmissions)),
		})
	}
	return t
}

// anchor leads to a connection's drawings, where it has some.
func anchor(i int) string {
	if i >= maxPlotted {
		return ""
	}
	return fmt.Sprintf("#c%d", i+1)
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

func (r *result) transferTable() Table {
	files := 0
	for _, transfer := range r.Transfers {
		files += len(transfer.Files)
	}
	t := Table{Caption: first("Files, as the clients received them", files), Columns: []Column{
		{"Client", false}, {"File", false}, {"Size", true}, {"Seconds", true}, {"Mbit/s", true}, {"SHA-256", false},
	}}
	for _, transfer := range r.Transfers {
		for _, f := range transfer.Files {
			digest := cut(f.SHA256, 13)
			if f.Error != "" {
				digest = f.Error
			}
			if len(t.Rows) == maxRows {
				return t
			}
			t.Rows = append(t.Rows, []Cell{
				Text(r.host(transfer.Client)), Text(f.Name), Number(float64(f.Bytes), size(uint64(max(f.Bytes, 0)))), Number(f.Seconds, three(f.Seconds)),
				Number(f.MbitPerSecond, three(f.MbitPerSecond)), {Text: digest, Sort: f.SHA256},
			})
		}
	}
	return t
}

func (r *result) linkTable() Table {
	t := Table{Caption: first("Each direction of each link: what was asked, what carried it, what passed", 2*len(r.Links)), Columns: []Column{
		{"Direction", false}, {"Asked", false}, {"Engine", false}, {"Packets", true}, {"Bytes", true}, {"Load", true},
		{"Lost", true}, {"Doubled", true}, {"Overtaken", true}, {"Damaged", true},
	}}
	for _, l := range r.Links[:min(len(r.Links), maxRows/2)] {
		for _, d := range []struct {
			name, asked, engine string
			rate                int64
			c                   counters
		}{
			{l.A + " → " + l.B, l.Asked.String(), l.EngineA, int64(l.Asked.Rate), l.Sent},
			{l.B + " → " + l.A, l.back().String(), l.EngineB, int64(l.back().Rate), l.SentBA},
		} {
			load := Cell{Text: "–", Sort: "-1"}
			if d.rate > 0 && r.Seconds.Run > 0 {
				share := 100 * float64(d.c.Bytes) * 8 / (float64(d.rate) * r.Seconds.Run)
				load = Number(share, three(share)+" %")
			}
			number := func(n uint64) Cell { return Number(float64(n), thousands(n)) }
			t.Rows = append(t.Rows, []Cell{
				Text(d.name), Text(or(d.asked, "nothing")), Text(or(d.engine, "none")), number(d.c.Packets), Number(float64(d.c.Bytes), size(d.c.Bytes)), load,
				number(d.c.Lost + d.c.EngineLost), number(d.c.Duplicated), number(d.c.Reordered), number(d.c.Corrupted),
			})
		}
	}
	return t
}

// A keptFile is a capture or a log in the folder.
type keptFile struct {
	Name, What string
	Commands   []string
}

// kepts lists the captures of the report, several interfaces of one file together, and the logs beside them.
func (r *result) kepts() (all []keptFile) {
	byPath := make(map[string][]capture)
	var paths []string
	for _, c := range r.Captures {
		if byPath[c.Path] == nil {
			paths = append(paths, c.Path)
		}
		byPath[c.Path] = append(byPath[c.Path], c)
	}
	for _, path := range paths {
		captures := byPath[path]
		f := keptFile{Name: r.kept(path)}
		if len(captures) == 1 {
			f.What = captures[0].Interface + " of " + captures[0].Host + ": "
		} else {
			var names []string
			for _, c := range captures {
				names = append(names, c.Interface)
			}
			slices.SortFunc(names, natural)
			f.What = strings.Join(names, ", ") + ": "
		}
		var packets, dropped uint64
		problems := ""
		for _, c := range captures {
			packets += c.Packets
			dropped += c.Dropped
			if c.Problem != "" {
				problems += "; " + c.Interface + ": " + c.Problem
			}
		}
		f.What += thousands(packets) + " packets, " + thousands(dropped) + " dropped" + problems
		if f.Name == "" {
			f.What += "; not in the folder any more"
			f.Name = filepath.Base(path)
		} else {
			f.Commands = []string{"tshark -r " + quoted(f.Name) + " -q -z conv,tcp", "tshark -r " + quoted(f.Name) + " -q -z io,stat,0.1"}
		}
		all = append(all, f)
	}
	entries, _ := os.ReadDir(r.dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".log") && e.Type().IsRegular() {
			all = append(all, keptFile{Name: e.Name(), What: "log"})
		}
	}
	return all
}

// quoted makes a name fit for a shell.
func quoted(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-/:=,", c)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

type setting struct{ Name, Value string }

func (r *result) settings() []setting {
	all := []setting{
		{"part", r.Part}, {"variant", r.Variant}, {"topology", r.Topology}, {"back end", r.Backend}, {"dialect", r.Dialect}, {"server model", r.ServerModel},
		{"client mode", r.ClientMode}, {"seed", strconv.FormatUint(r.Seed, 10)},
		{"seconds", fmt.Sprintf("%s up, %s run, %s down", three(r.Seconds.Up), three(r.Seconds.Run), three(r.Seconds.Down))},
	}
	if r.Excerpt > 0 {
		all = append(all, setting{"excerpt", "the first " + size(uint64(r.Excerpt)) + " of each file"})
	}
	var tcp []setting
	for name, value := range r.TCP {
		tcp = append(tcp, setting{name, value})
	}
	slices.SortFunc(tcp, func(a, b setting) int { return cmp.Compare(a.Name, b.Name) })
	return slices.DeleteFunc(append(all, tcp...), func(s setting) bool { return s.Value == "" })
}
