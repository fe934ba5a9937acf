package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
	"github.com/wireproof/wireproof/scenarios"
)

func compareCommand() *cobra.Command {
	var (
		p      paramFlags
		out    string
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "compare PART… | all",
		Short: "runs parts in namespaces of our own and in real Mininet, and holds one to the other",
		Long: "compare runs each part twice, in namespaces of our own and in real Mininet: verdicts, connections and files have to be the same, and so\n" +
			"have interfaces, addresses and who reaches whom; round trips and rates have to be within 20 % of what the links are asked for.\n\n" +
			"all stands for every part in its own variants, by the stream dialect.",
		Example: "  sudo wireproof compare all\n  sudo wireproof compare k --variant A --json",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "all" {
				args = scenarios.PartNames()
			}
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			if err := scenarios.Ready(c.Context(), scenarios.Namespaces, chosen); err != nil {
				return err
			}
			if err := canCompare(c.Context(), chosen); err != nil {
				return err
			}
			if err := writable(out); err != nil {
				return err
			}
			defer giveBack(out)
			o := scenarios.Options{Out: out}
			if o.Corpus, err = writeNovels(out); err != nil {
				return err
			}
			letGo, err := mininet.Acquire(c.Context(), false)
			if err != nil {
				return err
			}
			defer letGo()
			var all []scenarios.Comparison
			var verdicts []flow.Verdict
			for i, s := range chosen {
				result, err := scenarios.Compare(c.Context(), s, o)
				if c.Context().Err() != nil {
					return &exit{status: statusInconclusive, cause: errors.New("interrupted: what had not ended is INCONCLUSIVE")}
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(c.ErrOrStderr(), "  %d/%d  %-12s  %s\n", i+1, len(chosen), result.Verdict, s.Name())
				all, verdicts = append(all, result), append(verdicts, result.Verdict)
			}
			if asJSON {
				err = writeJSON(c.OutOrStdout(), all)
			} else {
				_, err = fmt.Fprint(c.OutOrStdout(), comparisonTable(all, terminalWidth(c.OutOrStdout())))
			}
			if err != nil {
				return err
			}
			return verdict(flow.Worst(verdicts...))
		},
	}
	p.linkFlags(c)
	p.peerFlags(c)
	f := c.Flags()
	f.StringVar(&out, "out", "wireproof-out", "folder for reports, captures, received files and logs, of each back end in a folder of its own")
	f.BoolVar(&asJSON, "json", false, "print the comparisons as one JSON array")
	return c
}

// canCompare refuses where Mininet can run none of the scenarios. Where it can run some, the others are INCONCLUSIVE.
func canCompare(ctx context.Context, chosen []scenarios.Scenario) error {
	var reason error
	for _, s := range chosen {
		s.Engine = harness.EngineAuto // is for our own side
		err := scenarios.Ready(ctx, scenarios.Mininet, []scenarios.Scenario{s})
		if err == nil {
			return nil
		}
		if !errors.Is(err, harness.ErrKernel) && !errors.Is(err, mininet.ErrCannot) {
			return err
		}
		reason = err
	}
	return reason
}

var comparisonColumns = []column{
	{"VERDICT", false, 0}, {"PART", false, 0}, {"VARIANT", false, 0}, {"NETNS", false, 0}, {"MININET", false, 0},
	{"CONNECTIONS", true, 4}, {"FILES", true, 5}, {"REACH", true, 3}, {"RTT ms", false, 1}, {"RATE Mbit/s", false, 0}, {"UP s", false, 2},
}

// comparisonTable prints a line for each comparison: figures of our own namespaces, of Mininet, and what was asked for.
func comparisonTable(all []scenarios.Comparison, width int) string {
	var rows [][]string
	count := map[flow.Verdict]int{}
	for _, c := range all {
		count[c.Verdict]++
		ours, theirs := c.Sides[0], c.Sides[1]
		files := 0
		for _, t := range ours.Report.Transfers {
			files += len(t.Files)
		}
		row := []string{string(c.Verdict), c.Part, c.Variant, side(ours), side(theirs), fmt.Sprint(len(ours.Report.Connections)), fmt.Sprint(files)}
		row = append(row, fmt.Sprint(len(ours.Facts.Reached)), rtts(ours.Facts, theirs.Facts), rates(ours.Facts, theirs.Facts),
			fmt.Sprintf("%.2f / %.2f", ours.Report.Seconds.Up, theirs.Report.Seconds.Up))
		rows = append(rows, row)
	}
	text := render(comparisonColumns, rows, width)
	for _, c := range all {
		for _, check := range c.Checks {
			if check.Verdict != flow.Pass {
				text += "\n" + wrap(fmt.Sprintf("%s  %s %s  %s: %s", check.Verdict, c.Part, c.Variant, check.Name, check.Detail), width, "  ")
			}
		}
	}
	return text + "\n" + wrap(fmt.Sprintf("%d PASS, %d FAIL, %d INCONCLUSIVE. Figures: own namespaces / Mininet, (what the links are asked for), of the path that is farthest from it.",
		count[flow.Pass], count[flow.Fail], count[flow.Inconclusive]), width, "")
}

func side(s scenarios.Side) string {
	if s.Missing != "" {
		return "cannot"
	}
	return string(s.Report.Verdict)
}

// worstOf is the number of the path whose figure is farthest from what was asked for, on either side.
func worstOf(ours, theirs scenarios.Facts, off func(scenarios.Path) float64) int {
	worst, most := 0, -1.0
	for _, f := range []scenarios.Facts{ours, theirs} {
		for i, p := range f.Paths {
			if off(p) > most {
				worst, most = i, off(p)
			}
		}
	}
	return worst
}

func figure(ours, theirs scenarios.Facts, off func(scenarios.Path) float64, text, asked func(scenarios.Path) string) string {
	i := worstOf(ours, theirs, off)
	pick := func(f scenarios.Facts) string {
		if i >= len(f.Paths) {
			return "-"
		}
		return text(f.Paths[i])
	}
	line := pick(ours) + " / " + pick(theirs)
	if i < len(ours.Paths) && asked(ours.Paths[i]) != "" {
		line += " (" + asked(ours.Paths[i]) + ")"
	}
	return line
}

func rtts(ours, theirs scenarios.Facts) string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()*1e3) }
	return figure(ours, theirs, scenarios.Path.RTTOff, func(p scenarios.Path) string { return ms(p.RTT) }, func(p scenarios.Path) string {
		if p.AskedRTT == 0 {
			return ""
		}
		return fmt.Sprintf("%g", p.AskedRTT.Seconds()*1e3)
	})
}

func rates(ours, theirs scenarios.Facts) string {
	mbit := func(r topo.BitRate) string { return fmt.Sprintf("%.0f", float64(r)/float64(topo.Mbit)) }
	return figure(ours, theirs, scenarios.Path.RateOff, func(p scenarios.Path) string { return mbit(p.Rate) }, func(p scenarios.Path) string {
		var asked []string
		if p.AskedRate > 0 {
			asked = append(asked, mbit(p.AskedRate))
		}
		if p.LossPercent > 0 {
			asked = append(asked, fmt.Sprintf("loss %g %%", p.LossPercent))
		}
		return strings.Join(asked, ", ")
	})
}
