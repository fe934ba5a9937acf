package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// ErrNoReport is in the chain of the error for a folder that holds no report.
var ErrNoReport = errors.New("no report.json")

// result is report.json, as far as a page shows it. The names are the command's interface; what is not there stays zero.
type result struct {
	Part        string            `json:"part"`
	Variant     string            `json:"variant"`
	Title       string            `json:"title"`
	Topology    string            `json:"topology"`
	Loops       string            `json:"loops"`
	Backend     string            `json:"backend"`
	Dialect     string            `json:"dialect"`
	ServerModel string            `json:"server_model"`
	ClientMode  string            `json:"client_mode"`
	Seed        uint64            `json:"seed"`
	Excerpt     int64             `json:"excerpt"`
	Verdict     flow.Verdict      `json:"verdict"`
	Checks      []flow.Check      `json:"checks"`
	Transfers   []transfer        `json:"transfers"`
	Connections []connection      `json:"connections"`
	Captures    []capture         `json:"captures"`
	Links       []link            `json:"links"`
	Hosts       map[string]string `json:"hosts"`
	TCP         map[string]string `json:"tcp"`
	Seconds     struct{ Up, Run, Down float64 }

	dir string // where it lies
}

// A transfer is what a client says of itself.
type transfer struct {
	Client string `json:"client"`
	Files  []struct {
		Name          string  `json:"name"`
		Bytes         int64   `json:"bytes"`
		SHA256        string  `json:"sha256"`
		Seconds       float64 `json:"seconds"`
		MbitPerSecond float64 `json:"mbit_per_second"`
		Error         string  `json:"error"`
	} `json:"files"`
}

type connection struct {
	Client          string       `json:"client"`
	Server          string       `json:"server"`
	ServerISN       uint32       `json:"server_isn"`
	Handshake       string       `json:"handshake"`
	ClosedBy        string       `json:"closed_by"`
	Files           []string     `json:"files"`
	Found           []flow.Found `json:"found"`
	Segments        uint64       `json:"segments"`
	Retransmissions uint64       `json:"retransmissions"`
	BytesToClient   uint64       `json:"bytes_to_client"`
	First           time.Time    `json:"first"`
	Last            time.Time    `json:"last"`
}

type capture struct {
	Host      string `json:"host"`
	Interface string `json:"interface"`
	Path      string `json:"path"`
	Packets   uint64 `json:"packets"`
	Dropped   uint64 `json:"dropped"`
	Problem   string `json:"problem"`
}

type link struct {
	A       string           `json:"a"`
	B       string           `json:"b"`
	EngineA string           `json:"engine_a"`
	EngineB string           `json:"engine_b"`
	RateBPS int64            `json:"rate_bps"`
	Asked   topo.LinkParams  `json:"asked"`
	AskedBA *topo.LinkParams `json:"asked_ba"`
	Sent    counters         `json:"sent"`
	SentBA  counters         `json:"sent_ba"`
}

type counters struct {
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"`
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Corrupted  uint64 `json:"corrupted"`
	EngineLost uint64 `json:"engine_lost"`
}

// back is what was asked of the direction from B to A.
func (l link) back() topo.LinkParams {
	if l.AskedBA != nil {
		return *l.AskedBA
	}
	return l.Asked
}

// load reads the report of a folder.
func load(dir string) (*result, error) {
	b, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: name a folder that wireproof run has made", dir, ErrNoReport)
	}
	if err != nil {
		return nil, err
	}
	r := &result{dir: dir}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: report.json: %w: run the scenario again", dir, err)
	}
	return r, nil
}

// name is the scenario's, in words.
func (r *result) name() string {
	s := "Part " + r.Part
	for _, word := range []string{r.Variant, r.Dialect, r.ServerModel} {
		if word != "" {
			s += ", " + word
		}
	}
	if r.ClientMode != "" && r.ClientMode != "persistent" {
		s += ", " + r.ClientMode
	}
	return s
}

// host names an address, with or without a port: by its host where it has one.
func (r *result) host(address string) string {
	text := address
	if ap, err := netip.ParseAddrPort(address); err == nil {
		text = ap.Addr().String()
	}
	for name, addr := range r.Hosts {
		if addr == text {
			return name
		}
	}
	return text
}

// kept is the name in the folder of a file that the report names by a path, "" where it is not there.
func (r *result) kept(path string) string {
	base := filepath.Base(path)
	if info, err := os.Stat(filepath.Join(r.dir, base)); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return base
}

// files counts what the connections carried.
func (r *result) files() (n int, bytes uint64) {
	for _, c := range r.Connections {
		n += len(c.Files)
		bytes += c.BytesToClient
	}
	return n, bytes
}

// span is from the first to the last packet of all connections.
func (r *result) span() (first, last time.Time) {
	for i, c := range r.Connections {
		if i == 0 || c.First.Before(first) {
			first = c.First
		}
		if c.Last.After(last) {
			last = c.Last
		}
	}
	return first, last
}
