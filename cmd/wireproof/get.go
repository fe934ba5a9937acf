package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/novels"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

func getCommand() *cobra.Command {
	var (
		mode, dialect string
		cfg           peers.GetConfig
		numbers       []int
		asJSON        bool
		socket        socketFlags
	)
	c := &cobra.Command{
		Use:   "get SERVER[:PORT] [NAME…]",
		Short: "fetches files from a server; with no name on a terminal it asks",
		Example: "  wireproof get 192.0.2.1 \"Don Quixote.txt\" Shogun.txt\n  wireproof get localhost --novel 1,3 --dir books\n" +
			"  wireproof get localhost:8000 --resume large.iso",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name a server: wireproof get SERVER[:PORT] [NAME…]")
			}
			err := socket.check(c.Flags())
			if err != nil {
				return err
			}
			if err := checkServer(args[0]); err != nil {
				return err
			}
			if cfg.Mode, err = peers.ParseMode(mode); err != nil {
				return usage("--mode: %w", err)
			}
			if cfg.Dialect, err = protocol.ParseDialect(dialect); err != nil {
				return usage("--dialect: %w", err)
			}
			cfg.Server, cfg.Names, cfg.Buffer, cfg.Socket = args[0], args[1:], socket.buffer, socket.options()
			for _, n := range numbers {
				novel, err := novels.ByNumber(n)
				if err != nil {
					return usage("--novel: %w", err)
				}
				cfg.Names = append(cfg.Names, novel.File)
			}
			if len(cfg.Names) == 0 {
				if !isTerminal(c.OutOrStdout()) {
					return usage("name the files to fetch, or call it on a terminal to be asked")
				}
				if cfg.Names, err = menu(c.InOrStdin(), c.OutOrStdout()); err != nil {
					return err
				}
			}
			bars := newTransferBars(c.ErrOrStderr())
			cfg.Progress = bars.progress
			transfer, err := peers.RunGet(c.Context(), cfg)
			bars.close()
			if asJSON {
				if err := writeJSON(c.OutOrStdout(), transfer); err != nil {
					return err
				}
			} else if transfer.Server != "" {
				if err := figures(c.OutOrStdout(), transfer); err != nil {
					return err
				}
			}
			if err == nil {
				return nil
			}
			err = inShort(transfer, err)
			if c.Context().Err() != nil {
				err = errors.New("interrupted")
			}
			return failed(withRemedy(err, cfg, transfer))
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Dir, "dir", ".", "folder for the files")
	f.IntSliceVar(&numbers, "novel", nil, "fetch novels by their number, 1 to 5")
	f.StringVar(&mode, "mode", string(peers.Persistent), "persistent (one connection), nonpersistent (one for each file), concurrent (the same, all at once)")
	f.StringVar(&dialect, "dialect", string(protocol.Stream), "stream, or lockstep as the original programs speak it")
	f.BoolVar(&cfg.Resume, "resume", false, "go on where an earlier transfer broke off")
	f.BoolVar(&asJSON, "json", false, "print the figures as JSON")
	f.DurationVar(&cfg.Connect, "connect-timeout", 0, "longest time of connection set-up (default 30s)")
	f.DurationVar(&cfg.Limits.Idle, "idle-timeout", 0, "give up after this long without progress (default 30s)")
	socket.add(c)
	return c
}

// maxPort is the highest TCP port.
const maxPort = 65535

// checkServer refuses what cannot be a server, before a connection is tried.
func checkServer(server string) error {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = server, "1" // the default port will be added
	}
	if host == "" {
		return usage("server %q: name its host: wireproof get SERVER[:PORT] [NAME…]", server)
	}
	if n, err := strconv.Atoi(port); err == nil && (n < 1 || n > maxPort) {
		return usage("server %q: a port is 1 to %d", server, maxPort)
	}
	return nil
}

// inShort names the files that failed together with another only by their number: one connection that breaks keeps
// all the files that were still to come.
func inShort(t peers.Transfer, err error) error {
	if err == nil {
		return nil
	}
	var lines []string
	first, more := "", 0
	for _, f := range t.Files {
		switch {
		case f.Error == "":
		case first != "" && strings.HasSuffix(f.Error, first):
			more++
		default:
			lines = append(lines, fmt.Sprintf("fetch %q: %s", f.Name, f.Error))
			if first == "" {
				first = f.Error
			}
		}
	}
	if len(lines) == 0 {
		return err
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		lines[0] += ": check the server's name, or give its address"
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more %s not fetched, since the connection ended", more, plural(more, "file")))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// withRemedy adds how to go on, where a part of a file is there to go on with.
func withRemedy(err error, cfg peers.GetConfig, t peers.Transfer) error {
	for _, f := range t.Files {
		if info, statErr := os.Stat(filepath.Join(cfg.Dir, "."+f.Name+".part")); f.Error != "" && statErr == nil && info.Size() > 0 {
			return fmt.Errorf("%w\n.%s.part keeps the %d bytes that came: the same command with --resume goes on there", err, f.Name, info.Size())
		}
	}
	return err
}

// fileColumns are those of the figures.
var fileColumns = []column{{"bytes", true, 0}, {"seconds", true, 0}, {"Mbit/s", true, 0}, {"file", false, 0}}

// figures prints what the original programs printed at their end. Their aggregate added the files' throughputs up; this
// one is all bytes over all time.
func figures(w io.Writer, t peers.Transfer) error {
	fmt.Fprintf(w, "connection set-up time: %.6f s (%d %s to %s)\n", t.ConnectSeconds, t.Connections, plural(t.Connections, "connection"), t.Server)
	var rows [][]string
	for _, f := range t.Files {
		name := f.Name
		if f.Error != "" {
			name += " (failed)"
		}
		rows = append(rows, []string{strconv.FormatInt(f.Bytes, 10), fmt.Sprintf("%.6f", f.Seconds), fmt.Sprintf("%.2f", f.MbitPerSecond), name})
	}
	if _, err := io.WriteString(w, render(fileColumns, rows, 0)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "total: %d bytes in %.6f s, aggregate throughput %.2f Mbit/s\n", t.Bytes, t.TotalSeconds, t.MbitPerSecond)
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// errNoChoice is what the menu returns when its input ends.
var errNoChoice = fmt.Errorf("no novel was chosen")

// menu asks how many books there shall be and which, as the original client did.
func menu(in io.Reader, out io.Writer) ([]string, error) {
	all := novels.All()
	for _, n := range all {
		fmt.Fprintf(out, "%d. %s\n", n.Number, strings.TrimSuffix(n.File, ".txt"))
	}
	count, err := ask(in, out, "How many books? ", 1, len(all))
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range count {
		n, err := ask(in, out, fmt.Sprintf("Book %d of %d, its number: ", i+1, count), 1, len(all))
		if err != nil {
			return nil, err
		}
		names = append(names, all[n-1].File)
	}
	return names, nil
}

// ask asks until it gets a number in the range.
func ask(in io.Reader, out io.Writer, question string, low, high int) (int, error) {
	for {
		fmt.Fprint(out, question)
		var word string
		if _, err := fmt.Fscan(in, &word); err != nil {
			return 0, errNoChoice
		}
		var n int
		if _, err := fmt.Sscanf(word+"\n", "%d\n", &n); err == nil && n >= low && n <= high {
			return n, nil
		}
		fmt.Fprintf(out, "%q is no number from %d to %d\n", word, low, high)
	}
}
