package peers

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// Env is the environment variable that makes Main turn a program into a peer.
const Env = "WIREPROOF_PEER"

// ServeConfig is a Server as a process.
type ServeConfig struct {
	Listen  string           `json:"listen"` // host:port; zero ":12345"
	Dir     string           `json:"dir"`    // the folder served; zero "."
	Dialect protocol.Dialect `json:"dialect,omitempty"`
	Model   Model            `json:"model,omitempty"`
	Buffer  int              `json:"buffer,omitempty"`
	Socket  SocketOptions    `json:"socket,omitzero"`
	Limits  Limits           `json:"limits,omitzero"`
}

// GetConfig is a Client as a process.
type GetConfig struct {
	Server  string           `json:"server"` // host or host:port; without a port 12345
	Names   []string         `json:"names"`
	Dir     string           `json:"dir"` // where the files go; zero "."
	Dialect protocol.Dialect `json:"dialect,omitempty"`
	Mode    Mode             `json:"mode,omitempty"`
	Buffer  int              `json:"buffer,omitempty"`
	Socket  SocketOptions    `json:"socket,omitzero"`
	Limits  Limits           `json:"limits,omitzero"`
	Resume  bool             `json:"resume,omitempty"`
	// Connect is the longest time that connection set-up may take. Zero is 30 s.
	Connect time.Duration `json:"connect,omitempty"`
	// StartDelay is waited before the first connection.
	StartDelay time.Duration `json:"start_delay,omitempty"`
	// StartAt, if set, is the time of the first connection, instead of StartDelay:
	// it leaves out how long the process took to start.
	StartAt time.Time `json:"start_at,omitzero"`
	// Progress as in Client. It does not travel to a process.
	Progress func(name string, done, total int64) `json:"-"`
}

// RunServe listens and serves until ctx is done. The log is slog text; nil
// discards it.
func RunServe(ctx context.Context, cfg ServeConfig, log io.Writer) error {
	return errors.ErrUnsupported
}

// RunGet fetches the files of cfg.
func RunGet(ctx context.Context, cfg GetConfig) (Transfer, error) {
	return Transfer{}, errors.ErrUnsupported
}

// ForkCommand returns a Server.Command that runs this program again as the
// process of a connection. The program must call Main first.
func ForkCommand(cfg ServeConfig) func(conn *os.File) (*exec.Cmd, error) {
	return nil
}

// ServeEnv returns the environment entry, NAME=value, that makes Main run cfg.
func ServeEnv(cfg ServeConfig) string { return "" }

// GetEnv returns the environment entry, NAME=value, that makes Main run cfg.
func GetEnv(cfg GetConfig) string { return "" }

// ServeResult is the line that a serving process writes on its standard output
// when it ends.
type ServeResult struct {
	Stats Stats  `json:"stats"`
	Error string `json:"error,omitempty"`
}

// GetResult is the line that a fetching process writes on its standard output.
type GetResult struct {
	Transfer Transfer `json:"transfer"`
	Error    string   `json:"error,omitempty"` // empty when all went well
}

// Main returns at once unless Env is set. Then this process is a peer: Main runs
// it, writes its result as one line of JSON on standard output and its log and
// errors on standard error, and exits: 0 done, 1 failed, 2 the environment is
// not understood. SIGTERM and SIGINT end a server with 0.
//
// Call it before anything else in main and in TestMain.
func Main() {}
