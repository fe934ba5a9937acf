package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

func runCommand() *cobra.Command {
	var (
		p          paramFlags
		files, out string
		asJSON     bool
		jobs       int
		timeout    time.Duration
	)
	c := &cobra.Command{
		Use:   "run PART… | all",
		Short: "brings parts up, runs them, and proves each from its packets",
		Long: "run brings parts up in network namespaces, runs their servers and clients, and judges what the packets and the disks show.\n\n" +
			"A part by itself stands for its own variants by the stream dialect; all stands for every part in every variant,\n" +
			"dialect and server model (see list). Flags narrow or change either.",
		Example: "  sudo wireproof run all\n  sudo wireproof run g --bw 10\n  sudo wireproof run j --hops 3 --dialect both\n" +
			"  sudo wireproof run e --variant all --client nonpersistent      # FAIL: five connections carry what one should",
		RunE: func(c *cobra.Command, args []string) error {
			params, err := p.params()
			if err != nil {
				return err
			}
			chosen, err := scenarios.Select(args, params)
			if err != nil {
				return err
			}
			chosen, err = runnable(chosen, args, c.ErrOrStderr())
			if err != nil {
				return err
			}
			o := scenarios.Options{Out: out, Timeout: timeout}
			if err := scenarios.Ready(c.Context()); err != nil {
				return err
			}
			defer giveBack(out)
			if o.Corpus, err = corpus(files, out); err != nil {
				return err
			}
			progress := newRunProgress(c.ErrOrStderr(), len(chosen))
			reports, err := scenarios.RunAll(c.Context(), chosen, o, jobs, progress.event)
			progress.close()
			if err != nil {
				return err
			}
			if asJSON {
				if err := writeJSON(c.OutOrStdout(), reports); err != nil {
					return err
				}
			} else if err := table(c.OutOrStdout(), reports, out); err != nil {
				return err
			}
			return outcome(c.Context(), reports)
		},
	}
	p.linkFlags(c)
	p.peerFlags(c)
	f := c.Flags()
	f.StringVar(&files, "files", "", "serve the files of this folder in place of the novels")
	f.StringVar(&out, "out", "wireproof-out", "folder for reports, captures, received files and logs")
	f.BoolVar(&asJSON, "json", false, "print the reports as one JSON array")
	f.IntVar(&jobs, "jobs", scenarios.DefaultJobs, "how many scenarios run at once")
	f.DurationVar(&timeout, "timeout", 0, "longest time of one scenario (default 3m)")
	return c
}

// runnable leaves out what this version cannot run, and says so. Where a blocked part was asked for by its name, that is
// an error.
func runnable(chosen []scenarios.Scenario, args []string, w io.Writer) ([]scenarios.Scenario, error) {
	var can []scenarios.Scenario
	why := map[string]string{}
	for _, s := range chosen {
		if s.Blocked == "" {
			can = append(can, s)
		} else if why[s.Part] == "" {
			why[s.Part] = s.Blocked
			fmt.Fprintf(w, "part %s is not run: %s\n", s.Part, s.Blocked)
		}
	}
	for _, arg := range args {
		if why[arg] != "" {
			return nil, fmt.Errorf("part %s: %w: %s", arg, scenarios.ErrBlocked, why[arg])
		}
	}
	if len(can) == 0 {
		return nil, fmt.Errorf("nothing to run: %w", scenarios.ErrBlocked)
	}
	return can, nil
}

// corpus is the user's folder, or the novels, which are written beside the results so that `verify --files` finds them.
func corpus(files, out string) (scenarios.Corpus, error) {
	if files != "" {
		return scenarios.Folder(files)
	}
	dir, err := filepath.Abs(filepath.Join(out, "novels"))
	if err != nil {
		return scenarios.Corpus{}, err
	}
	return scenarios.Novels(dir)
}

func outcome(ctx context.Context, reports []scenarios.Report) error {
	if ctx.Err() != nil {
		return &exit{status: statusInconclusive, cause: fmt.Errorf("interrupted: what had not ended is INCONCLUSIVE")}
	}
	var all []flow.Verdict
	for _, r := range reports {
		all = append(all, r.Verdict)
	}
	return verdict(flow.Worst(all...))
}

// table prints a line for each report, and below it what was not right.
func table(w io.Writer, reports []scenarios.Report, out string) error {
	count := map[flow.Verdict]int{}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VERDICT\tPART\tVARIANT\tDIALECT\tSERVER\tCLIENT\tCONNECTIONS\tFILES\tMB\tSECONDS\tMBIT/S")
	for _, r := range reports {
		count[r.Verdict]++
		files, bytes, rate := 0, int64(0), 0.0
		for _, tr := range r.Transfers {
			files += len(tr.Files)
			bytes += tr.Bytes
			rate += tr.MbitPerSecond
		}
		if len(r.Transfers) > 0 {
			rate /= float64(len(r.Transfers))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%.1f\t%.2f\t%.0f\n", r.Verdict, r.Part, r.Variant, r.Dialect, r.ServerModel, r.ClientMode,
			len(r.Connections), files, float64(bytes)/1e6, r.Seconds.Up+r.Seconds.Run+r.Seconds.Down, rate)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		for _, c := range r.Checks {
			if c.Verdict != flow.Pass {
				fmt.Fprintf(w, "\n%s  %s  %s: %s\n", c.Verdict, r.Name(), c.Name, c.Detail)
			}
		}
	}
	fmt.Fprintf(w, "\n%d PASS, %d FAIL, %d INCONCLUSIVE. MBIT/S is the mean of the clients' own figures. Captures, files and logs: %s\n",
		count[flow.Pass], count[flow.Fail], count[flow.Inconclusive], strings.TrimSuffix(out, "/")+"/")
	return nil
}

// giveBack hands what was written to the user behind sudo, who could not remove it otherwise.
func giveBack(dir string) {
	uid, gid, ok := behindSudo()
	if !ok {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, gid)
		}
		return err
	})
}
