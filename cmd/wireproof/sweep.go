package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/scenarios"
	"github.com/wireproof/wireproof/scenarios/sweep"
)

// sweepFlags are the command's flags besides the variables.
type sweepFlags struct {
	values                      map[string]*[]string // of the variables, by name
	variants, links, schedules  []string
	client, trace, engine       string
	nagle, quickAck, whole      bool
	repeat, jobs                int
	seed                        uint64
	excerpt                     int64
	files, out                  string
	timeout                     time.Duration
	fresh, again, keep, asLines bool
}

// sweepFixed are the flags that are the same in every run, and change what it measures.
var sweepFixed = []string{"variant", "client", "link", "schedule", "trace", "engine", "nagle", "quickack", "whole", "files", "timeout"}

func sweepCommand() *cobra.Command {
	s := sweepFlags{values: map[string]*[]string{}}
	c := &cobra.Command{
		Use:   "sweep PART",
		Short: "runs a part for every value of what varies, and draws throughput and time",
		Long: "sweep runs a part for every combination of the values given, --repeat times each, and draws throughput and completion time\n" +
			"against what varies: medians with quartiles, the lockstep dialect against the stream dialect unless --dialect says otherwise.\n\n" +
			"Rounds follow each other, each in an order of its own, so that a machine that is slower at some time is so to every value.\n" +
			"Each result is on the disk before the next run starts: the same command goes on where an earlier one was stopped, also\n" +
			"with more values or repeats. Only PASS runs count in figures; what the others lack is listed.",
		Example: "  sudo wireproof sweep g --bw 1,10,100,1000 --repeat 5\n  sudo wireproof sweep h --delay 0.5ms,2ms,10ms --dialect stream --congestion cubic,reno\n" +
			"  sudo wireproof sweep g --bw 10,100 --loss 0,1 --server thread,fork --repeat 3",
		RunE: func(c *cobra.Command, args []string) error {
			err := s.run(c, args)
			var told *exit
			if c.Context().Err() != nil && !errors.As(err, &told) {
				return &exit{status: statusInconclusive, cause: errors.New("interrupted: the same command goes on where this one was")}
			}
			return err
		},
	}
	f := c.Flags()
	for _, v := range sweep.Variables() {
		s.values[v.Name] = f.StringSlice(v.Name, nil, v.Help+", such as "+v.Example)
	}
	f.IntVar(&s.repeat, "repeat", 1, "runs of each combination, each with a seed of its own")
	f.Uint64Var(&s.seed, "seed", 1, "of the first round; each round has the next one")
	f.IntVar(&s.jobs, "jobs", 1, "runs at once; more than 1 disturb each other's figures")
	f.StringVar(&s.out, "out", "", "folder for results and figures (default wireproof-out/sweep-PART)")
	f.BoolVar(&s.fresh, "fresh", false, "begin anew: take away what an earlier sweep left in the folder")
	f.BoolVar(&s.again, "again", false, "make those runs anew that were not PASS")
	f.BoolVar(&s.keep, "keep", false, "keep captures, files and logs of every run, not only of those that are not PASS")
	f.BoolVar(&s.asLines, "json", false, "print the results as JSON lines")
	f.StringVar(&s.files, "files", "", "serve the files of this folder in place of the novels")
	f.Int64Var(&s.excerpt, "excerpt", 0, "serve only so many bytes of each file, in every run (default: what the part that serves least does)")
	f.BoolVar(&s.whole, "whole", false, "serve whole files also where a part takes excerpts (lockstep over links that delay or lose: minutes for a novel)")
	f.StringSliceVar(&s.variants, "variant", nil, "only this variant of the part")
	f.StringVar(&s.client, "client", "", "client mode: persistent, nonpersistent or concurrent")
	f.StringArrayVar(&s.links, "link", nil, "parameters of one link, or of `all`, in every run (see docs/links.md)")
	f.StringArrayVar(&s.schedules, "schedule", nil, "changes of a link in the course of each run")
	f.StringVar(&s.trace, "trace", "", "file of delivery opportunities in mahimahi's format, for every link")
	f.StringVar(&s.engine, "engine", "auto", "what carries the links: htb, netem, bpf or user")
	f.BoolVar(&s.nagle, "nagle", false, "leave Nagle's algorithm on (no TCP_NODELAY)")
	f.BoolVar(&s.quickAck, "quickack", false, "turn delayed acknowledgements off (TCP_QUICKACK)")
	f.DurationVar(&s.timeout, "timeout", 0, "longest time of one run (default 3m)")
	return c
}

