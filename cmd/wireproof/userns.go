package main

import (
	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/userns"
)

// withoutRoot has a command that needs root go on as root of a user namespace, where the user has no other way. Where the
// machine refuses, the command comes to the lack itself, and its error says why.
func withoutRoot(c *cobra.Command) *cobra.Command {
	c.PreRun = func(c *cobra.Command, _ []string) {
		if backend := c.Flags().Lookup("backend"); backend != nil && backend.Value.String() == "mininet" {
			return // Mininet needs the machine's root
		}
		_ = userns.Enter()
	}
	return c
}
