package scenarios

import (
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
)

// A Report is what is known of one run. Its JSON names are part of the command's interface; more may be added.
type Report struct {
	Part        string            `json:"part"`
	Variant     string            `json:"variant"`
	Title       string            `json:"title"`    // what the part is about
	Topology    string            `json:"topology"` // its name
	Loops       topo.Loops        `json:"loops"`    // what became of loops of switches
	Backend     string            `json:"backend"`  // "netns": namespaces of our own; "mininet"
	Dialect     string            `json:"dialect"`
	ServerModel string            `json:"server_model"`
	ClientMode  string            `json:"client_mode"`
	Seed        uint64            `json:"seed"`              // of everything that happened by chance
	Excerpt     int64             `json:"excerpt,omitempty"` // bytes of each file that were served; 0: all
	Again       string            `json:"again"`             // the command that runs it again
	Verdict     flow.Verdict      `json:"verdict"`
	Failure     *Failure          `json:"failure,omitempty"` // why, in two lines, where the verdict is not PASS
	Checks      []flow.Check      `json:"checks"`
	Transfers   []peers.Transfer  `json:"transfers"`   // as the clients tell them
	Connections []Connection      `json:"connections"` // as the servers' captures show them
	Captures    []Capture         `json:"captures"`
	Links       []Link            `json:"links"`
	Hosts       map[string]string `json:"hosts"` // name to address
	TCP         map[string]string `json:"tcp"`   // what every host's TCP was set to
	Seconds     Seconds           `json:"seconds"`

	scenario string
	dir      string // "" where there is none
}

// A Connection is one TCP connection as the capture at its server's interface shows it.
type Connection struct {
	Client          string       `json:"client"` // address:port
	Server          string       `json:"server"` // address:port
	ServerISN       uint32       `json:"server_isn"`
	Handshake       string       `json:"handshake"`
	ClosedBy        string       `json:"closed_by"`
	Files           []string     `json:"files"` // whole, in the order of their first byte in the stream to the client
	Found           []flow.Found `json:"found"` // where each of them lies: stream offset, packets, times
	Segments        uint64       `json:"segments"`
	Retransmissions uint64       `json:"retransmissions"`
	BytesToClient   uint64       `json:"bytes_to_client"`
	First           time.Time    `json:"first"`
	Last            time.Time    `json:"last"`
}

// A Capture is one kept capture file.
type Capture struct {
	Host      string `json:"host"`
	Interface string `json:"interface"`
	Path      string `json:"path"`
	Packets   uint64 `json:"packets"`
	Dropped   uint64 `json:"dropped"`           // by the ring, since it was full
	Problem   string `json:"problem,omitempty"` // what the file lacks, where it lacks something
}

// A Link is one link of the topology and what carried it. The parameters are those of the direction from A to B; BA is
// there where the other direction was asked for something else.
type Link struct {
	A           string           `json:"a"`
	B           string           `json:"b"`
	EngineA     string           `json:"engine_a"` // what carries that which A sends: "none", "htb", "netem", "bpf" or "user"
	EngineB     string           `json:"engine_b"`
	RateBPS     int64            `json:"rate_bps"` // 0: not shaped
	DelayNS     int64            `json:"delay_ns"`
	LossPercent float64          `json:"loss_percent"`
	Asked       topo.LinkParams  `json:"asked,omitzero"`      // all that was asked of A's end
	AskedBA     *topo.LinkParams `json:"asked_ba,omitempty"`  // and of B's end, where that differs
	Exact       bool             `json:"exact"`               // each decision was about one packet of the wire, and none was the engine's own fault
	Class       string           `json:"class,omitempty"`     // scheduling class of the engine's thread
	ClassWhy    string           `json:"class_why,omitempty"` // why it is no better one: without root there is no real-time priority
	// why the machine's processors sleep though the link delays: without root nobody may keep them from it
	SleepWhy string `json:"sleep_why,omitempty"`
	// why the engine estimates when packets came, by some microseconds: without root nothing notes it
	EstimatesWhy string       `json:"estimates_why,omitempty"`
	Sent         LinkCounters `json:"sent"`    // by A's end
	SentBA       LinkCounters `json:"sent_ba"` // by B's end
}

// LinkCounters are the engine's own counters of one direction.
type LinkCounters struct {
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"`
	Lost       uint64 `json:"lost,omitempty"` // by chance, by a list, by a full queue, while down, by the MTU: all together
	Duplicated uint64 `json:"duplicated,omitempty"`
	Reordered  uint64 `json:"reordered,omitempty"`
	Corrupted  uint64 `json:"corrupted,omitempty"`
	Marked     uint64 `json:"marked,omitempty"`
	EngineLost uint64 `json:"engine_lost,omitempty"`  // not asked for: the engine could not keep up
	LateP99NS  int64  `json:"late_p99_ns,omitempty"`  // how late the engine delivered, at the 99th percentile
	StepLateNS int64  `json:"step_late_ns,omitempty"` // the most that a change of the schedule came after its time, where that is to be seen
}

// Seconds tells where the time went.
type Seconds struct {
	Up   float64 `json:"up"`   // from nothing to a network that forwards
	Run  float64 `json:"run"`  // servers, clients, captures
	Down float64 `json:"down"` // to nothing again
}

// Name identifies the report's scenario as Scenario.Name does.
func (r Report) Name() string { return r.scenario }

// Dir is the folder with what the run left, "" where it did not come to that.
func (r Report) Dir() string { return r.dir }