func (s *sweepFlags) run(c *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "all" || args[0] == scenarios.CookbookName {
		return usage("sweep one part: %s; or a recipe: %s", partNames(), strings.Join(scenarios.RecipeNames(), ", "))
	}
	plan, err := s.plan(args[0], c.Flags())
	if err != nil {
		return err
	}
	if s.out == "" {
		s.out = filepath.Join("wireproof-out", "sweep-"+args[0])
	}
	o := sweep.Options{Dir: s.out, Timeout: s.timeout, Again: s.again, Keep: s.keep}
	if s.files != "" {
		if o.Corpus, err = scenarios.Folder(s.files); err != nil {
			return err
		}
		plan.Setup.Fixed["files"] = described(s.files, o.Corpus)
	}
	if err := scenarios.Ready(c.Context(), scenarios.Namespaces, plan.Scenarios()); err != nil {
		return err
	}
	if err := writable(s.out); err != nil {
		return err
	}
	defer giveBack(s.out)
	if s.fresh {
		if err := sweep.Fresh(s.out); err != nil {
			return err
		}
	}
	journal, err := sweep.OpenJournal(s.out, plan.Setup)
	if err != nil {
		return err
	}
	defer journal.Close()
	if s.files == "" {
		if o.Corpus, err = writeNovels(s.out); err != nil {
			return err
		}
	}
	s.announce(c.ErrOrStderr(), plan, journal)
	began := time.Now()
	progress := newSweepProgress(c.ErrOrStderr(), plan, len(journal.Results(plan)))
	o.On = progress.event
	err = sweep.Do(c.Context(), plan, journal, o)
	progress.close()
	interrupted := c.Context().Err() != nil
	if err != nil && !interrupted {
		return err
	}
	results := journal.Results(plan)
	names, err := sweep.Write(s.out, plan, results, commandLine(c, args))
	if err != nil {
		return err
	}
	if s.asLines {
		err = sweep.WriteLines(c.OutOrStdout(), results)
	} else {
		err = sweepTable(c.OutOrStdout(), plan, results, s.out, names, time.Since(began))
	}
	if err != nil {
		return err
	}
	if interrupted {
		return &exit{status: statusInconclusive, cause: fmt.Errorf("interrupted: %d of %d runs are in %s: the same command goes on from there", len(results), len(plan.Runs), s.out)}
	}
	return verdict(sweep.Verdict(plan, results))
}

// plan turns the flags into a plan, each of its runs sound.
func (s *sweepFlags) plan(part string, given *pflag.FlagSet) (sweep.Plan, error) {
	setup := sweep.Setup{
		Part: part, Values: map[string][]string{}, Repeat: s.repeat, Seed: s.seed, Jobs: s.jobs, Excerpt: s.excerpt,
		Fixed: map[string]string{}, Machine: thisMachine(),
		Params: scenarios.Params{
			Variants: s.variants, Links: s.links, Schedules: s.schedules, Whole: s.whole,
			Socket: peers.SocketOptions{Nagle: s.nagle, QuickAck: s.quickAck},
		},
	}
	switch {
	case s.repeat < 1:
		return sweep.Plan{}, usage("--repeat %d: at least 1 run of each combination", s.repeat)
	case s.jobs < 1:
		return sweep.Plan{}, usage("--jobs %d: at least 1 run at once", s.jobs)
	case given.Changed("excerpt") && s.excerpt < 1:
		return sweep.Plan{}, usage("--excerpt %d: at least 1 byte; leave the flag out for what the part serves", s.excerpt)
	case s.excerpt > 0 && s.whole:
		return sweep.Plan{}, usage("--excerpt %d --whole: one of them", s.excerpt)
	case given.Changed("timeout") && s.timeout <= 0:
		return sweep.Plan{}, usage("--timeout %v: a run takes some time, such as 30s", s.timeout)
	}
	for name, values := range s.values {
		if given.Changed(name) {
			setup.Values[name] = *values
		}
	}
	if !given.Changed("dialect") {
		setup.Values["dialect"] = []string{"stream", "lockstep"}
	}
	for _, name := range setup.Values["congestion"] {
		if err := (&socketFlags{congestion: name}).check(given); err != nil {
			return sweep.Plan{}, err
		}
	}
	for _, name := range sweepFixed {
		if f := given.Lookup(name); f.Changed {
			setup.Fixed[name] = f.Value.String()
		}
	}
	if s.trace != "" {
		setup.Params.Links = append([]string{"all:trace=" + s.trace}, setup.Params.Links...)
	}
	var err error
	if setup.Params.Engine, err = harness.ParseEngine(s.engine); err != nil {
		return sweep.Plan{}, usage("--engine: %w", err)
	}
	if s.client != "" {
		if setup.Params.Mode, err = peers.ParseMode(s.client); err != nil {
			return sweep.Plan{}, usage("--client: %w", err)
		}
	}
	return sweep.NewPlan(setup)
}

// described is a folder of files as a later sweep can be compared with: one whose files have changed is another.
func described(dir string, c scenarios.Corpus) string {
	var bytes int64
	for _, name := range c.Names {
		if info, err := os.Stat(filepath.Join(c.Dir, name)); err == nil {
			bytes += info.Size()
		}
	}
	return fmt.Sprintf("%s (%d bytes in %d)", dir, bytes, len(c.Names))
}

// thisMachine is what figures depend on besides the flags.
func thisMachine() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return fmt.Sprintf("Linux %s, %d processors", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU())
}

