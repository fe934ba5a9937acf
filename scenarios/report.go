package scenarios

import (
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/peers"
)

// A Report is what is known of one run. Its JSON names are part of the command's interface; more may be added.
type Report struct {
	Part        string            `json:"part"`
	Variant     string            `json:"variant"`
	Backend     string            `json:"backend"` // "netns": namespaces of our own
	Dialect     string            `json:"dialect"`
	ServerModel string            `json:"server_model"`
	ClientMode  string            `json:"client_mode"`
	Verdict     flow.Verdict      `json:"verdict"`
	Checks      []flow.Check      `json:"checks"`
	Transfers   []peers.Transfer  `json:"transfers"`   // as the clients tell them
	Connections []Connection      `json:"connections"` // as the servers' captures show them
	Captures    []Capture         `json:"captures"`
	Links       []Link            `json:"links"`
	Hosts       map[string]string `json:"hosts"` // name to address
	Seconds     Seconds           `json:"seconds"`
}

// A Connection is one TCP connection as the capture at its server's interface shows it.
type Connection struct {
	Client          string    `json:"client"` // address:port
	Server          string    `json:"server"` // address:port
	ServerISN       uint32    `json:"server_isn"`
	Handshake       string    `json:"handshake"`
	ClosedBy        string    `json:"closed_by"`
	Files           []string  `json:"files"` // whole, in the order of their first byte in the stream to the client
	Segments        uint64    `json:"segments"`
	Retransmissions uint64    `json:"retransmissions"`
	BytesToClient   uint64    `json:"bytes_to_client"`
	First           time.Time `json:"first"`
	Last            time.Time `json:"last"`
}

// A Capture is one kept capture file.
type Capture struct {
	Host      string `json:"host"`
	Interface string `json:"interface"`
	Path      string `json:"path"`
	Packets   uint64 `json:"packets"`
	Dropped   uint64 `json:"dropped"` // by the ring, since it was full
}

// A Link is one link of the topology and what carried it. The parameters are those of the direction from A to B; the
// fields that end in _ba are there where the other direction differs.
type Link struct {
	A           string  `json:"a"`
	B           string  `json:"b"`
	EngineA     string  `json:"engine_a"` // what shapes that which A sends: "none" or "htb"
	EngineB     string  `json:"engine_b"`
	RateBPS     int64   `json:"rate_bps"` // 0: not shaped
	DelayNS     int64   `json:"delay_ns"`
	LossPercent float64 `json:"loss_percent"`
	RateBPSBA   int64   `json:"rate_bps_ba,omitempty"`
}

// Seconds tells where the time went.
type Seconds struct {
	Up   float64 `json:"up"`   // from nothing to a network that forwards
	Run  float64 `json:"run"`  // servers, clients, captures
	Down float64 `json:"down"` // to nothing again
}

// Name identifies the report's scenario: part/variant/dialect/model.
func (r Report) Name() string {
	return r.Part + "/" + r.Variant + "/" + r.Dialect + "/" + r.ServerModel
}
