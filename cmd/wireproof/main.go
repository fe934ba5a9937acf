// Command wireproof runs networks in namespaces, real peers in them, and proves from the packets what happened.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/peers"
)

func main() {
	peers.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "wireproof:", err)
	}
	os.Exit(status(err))
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "wireproof",
		Short: "proves from the packets what a network transfer did",
		Long: "wireproof builds networks of hosts, switches and shaped links out of Linux network namespaces, runs real servers and clients in them,\n" +
			"and proves from the packets what happened: every file byte for byte, on disk and on the wire, over exactly one TCP connection.\n\n" +
			"Exit status: 0 everything PASS; 1 a FAIL; 2 wrong usage, or a machine that cannot; 3 INCONCLUSIVE and no FAIL.",
		SilenceUsage:  true,
		SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: true,
		},
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			var names []string
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() && sub.Name() != "help" {
					names = append(names, sub.Name())
				}
			}
			return usage("there is no command %q: the commands are %s", args[0], strings.Join(names, ", "))
		},
	}
	c.SetFlagErrorFunc(flagError)
	c.AddCommand(listCommand(), withoutRoot(runCommand()), withoutRoot(sweepCommand()), compareCommand(), serveCommand(), getCommand(), verifyCommand(), extractCommand(), drawCommand(), exportCommand(), importCommand(), pageCommand(), withoutRoot(doctorCommand()), vmCommand())
	return c
}
