package topo

import (
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// A TraceOpener opens the file of a trace, as os.Open does. Nil refuses traces.
type TraceOpener func(name string) (io.ReadCloser, error)

// A parameter is one field of LinkParams as text has it: key=value.
type parameter struct {
	key  string
	want string // what a value looks like
	// set reads a value into p, and reports whether it could.
	set func(p *LinkParams, value string) bool
	// get writes the value that set reads, also where nothing is asked.
	get func(p LinkParams) string
	// asked reports whether p asks for anything here.
	asked func(p LinkParams) bool
}

// parameters are all that text can set but the schedule, in the order in which they print.
// The trace is set by apply, which can open files.
var parameters = []parameter{
	{"rate", "a rate above 0, like 10Mbit; leave it out for an unshaped link",
		func(p *LinkParams, v string) (ok bool) {
			rate, err := ParseBitRate(v)
			p.Rate = rate
			return err == nil && rate > 0
		},
		func(p LinkParams) string { return p.Rate.String() },
		func(p LinkParams) bool { return p.Rate != 0 }},
	timeParameter("delay", func(p *LinkParams) *time.Duration { return &p.Delay }),
	timeParameter("jitter", func(p *LinkParams) *time.Duration { return &p.Jitter }),
	{"dist", "uniform, normal, pareto or paretonormal",
		func(p *LinkParams, v string) (ok bool) {
			d, err := ParseDistribution(v)
			p.Distribution = d
			return err == nil && v != ""
		},
		func(p LinkParams) string { return string(p.Distribution) },
		func(p LinkParams) bool { return p.Distribution != "" }},
	shareParameter("loss", func(p *LinkParams) *float64 { return &p.LossPercent }),
	{"gemodel", "p/r/1-h/1-k in percent, of which only p must be given, like 1%/20%; r above 0", setGilbert, printGilbert,
		func(p LinkParams) bool { return p.Gilbert != GilbertElliott{} }},
	{"drop", wantFilter + `, or "none"`,
		func(p *LinkParams, v string) bool { // appends: see apply
			if strings.EqualFold(v, "none") {
				return true
			}
			f, err := ParseFilter(v)
			if err != nil {
				return false
			}
			p.Drop = append(p.Drop, f.String())
			return true
		},
		func(p LinkParams) string {
			if len(p.Drop) == 0 {
				return "none"
			}
			return strings.Join(p.Drop, ",drop=")
		},
		func(p LinkParams) bool { return len(p.Drop) > 0 }},
	shareParameter("duplicate", func(p *LinkParams) *float64 { return &p.DuplicatePercent }),
	shareParameter("reorder", func(p *LinkParams) *float64 { return &p.ReorderPercent }),
	countParameter("gap", func(p *LinkParams) *int { return &p.ReorderGap }),
	shareParameter("corrupt", func(p *LinkParams) *float64 { return &p.CorruptPercent }),
	countParameter("queue", func(p *LinkParams) *int { return &p.MaxQueue }),
	countParameter("queuebytes", func(p *LinkParams) *int { return &p.MaxQueueBytes }),
	countParameter("ecn", func(p *LinkParams) *int { return &p.ECNThreshold }),
	countParameter("mtu", func(p *LinkParams) *int { return &p.MTU }),
	{"trace", "the name of a file with one time in milliseconds on each line", nil,
		func(p LinkParams) string {
			if p.Trace == nil {
				return ""
			}
			return p.Trace.Name
		},
		func(p LinkParams) bool { return p.Trace != nil }},
	{"perflow", "yes or no",
		func(p *LinkParams, v string) bool {
			p.PerFlow = strings.EqualFold(v, "yes")
			return p.PerFlow || strings.EqualFold(v, "no")
		},
		func(p LinkParams) string {
			if p.PerFlow {
				return "yes"
			}
			return "no"
		},
		func(p LinkParams) bool { return p.PerFlow }},
}

func timeParameter(key string, field func(*LinkParams) *time.Duration) parameter {
	return parameter{key, "a time like 10ms or 1.5s",
		func(p *LinkParams, v string) bool {
			d, err := time.ParseDuration(v)
			*field(p) = d
			return err == nil
		},
		func(p LinkParams) string { return field(&p).String() },
		func(p LinkParams) bool { return *field(&p) != 0 }}
}

func shareParameter(key string, field func(*LinkParams) *float64) parameter {
	return parameter{key, "a share from 0% to 100%",
		func(p *LinkParams, v string) (ok bool) { *field(p), ok = parsePercent(v); return ok },
		func(p LinkParams) string { return percent(*field(&p)) },
		func(p LinkParams) bool { return *field(&p) != 0 }}
}

func countParameter(key string, field func(*LinkParams) *int) parameter {
	return parameter{key, "a whole number",
		func(p *LinkParams, v string) bool {
			n, err := strconv.Atoi(v)
			*field(p) = n
			return err == nil
		},
		func(p LinkParams) string { return strconv.Itoa(*field(&p)) },
		func(p LinkParams) bool { return *field(&p) != 0 }}
}

// parsePercent reads "5%" or "5". Whether it lies between 0 and 100 is for check to say.
func parsePercent(s string) (float64, bool) {
	share, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	return share + 0, err == nil && !math.IsNaN(share) && !math.IsInf(share, 0)
}

func percent(share float64) string { return strconv.FormatFloat(share, 'g', -1, 64) + "%" }

// setGilbert reads p[/r[/1-h[/1-k]]], as the arguments of tc's gemodel. What is left out has
// netem's default, and is written out, so that it prints.
func setGilbert(p *LinkParams, v string) bool {
	parts := strings.Split(v, "/")
	share := [4]float64{0, 0, 100, 0}
	if len(parts) > len(share) {
		return false
	}
	for i, part := range parts {
		var ok bool
		if share[i], ok = parsePercent(strings.TrimSpace(part)); !ok {
			return false
		}
	}
	if len(parts) == 1 {
		share[1] = 100 - share[0]
	}
	p.Gilbert = GilbertElliott{PPercent: share[0], RPercent: share[1], HPercent: 100 - share[2], KLossPercent: share[3]}
	if share[0] == 0 && len(parts) == 1 { // "gemodel=0%" is none
		p.Gilbert = GilbertElliott{}
		return true
	}
	return share[1] != 0 || share[0] == 100 // zero r would be taken for what is left out
}

func printGilbert(p LinkParams) string {
	g := p.Gilbert
	if g == (GilbertElliott{}) {
		return "0%"
	}
	return percent(g.PPercent) + "/" + percent(g.R()) + "/" + percent(100-g.HPercent) + "/" + percent(g.KLossPercent)
}
