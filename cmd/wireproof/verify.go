package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/mapped"
)

func verifyCommand() *cobra.Command {
	var (
		files, server string
		connections   int
		order         []string
		asJSON        bool
	)
	c := &cobra.Command{
		Use:   "verify CAPTURE…",
		Short: "finds files in a capture, and judges whether all of them are there whole",
		Long: "verify reads captures (pcap or pcapng, as they are or compressed by gzip or zstd; - for standard input), rebuilds every TCP connection\n" +
			"in them, and looks for each file of a folder as one contiguous run of bytes, in either direction; in HTTP/1.1 bodies also behind chunked\n" +
			"coding, gzip and deflate. It needs no root, and no knowledge of any other protocol. Several captures are read as one: those of a rotated\n" +
			"capture, or those of several machines.",
		Example: "  wireproof verify wireproof-out/e-all-stream-thread/h1-eth0.pcapng --files wireproof-out/novels --connections 5\n" +
			"  tcpdump -i lo -w - port 80 | wireproof verify - --files htdocs --server 127.0.0.1:80\n" +
			"  wireproof verify router.pcap.gz server.pcapng --files htdocs --order index.html,logo.svg",
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
			if o.Files, err = flow.Files(mapped.Dir(files)); err != nil {
				return usage("--files %s: %w", files, err)
			}
			for _, name := range order {
				if !slices.ContainsFunc(o.Files, func(f flow.File) bool { return f.Name == name }) {
					return usage("--order: there is no %q in %s: name files of that folder, between commas", name, files)
				}
			}
			a, err := withCaptures(c, args, func(inputs []flow.Input) (*flow.Analysis, error) { return flow.AnalyzeAll(c.Context(), inputs, o) })
			if err != nil {
				return err
			}
			checks := a.SurveyClaim(flow.Claim{Connections: connections, Order: order})
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
	f.StringSliceVar(&order, "order", nil, "claim that these files follow each other: names, between commas (default: any order)")
	f.BoolVar(&asJSON, "json", false, "print everything that is known as JSON")
	return c
}

// withCaptures opens the named captures, and calls analyze for all of them, in the memory that docs/verify.md promises.
func withCaptures(c *cobra.Command, names []string, analyze func([]flow.Input) (*flow.Analysis, error)) (*flow.Analysis, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(flow.GCPercent)
	}
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
	a, err := analyze(inputs)
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
	{"LATE", true, 8}, {"DUP ACK", true, 9}, {"ZERO WIN", true, 10}, {"RTT MS", true, 7}, {"TO CLIENT", true, 0}, {"TO SERVER", true, 2}, {"FILES", true, 0},
}

var foundColumns = []column{
	{"FILE", false, 0}, {"BYTES", true, 0}, {"CONNECTION", false, 0}, {"DIRECTION", false, 4}, {"AT OFFSET", true, 0}, {"IN", false, 1},
	{"FIRST BYTE", false, 3}, {"DECODED", false, 2},
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// maxRows bounds the tables: all rows are in --json.
const maxRows = 200

// printVerification prints the connections, where each file lies, the checks, and the verdict.
func printVerification(w io.Writer, a *flow.Analysis, checks []flow.Check, worst flow.Verdict) error {
	var rows, files [][]string
	for _, c := range slices.Concat(a.Connections, a.Attempts) {
		trip := ""
		if d := c.Estimate(); d > 0 {
			trip = fmt.Sprintf("%.3f", float64(d)/1e6)
		}
		rows = append(rows, []string{c.Client.String(), c.Server.String(), c.Handshake, c.ClosedBy, decimal(c.Segments), decimal(c.Retransmissions),
			decimal(c.OutOfOrder), decimal(c.DuplicateAcks), decimal(c.ZeroWindows), trip,
			decimal(c.BytesToClient), decimal(c.BytesToServer), strconv.Itoa(len(c.Files))})
		for _, f := range c.Files {
			files = append(files, fileRow(c, f))
		}
	}
	width := terminalWidth(w)
	text := limited(connectionColumns, rows, width)
	if len(files) > 0 {
		text += "\n" + limited(foundColumns, files, width)
	}
	text += "\n"
	for _, c := range checks {
		text += wrap(fmt.Sprintf("%-12s  %-11s  %s", c.Verdict, c.Name, c.Detail), width, strings.Repeat(" ", 27))
	}
	if a.Vantage != "" {
		text += "\n" + wrap("Vantage point: "+a.Vantage, width, "")
	}
	for _, p := range a.Problems {
		if !slices.ContainsFunc(checks, func(c flow.Check) bool { return strings.Contains(c.Detail, p) }) {
			text += wrap("Note: "+p+".", width, "      ")
		}
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", text, worst)
	return err
}

// fileRow says where a file lies.
func fileRow(c flow.Connection, f flow.Found) []string {
	offset := strconv.FormatInt(f.Offset, 10)
	if f.Decoded != "" {
		offset = fmt.Sprintf("%s+%d", offset, f.InBody)
	}
	return []string{f.Name, strconv.FormatInt(f.Size, 10), c.Client.String(), string(f.Direction), offset, f.Packets(), f.Time.Format("15:04:05.000000"), f.Decoded}
}

// limited renders the first rows, and says how many more there are.
func limited(columns []column, rows [][]string, width int) string {
	more := len(rows) - maxRows
	text := render(columns, rows[:min(len(rows), maxRows)], width)
	if more > 0 {
		text += fmt.Sprintf("… and %d more: --json has them all\n", more)
	}
	return text
}
