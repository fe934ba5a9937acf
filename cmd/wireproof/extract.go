package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/extract"
	"github.com/wireproof/wireproof/harness/mapped"
)

func extractCommand() *cobra.Command {
	var (
		out, files, server string
		asJSON             bool
	)
	c := &cobra.Command{
		Use:   "extract CAPTURE…",
		Short: "writes what a capture carried: each connection's two streams, and each file found",
		Long: "extract writes into a new folder what verify reads: streams/ has both directions of each connection, byte for byte (bytes that the\n" +
			"capture lacks are zeros), bodies/ the HTTP/1.1 bodies that had to be decoded, files/ each file of --files that was found, as it passed.\n\n" +
			"Exit status: 0 everything whole; 3 bytes are missing.",
		Example: "  wireproof extract router.pcap.gz --out carried --files htdocs\n" +
			"  tcpdump -i lo -w - port 80 | wireproof extract - --out carried",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a capture file, or - for standard input")
			}
			if out == "" {
				return usage("--out DIR: say where to write")
			}
			o := flow.Options{}
			var err error
			if o.Server, err = parseServer(server); err != nil {
				return err
			}
			if files != "" {
				if o.Files, err = flow.Files(mapped.Dir(files)); err != nil {
					return usage("--files %s: %w", files, cause(err))
				}
			}
			var r *extract.Result
			_, err = withCaptures(c, args, func(inputs []flow.Input) (*flow.Analysis, error) {
				var err error
				r, err = extract.Run(c.Context(), inputs, out, o)
				return nil, err
			})
			if errors.Is(err, extract.ErrNotEmpty) {
				return usage("--out %s: %w: name a new one", out, extract.ErrNotEmpty)
			}
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(c.OutOrStdout(), r)
			} else {
				err = printExtract(c.OutOrStdout(), r, out)
			}
			if err != nil {
				return err
			}
			for _, s := range r.Streams {
				if s.Missing > 0 {
					return verdict(flow.Inconclusive)
				}
			}
			if r.CutShort {
				return verdict(flow.Inconclusive)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "folder to write into: a new or an empty one")
	f.StringVar(&files, "files", "", "folder of the files to look for")
	f.StringVar(&server, "server", "", "only connections to this server: ADDRESS, :PORT or ADDRESS:PORT")
	f.BoolVar(&asJSON, "json", false, "print everything that is known as JSON")
	return c
}

var extractColumns = []column{{"BYTES", true, 0}, {"MISSING", true, 1}, {"WRITTEN", false, 0}}

func printExtract(w io.Writer, r *extract.Result, out string) error {
	var rows [][]string
	row := func(bytes, missing int64, path string) {
		rows = append(rows, []string{strconv.FormatInt(bytes, 10), strconv.FormatInt(missing, 10), filepath.Join(out, path)})
	}
	for _, s := range r.Streams {
		row(s.Bytes, s.Missing, s.Path)
	}
	for _, path := range r.Bodies {
		if info, err := os.Stat(filepath.Join(out, path)); err == nil {
			row(info.Size(), 0, path)
		}
	}
	for _, f := range r.Written {
		row(f.Size, 0, f.Path)
	}
	text := limited(extractColumns, rows, terminalWidth(w))
	for _, p := range r.Problems {
		text += wrap("Note: "+p+".", terminalWidth(w), "")
	}
	_, err := fmt.Fprint(w, text)
	return err
}
