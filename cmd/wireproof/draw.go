package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/harness/topo/export"
)

func drawCommand() *cobra.Command {
	var p paramFlags
	var svg string
	c := &cobra.Command{
		Use:     "draw PART | --topo FILE",
		Short:   "draws a part's topology, as text or as a picture",
		Example: "  wireproof draw k\n  wireproof draw k --svg k.svg",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.oneTopo(c, args)
			if err != nil {
				return err
			}
			if svg != "" {
				return drawSVG(c.Context(), t, svg)
			}
			_, err = fmt.Fprint(c.OutOrStdout(), t.Draw())
			return err
		},
	}
	c.Flags().StringVar(&svg, "svg", "", "draw into this file, by Graphviz")
	p.linkFlags(c)
	p.file.add(c)
	return c
}

// drawSVG has Graphviz draw t. The file is written when the drawing is complete.
func drawSVG(ctx context.Context, t topo.Topo, file string) error {
	text, err := export.Render(t, export.DOT)
	if err != nil {
		return usage("--svg %s: %w", file, err)
	}
	cmd := exec.CommandContext(ctx, "dot", "-Tsvg")
	cmd.Stdin = strings.NewReader(text)
	var drawn, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &drawn, &said
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return usage("--svg %s: Graphviz draws it, and there is no dot on PATH: apt-get install graphviz, or use export --to dot where it is", file)
	case err != nil:
		return usage("--svg %s: dot: %w: %s", file, err, strings.TrimSpace(said.String()))
	}
	if err := os.WriteFile(file, drawn.Bytes(), 0o644); err != nil {
		return usage("--svg %s: %w: choose a file that can be written", file, cause(err))
	}
	return nil
}
