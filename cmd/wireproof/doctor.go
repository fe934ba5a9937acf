package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness"
)

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "says what this machine can do, and what to install or run as for the rest",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			found := harness.Doctor(c.Context())
			ready := true
			for _, f := range found {
				ready = ready && (f.OK || !f.Needed)
			}
			if asJSON {
				if err := writeJSON(c.OutOrStdout(), found); err != nil {
					return err
				}
			} else {
				t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, f := range found {
					mark := "ok"
					if !f.OK {
						mark = "absent"
						if f.Needed {
							mark = "MISSING"
						}
					}
					fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Name, f.Detail)
					if !f.OK && f.Remedy != "" {
						fmt.Fprintf(t, "\t\t→ %s\n", f.Remedy)
					}
				}
				if err := t.Flush(); err != nil {
					return err
				}
			}
			if !ready {
				return &exit{status: statusUsage, cause: fmt.Errorf("this machine cannot run the parts yet: see MISSING above")}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
