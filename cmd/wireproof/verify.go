package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wireproof/wireproof/harness/flow"
)

func verifyCommand() *cobra.Command {
	var (
		files, server string
		connections   int
		asJSON        bool
	)
	c := &cobra.Command{
		Use:   "verify CAPTURE…",
		Short: "finds files in a capture, and judges whether all of them are there whole",
		Long: "verify reads captures (pcap or pcapng, as they are or compressed by gzip or zstd; - for standard input), rebuilds every TCP connection in it, and looks for each\n" +
			"file of a folder as one contiguous run of bytes, in either direction. It needs no root, and no knowledge of the protocol.",
		Example: "  wireproof verify wireproof-out/e-all-stream-thread/h1-eth0.pcapng --files wireproof-out/novels --connections 5\n" +
			"  tcpdump -i lo -w - port 80 | wireproof verify - --files htdocs --server 127.0.0.1:80",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a capture file, or - for standard input")
			}
			if files == "" {
				return usage("--files DIR: say which files to look for")
			}
			o := flow.Options{}
			var err error
			if o.Server, err = parseServer(server); err != nil {
				return err
			}
			if !c.Flags().Changed("connections") {
				connections = -1
			} else if connections < 0 {
				return usage("--connections %d: a number of connections is 0 or more", connections)
			}
			if _, err := os.ReadDir(files); err != nil {
				return usage("--files %s: %w: name the folder of the files that were sent", files, cause(err))
			}
			if o.Files, err = flow.Files(os.DirFS(files)); err != nil {
				return usage("--files %s: %w", files, err)
			}
			a, err := analyzeFiles(c, args, o)
			if err != nil {
				return err
			}
			checks := a.Survey(connections)
			worst := flow.Overall(checks)
			if asJSON {
				err = writeJSON(c.OutOrStdout(), struct {
					Verdict flow.Verdict `json:"verdict"`
					Checks  []flow.Check `json:"checks"`
					*flow.Analysis
				}{worst, checks, a})
			} else {
				err = printVerification(c.OutOrStdout(), a, checks, worst)
			}
			if err != nil {
				return err
			}
			return verdict(worst)
		},
	}
	f := c.Flags()
	f.StringVar(&files, "files", "", "folder of the files to look for")
	f.StringVar(&server, "server", "", "only connections to this server: ADDRESS, :PORT or ADDRESS:PORT")
	f.IntVar(&connections, "connections", 0, "claim that there were exactly this many connections (default: any number)")
	f.BoolVar(&asJSON, "json", false, "print everything that is known as JSON")
	return c
}

// analyzeFiles analyses the named captures as one.
func analyzeFiles(c *cobra.Command, names []string, o flow.Options) (*flow.Analysis, error) {
	var inputs []flow.Input
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, usage("capture %s is named twice", name)
		}
		in, err := openCapture(name, c.InOrStdin())
		if err != nil {
			return nil, err
		}
		defer in.Close()
		inputs = append(inputs, flow.Input{Name: name, Reader: in})
	}
	what := c.Name() + " " + names[0]
	if len(names) > 1 {
		what = c.Name()
	}
	a, err := flow.AnalyzeAll(c.Context(), inputs, o)
	if c.Context().Err() != nil {
		return nil, &exit{status: statusInconclusive, cause: fmt.Errorf("%s: interrupted", what)}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return a, nil
}

func openCapture(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		if in, ok := stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
			return nil, usage("capture -: standard input is a terminal: send a capture into it, such as tcpdump -w - writes")
		}
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("capture %s: %w: name a pcap or pcapng file, or - for standard input", name, cause(err))
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, usage("capture %s: it is a folder: name a pcap or pcapng file in it", name)
	}
	return f, nil
}

// parseServer reads ADDRESS, :PORT or ADDRESS:PORT; an IPv6 address with a port stands in brackets.
func parseServer(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap, nil
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(addr, 0), nil
	}
	if s[0] == ':' {
		if port, err := strconv.ParseUint(s[1:], 10, 16); err == nil {
			return netip.AddrPortFrom(netip.Addr{}, uint16(port)), nil
		}
	}
	return netip.AddrPort{}, usage("--server %q: give ADDRESS, :PORT or ADDRESS:PORT, such as 10.0.0.1:12345", s)
}

var connectionColumns = []column{
	{"CLIENT", false, 0}, {"SERVER", false, 0}, {"HANDSHAKE", false, 4}, {"CLOSED BY", false, 1}, {"SEGMENTS", true, 3}, {"AGAIN", true, 5},
	{"TO CLIENT", true, 0}, {"TO SERVER", true, 2}, {"FILES", true, 0},
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func printVerification(w io.Writer, a *flow.Analysis, checks []flow.Check, worst flow.Verdict) error {
	var rows [][]string
	for _, c := range a.Connections {
		rows = append(rows, []string{c.Client.String(), c.Server.String(), c.Handshake, c.ClosedBy, decimal(c.Segments), decimal(c.Retransmissions),
			decimal(c.BytesToClient), decimal(c.BytesToServer), strconv.Itoa(len(c.Files))})
	}
	width := terminalWidth(w)
	text := render(connectionColumns, rows, width) + "\n"
	for _, c := range checks {
		text += wrap(fmt.Sprintf("%-12s  %-11s  %s", c.Verdict, c.Name, c.Detail), width, strings.Repeat(" ", 27))
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", text, worst)
	return err
}