// commandLine is what the user typed, without where the results go.
func commandLine(c *cobra.Command, args []string) string {
	words := append([]string{c.CommandPath()}, args...)
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"out", "fresh", "again", "keep", "json"}, f.Name) {
			return
		}
		value := strings.Trim(f.Value.String(), "[]")
		if strings.ContainsAny(value, " ;>%") {
			value = "'" + value + "'"
		}
		words = append(words, "--"+f.Name, value)
	})
	return strings.Join(words, " ")
}

// announce says what is going to be done, where that is not plain from the flags.
func (s *sweepFlags) announce(w io.Writer, p sweep.Plan, j *sweep.Journal) {
	for _, change := range j.Changes {
		fmt.Fprintf(w, "%s: since the last time, %s\n", s.out, change)
	}
	if j.Mended {
		fmt.Fprintf(w, "%s: the last line of the results was cut, and has been taken away\n", s.out)
	}
	if p.Setup.Excerpt > 0 && s.excerpt == 0 {
		fmt.Fprintf(w, "every run serves the first %d bytes of each file, since some would take minutes: --whole serves all, --excerpt another number\n", p.Setup.Excerpt)
	}
	if p.Setup.Jobs > 1 {
		fmt.Fprintf(w, "%d runs at once disturb each other's figures\n", p.Setup.Jobs)
	}
	if n := len(j.Results(p)); n > 0 {
		fmt.Fprintf(w, "%s: %d of %d runs are there already\n", s.out, n, len(p.Runs))
	}
}

// sweepProgress shows how far a sweep is, and how long it will take.
type sweepProgress struct {
	*runProgress
	left *atomic.Int64 // nanoseconds; 0: not known
}

func newSweepProgress(w io.Writer, p sweep.Plan, made int) sweepProgress {
	s := sweepProgress{left: new(atomic.Int64)}
	left := decor.Any(func(decor.Statistics) string {
		if d := time.Duration(s.left.Load()); d > 0 {
			return "  " + timeLeft(d)
		}
		return ""
	})
	s.runProgress = newRunProgress(w, len(p.Runs), "runs", left)
	if s.bar != nil {
		s.bar.SetCurrent(int64(made))
	}
	return s
}

func (s sweepProgress) event(e sweep.Event) {
	s.left.Store(int64(e.Left))
	line := fmt.Sprintf("%3d/%d  %-12s  %s  repeat %d  %s s  %s Mbit/s", e.Done, e.Total, e.Result.Verdict, e.Run.Point, e.Run.Repeat,
		sweep.Short(e.Result.Seconds), sweep.Short(e.Result.MbitPerSecond))
	if e.Left > 0 && s.bars == nil {
		line += "  " + timeLeft(e.Left)
	}
	s.step(line)
}

func timeLeft(d time.Duration) string {
	if d < time.Second {
		return "about 1s left"
	}
	return fmt.Sprintf("about %v left", d.Round(time.Second))
}

var sweepColumns = []column{
	{"RUNS", true, 1}, {"PASS", true, 0}, {"BYTES", true, 4}, {"SECONDS Q1", true, 2}, {"MEDIAN", true, 0}, {"Q3", true, 2}, {"MBIT/S Q1", true, 2}, {"MEDIAN", true, 0}, {"Q3", true, 2},
}

// sweepTable prints a line for each point, and below it what was not PASS and what has been written.
func sweepTable(w io.Writer, p sweep.Plan, results []sweep.Result, out string, names []string, took time.Duration) error {
	varying := p.Varying()
	columns := make([]column, 0, len(varying)+len(sweepColumns))
	for _, name := range varying {
		columns = append(columns, column{head: strings.ToUpper(name)})
	}
	columns = append(columns, sweepColumns...)
	var rows [][]string
	for _, row := range sweep.Summarize(p, results) {
		var cells []string
		for _, name := range varying {
			cells = append(cells, row.Point.Value(name))
		}
		cells = append(cells, fmt.Sprint(row.Runs), fmt.Sprint(row.Passed), fmt.Sprint(row.Bytes))
		for _, q := range []sweep.Quartiles{row.Seconds, row.MbitPerSecond} {
			for _, f := range []float64{q.Q1, q.Median, q.Q3} {
				if row.Passed > 0 {
					cells = append(cells, sweep.Short(f))
				} else {
					cells = append(cells, "-")
				}
			}
		}
		rows = append(rows, cells)
	}
	width := terminalWidth(w)
	text := render(columns, rows, width)
	count := map[flow.Verdict]int{}
	for _, r := range results {
		if count[r.Verdict]++; r.Verdict != flow.Pass {
			text += "\n" + wrap(fmt.Sprintf("%s  %s  %s", r.Verdict, r.Name(), r.Reason), width, "  ")
		}
	}
	text += "\n" + wrap(fmt.Sprintf("%d PASS, %d FAIL, %d INCONCLUSIVE, %d not run, in %v. The figures are of the runs that are PASS. In %s: results.jsonl, %s",
		count[flow.Pass], count[flow.Fail], count[flow.Inconclusive], len(p.Runs)-len(results), took.Round(time.Second),
		strings.TrimSuffix(out, string(os.PathSeparator)), strings.Join(names, ", ")), width, "")
	_, err := io.WriteString(w, text)
	return err
}
