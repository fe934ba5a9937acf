package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/topo/export"
	"github.com/wireproof/wireproof/mininet/importer"
)

func importCommand() *cobra.Command {
	var o importer.Options
	var to, out string
	c := &cobra.Command{
		Use:   "import SCRIPT.py [-- ARGUMENT…]",
		Short: "reads the topology of a Mininet script, without root and without Mininet",
		Long: "import runs a Mininet script against a stand-in that writes down what Mininet is asked for, and prints the topology that comes of it.\n" +
			"What has no place in it is listed on standard error, each with its line. Nothing that the script runs in its hosts or on the machine is run.",
		Example: "  wireproof import my_topo.py >my_topo.json\n  wireproof import my_topo.py --name fattree,4 --to mermaid\n" +
			"  sudo wireproof run --topo my_topo.py --server 10.0.0.1",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("import: name a Mininet script")
			}
			if c.Flags().Changed("timeout") && o.Timeout <= 0 {
				return usage("--timeout %v: a script takes some time, such as 10s", o.Timeout)
			}
			o.Args = args[1:]
			r, err := importScript(c.Context(), c.ErrOrStderr(), args[0], o)
			if err != nil {
				return err
			}
			text, err := exportTo(r.Topo, to)
			if err != nil {
				return usage("--to %s: %w", to, err)
			}
			if out != "" {
				if err := os.WriteFile(out, []byte(text), 0o644); err != nil {
					return usage("--out %s: %w: choose a file that can be written", out, cause(err))
				}
				return nil
			}
			_, err = io.WriteString(c.OutOrStdout(), text)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Name, "name", "", "which topology of a script that has several, with arguments as mn --topo has them")
	f.StringVar(&o.Python, "python", "", "the interpreter (default: python3)")
	f.DurationVar(&o.Timeout, "timeout", 0, "longest time of the script (default 10s)")
	f.StringVar(&to, "to", string(export.JSON), "format: "+strings.Join(exportFormats(), ", "))
	f.StringVar(&out, "out", "", "file to write (default: standard output)")
	return c
}
