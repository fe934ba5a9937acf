package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/scenarios"
)

// live makes standard output the place where captures go while they grow, and returns where the table goes then.
func live(c *cobra.Command, asJSON bool) (*scenarios.Live, io.Writer, error) {
	switch {
	case isTerminal(c.OutOrStdout()):
		return nil, nil, usage("--live writes a capture to standard output: pipe it into a reader, as in wireproof run e --live | tshark -i -")
	case asJSON:
		return nil, nil, usage("--live and --json both write to standard output: leave one out; --out has report.json too")
	case c.Flags().Changed("jobs"):
		return nil, nil, usage("--live shows one scenario after the other: leave --jobs out")
	}
	// A reader that goes must not end the run, which is what SIGPIPE would do. Caught, and not ignored: what is ignored
	// stays so in the processes that are started.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return scenarios.NewLive(c.OutOrStdout()), c.ErrOrStderr(), nil
}
