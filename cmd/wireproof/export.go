package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/harness/topo/export"
	"github.com/wireproof/wireproof/mininet/scripts"
	"github.com/wireproof/wireproof/scenarios"
)

func exportCommand() *cobra.Command {
	var p paramFlags
	var to, out string
	c := &cobra.Command{
		Use:   "export PART | --topo FILE --to FORMAT",
		Short: "writes a topology for another program: " + strings.Join(exportFormats(), ", "),
		Example: "  wireproof export k --to mermaid\n  wireproof export k --to mininet --out k.py\n  wireproof export k --to containerlab --out k.clab.yml\n" +
			"  wireproof export j --hops 3 --to dot | dot -Tpng >j.png",
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return usage("--to: name a format: %s", strings.Join(exportFormats(), ", "))
			}
			t, err := p.oneTopo(c, args)
			if err != nil {
				return err
			}
			text, err := exportTo(t, to)
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
	c.Flags().StringVar(&to, "to", "", strings.Join(exportFormats(), ", "))
	c.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	p.linkFlags(c)
	p.file.add(c)
	return c
}

// exportTo writes t in a format of package export, or as a Mininet script, which only packages above the harness can.
func exportTo(t topo.Topo, format string) (string, error) {
	if format == "mininet" {
		return scripts.Topology(t)
	}
	if !slices.Contains(exportFormats(), format) {
		return "", fmt.Errorf("there is no format %q: use %s", format, strings.Join(exportFormats(), ", "))
	}
	return export.Render(t, export.Format(format))
}

func exportFormats() []string {
	names := []string{"mininet"}
	for _, f := range export.Formats() {
		names = append(names, string(f))
	}
	return names
}

// oneTopo returns the topology that the arguments and flags name, which is sound.
func (p *paramFlags) oneTopo(c *cobra.Command, args []string) (topo.Topo, error) {
	if p.file.path != "" {
		return p.fileTopo(c, args)
	}
	if len(args) != 1 || args[0] == "all" {
		return topo.Topo{}, usage("%s one part: %s", c.Name(), partNames())
	}
	params, err := p.params(args)
	if err != nil {
		return topo.Topo{}, err
	}
	chosen, err := scenarios.Select(args, params)
	if err != nil {
		return topo.Topo{}, err
	}
	if err := chosen[0].Topo.Validate(); err != nil {
		return topo.Topo{}, usage("%s: %w", args[0], err)
	}
	return chosen[0].Topo, nil
}
