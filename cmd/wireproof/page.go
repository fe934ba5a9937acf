package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/scenarios/page"
)

func pageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "page DIR…",
		Short: "makes the page of a run again, from the folder that was kept",
		Long: "page reads report.json and the captures of a folder that run has kept, and writes report.html beside them: one file that opens\n" +
			"without a network. Of a folder of such folders it makes every page, and index.html with a row for each.",
		Example: "  wireproof page wireproof-out/e-all-stream-thread\n  wireproof page wireproof-out",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a folder that run has kept, such as wireproof-out")
			}
			for _, dir := range args {
				made, err := page.MakeAll(c.Context(), dir)
				for _, name := range made {
					fmt.Fprintln(c.OutOrStdout(), filepath.ToSlash(name))
				}
				giveBack(dir)
				if errors.Is(err, page.ErrNoReport) {
					return usage("%w", err)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}
