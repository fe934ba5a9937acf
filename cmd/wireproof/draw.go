package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/scenarios"
)

func drawCommand() *cobra.Command {
	var p paramFlags
	c := &cobra.Command{
		Use:   "draw PART",
		Short: "draws a part's topology as text",
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "all" {
				return usage("draw one part: %s", partNames())
			}
			params, err := p.params(args)
			if err != nil {
				return err
			}
			chosen, err := scenarios.Select(args, params)
			if err != nil {
				return err
			}
			if err := chosen[0].Topo.Validate(); err != nil {
				return usage("%s: %w", args[0], err)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), chosen[0].Topo.Draw())
			return err
		},
	}
	p.linkFlags(c)
	return c
}
