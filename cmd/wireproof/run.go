package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
	"github.com/wireproof/wireproof/scenarios/page"
)

func runCommand() *cobra.Command {
	var (
		p          paramFlags
		files, out string
		backend    string
		asJSON     bool
		jobs       int
		timeout    time.Duration
		captured   string
		toPipe     bool
	)
	c := &cobra.Command{
		Use:   "run PART… | all | --topo FILE",
		Short: "brings parts up, runs them, and proves each from its packets",
		Long: "run brings parts up in network namespaces, runs their servers and clients, and judges what the packets and the disks show.\n\n" +
			"A part by itself stands for its own variants by the stream dialect; all stands for every part in every variant,\n" +
			"dialect and server model (see list). Flags narrow or change either.",
		Example: "  sudo wireproof run all\n  sudo wireproof run g --bw 10\n  sudo wireproof run j --hops 3 --dialect both\n" +
			"  sudo wireproof run e --variant all --client nonpersistent      # FAIL: five connections carry what one should\n" +
			"  sudo wireproof run --topo my_mininet_script.py --server 10.0.0.1 --client h2 --client h3",
		RunE: func(c *cobra.Command, args []string) error {
			err := func() error {
				chosen, err := p.choose(c, args)
				if err != nil {
					return err
				}
				switch {
				case jobs < 1:
					return usage("--jobs %d: at least 1 scenario runs at once", jobs)
				case c.Flags().Changed("timeout") && timeout <= 0:
					return usage("--timeout %v: a scenario takes some time, such as 30s", timeout)
				case captured != "needed" && captured != "all":
					return usage("--capture %s: needed (what the verdict rests on) or all (every interface)", captured)
				}
				o := scenarios.Options{Out: out, Timeout: timeout, CaptureAll: captured == "all"}
				if o.Backend, err = scenarios.ParseBackend(backend); err != nil {
					return fmt.Errorf("--backend: %w", err)
				}
				shown := c.OutOrStdout()
				if toPipe {
					if o.Live, shown, err = live(c, asJSON); err != nil {
						return err
					}
				}
				if files != "" {
					if o.Corpus, err = scenarios.Folder(files); err != nil {
						return err
					}
				}
				if err := scenarios.Ready(c.Context(), o.Backend, chosen); err != nil {
					return err
				}
				if err := writable(out); err != nil {
					return err
				}
				defer giveBack(out)
				if files == "" {
					if o.Corpus, err = writeNovels(out); err != nil {
						return err
					}
				}
				progress := newRunProgress(c.ErrOrStderr(), len(chosen), "scenarios")
				reports, err := scenarios.RunAll(c.Context(), chosen, o, jobs, progress.event)
				progress.close()
				if err != nil {
					return err
				}
				if err := page.Index(out); err != nil {
					return err
				}
				if asJSON {
					err = writeJSON(shown, reports)
				} else {
					err = table(shown, reports, out)
				}
				if err != nil {
					return err
				}
				if toPipe {
					if err := o.Live.Err(); err != nil {
						return err
					}
				}
				return outcome(reports)
			}()
			// Whatever it was that failed, an interrupted run shows nothing either way.
			if c.Context().Err() != nil {
				return &exit{status: statusInconclusive, cause: errors.New("interrupted: what had not ended is INCONCLUSIVE")}
			}
			return err
		},
	}
	p.linkFlags(c)
	p.peerFlags(c)
	f := c.Flags()
	f.StringVar(&files, "files", "", "serve the files of this folder in place of the novels")
	f.StringVar(&out, "out", "wireproof-out", "folder for reports, captures, received files and logs")
	f.BoolVar(&asJSON, "json", false, "print the reports as one JSON array")
	f.StringVar(&backend, "backend", string(scenarios.Namespaces), "what brings the networks up: netns (namespaces of our own) or mininet (see docs/mininet.md)")
	f.IntVar(&jobs, "jobs", scenarios.DefaultJobs, "how many scenarios run at once")
	f.StringVar(&captured, "capture", "needed", "needed: what the verdict rests on, a file for each interface; all: every interface, in one file")
	f.BoolVar(&toPipe, "live", false, "hand the captures to standard output while they grow; the table goes to standard error: wireproof run e --live | tshark -i -")
	f.DurationVar(&timeout, "timeout", 0, "longest time of one scenario (default 3m)")
	return c
}

// choose returns the scenarios that the arguments and the flags name, each of them sound.
func (p *paramFlags) choose(c *cobra.Command, args []string) ([]scenarios.Scenario, error) {
	if p.file.path != "" {
		return p.custom(c, args)
	}
	params, err := p.params(args)
	if err = errors.Join(err, p.socket.check(p.given)); err != nil {
		_, links := scenarios.Select(args, scenarios.Params{Links: params.Links, Schedules: params.Schedules})
		return nil, errors.Join(err, links) // all mistakes at once
	}
	chosen, err := scenarios.Select(args, params)
	if err != nil {
		return nil, err
	}
	return chosen, nil
}

// writable makes the folder for the results and tries to write there, before anything else takes time.
func writable(out string) error {
	if out == "" {
		return usage("--out: name a folder for the results, or leave the flag out")
	}
	err := os.MkdirAll(out, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(out, ".wireproof-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return usage("--out %s: %w: choose a folder that can be written", out, cause(err))
	}
	return nil
}

// writeNovels writes the novels beside the results, so that `verify --files` finds them.
func writeNovels(out string) (scenarios.Corpus, error) {
	dir, err := filepath.Abs(filepath.Join(out, "novels"))
	if err != nil {
		return scenarios.Corpus{}, err
	}
	corpus, err := scenarios.Novels(dir)
	if err != nil {
		return corpus, fmt.Errorf("--out %s: %w: make room there, or choose another folder", out, err)
	}
	return corpus, nil
}

// cause is the error without the operation and the path, which the message has already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func outcome(reports []scenarios.Report) error {
	var all []flow.Verdict
	for _, r := range reports {
		all = append(all, r.Verdict)
	}
	return verdict(flow.Worst(all...))
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
