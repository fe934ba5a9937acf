package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say how scenarios are run. Corpus is required, everything else has a default.
type Options struct {
	Out     string        // folder for what is kept, one folder in it for each scenario; zero: "wireproof-out"
	Corpus  Corpus        // what is served
	Timeout time.Duration // of one scenario, without bringing the network up and down; zero: 3 minutes
	Backend Backend       // what brings the topology up; zero: Namespaces
	Program string        // whose main calls peers.Main; zero: this program

	// CaptureAll captures every interface of the network, into one file, network.pcapng. Zero: what the verdict needs,
	// a file for each interface.
	CaptureAll bool
	// FailuresOnly makes the page, and comments in captures, only where the verdict is not PASS: a test removes the rest.
	FailuresOnly bool

	// OneProcessor keeps each network to one processor, see harness.Options. RunAll sets it where several scenarios run at
	// once. A scenario with impaired links has it in any case: they are compared packet by packet.
	OneProcessor bool
	// Live is handed the captures while they grow. Scenarios then run one after the other. Nil: nobody looks on.
	Live *Live
}

const (
	defaultOut     = "wireproof-out"
	defaultTimeout = 3 * time.Minute
	upTimeout      = time.Minute     // a spanning tree takes 4 s on an idle machine
	quietTimeout   = 5 * time.Second // for the last acknowledgements after both sides have closed
	stopTimeout    = 5 * time.Second // for a server to end
)

func (o Options) withDefaults() (Options, error) {
	if len(o.Corpus.Names) == 0 {
		return o, fmt.Errorf("%w: no files to serve: make a corpus with Novels or Folder", ErrUsage)
	}
	if o.Out == "" {
		o.Out = defaultOut
	}
	if o.Backend == "" {
		o.Backend = Namespaces
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Program == "" {
		program, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("find this program, to start the peers from: %w", err)
		}
		o.Program = program
	}
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return o, fmt.Errorf("out %s: %w", o.Out, err)
	}
	o.Out = out
	return o, nil
}

// Dir is the folder in Out that keeps what scenario s leaves.
func (o Options) Dir(s Scenario) string {
	out := o.Out
	if out == "" {
		out = defaultOut
	}
	return filepath.Join(out, strings.ReplaceAll(s.Name(), "/", "-"))
}

// prepare makes an empty folder for s. What an earlier run of the same scenario left is removed.
func (o Options) prepare(s Scenario) (string, error) {
	dir := o.Dir(s)
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("out: remove the last run's folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("out: %w: choose a folder that can be written with --out", err)
	}
	return dir, nil
}
