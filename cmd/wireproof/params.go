package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
	"github.com/wireproof/wireproof/scenarios"
)

// paramFlags are the flags that change a part.
type paramFlags struct {
	variants, dialects, models []string
	clients                    []string
	bw, loss                   float64
	delay                      time.Duration
	hops                       int
	links, schedules           []string
	trace, engine              string
	seed                       uint64
	whole                      bool
	given                      *pflag.FlagSet
	socket                     socketFlags
	file                       topoFlags
}

func (p *paramFlags) linkFlags(c *cobra.Command) {
	f := c.Flags()
	p.given = f
	f.Float64Var(&p.bw, "bw", 0, "rate of every link in Mbit/s (default: the part's own)")
	f.DurationVar(&p.delay, "delay", 0, "one-way delay of every link, such as 5ms (default: the part's own)")
	f.Float64Var(&p.loss, "loss", 0, "loss of every link in percent (default: the part's own)")
	f.IntVar(&p.hops, "hops", 0, "switches in the chain of part j (default 8)")
	f.StringArrayVar(&p.links, "link", nil, "parameters of one link, or of `all`, such as h1-s1:delay=10ms,loss=1% or h1>s1:rate=1Mbit (see docs/links.md)")
	f.StringArrayVar(&p.schedules, "schedule", nil, "changes of a link in the course of the run, such as 'h1-s1: down 2s..3s; 10Mbit after 5s'")
	f.StringVar(&p.trace, "trace", "", "file of delivery opportunities in mahimahi's format, for every link")
}

func (p *paramFlags) peerFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&p.variants, "variant", nil, "only this variant; `all`: every client fetches all files over its one connection")
	f.StringSliceVar(&p.dialects, "dialect", nil, "stream, lockstep, or both")
	f.StringSliceVar(&p.models, "server", nil, "server model: sequential, thread or fork; with --topo also hosts that serve, by name or address")
	f.StringSliceVar(&p.clients, "client", nil, "client mode: persistent, nonpersistent or concurrent; with --topo also hosts that fetch (default: all but the servers)")
	f.StringVar(&p.engine, "engine", "auto", "what carries the links: htb, netem, bpf or user (default: chosen by what each link asks for)")
	f.Uint64Var(&p.seed, "seed", 0, "of everything that happens by chance; the report has it (default 1)")
	f.BoolVar(&p.whole, "whole", false, "serve whole files also where a part takes excerpts (lockstep over links that lose: minutes for a novel)")
	p.socket.add(c)
	p.file.add(c)
}

// params checks the flags, for these parts, and tells all that is wrong with them. Package scenarios checks ranges too, but 0 means "not given" there.
func (p *paramFlags) params(parts []string) (scenarios.Params, error) {
	params := scenarios.Params{
		Variants: p.variants, Delay: p.delay, LossPercent: p.loss, Hops: p.hops,
		Buffer: p.socket.buffer, Socket: p.socket.options(), Links: p.links, Schedules: p.schedules, Seed: p.seed, Whole: p.whole,
	}
	if p.trace != "" {
		params.Links = append([]string{"all:trace=" + p.trace}, params.Links...)
	}
	var mistakes []error
	bad := func(format string, a ...any) { mistakes = append(mistakes, fmt.Errorf(format, a...)) }
	var err error
	if params.Engine, err = harness.ParseEngine(p.engine); err != nil {
		bad("--engine: %w", err)
	}
	// The comparisons are of the kind that NaN fails.
	if p.given.Changed("bw") && !(p.bw*float64(topo.Mbit) >= 1) {
		bad("--bw %s: a rate is above 0 Mbit/s; leave the flag out for the part's own", number(p.bw))
	}
	if p.bw > scenarios.MaxMbit {
		bad("--bw %s: a rate is at most %s Mbit/s; part e has links without a limit", number(p.bw), number(scenarios.MaxMbit))
	}
	params.Rate = topo.BitRate(p.bw * float64(topo.Mbit))
	if p.given.Changed("delay") && !(p.delay > 0 && p.delay <= time.Hour) {
		bad("--delay %v: a delay lies above 0 and up to 1h; part g is part h without it", p.delay)
	}
	if p.given.Changed("loss") && !(p.loss > 0 && p.loss <= 100) {
		bad("--loss %s: a loss lies above 0 and up to 100 percent; part g is part i without it", number(p.loss))
	}
	if p.given.Changed("hops") && p.hops <= 0 {
		bad("--hops %d: a chain has at least 1 switch", p.hops)
	}
	if p.given.Changed("hops") && !slices.ContainsFunc(parts, func(part string) bool { return part == "j" || part == "all" }) {
		bad("--hops %d: only part j has a number of hops", p.hops)
	}
	for _, name := range p.dialects {
		if name == "both" {
			params.Dialects = append(params.Dialects, protocol.Stream, protocol.Lockstep)
			continue
		}
		d, err := protocol.ParseDialect(name)
		if err != nil {
			bad("--dialect: %w, or both", err)
			continue
		}
		params.Dialects = append(params.Dialects, d)
	}
	for _, name := range p.models {
		m, err := peers.ParseModel(name)
		if err != nil {
			bad("--server: %w", err)
			continue
		}
		params.Models = append(params.Models, m)
	}
	if len(p.clients) > 1 {
		bad("--client %s: give one mode; clients are hosts with --topo alone", strings.Join(p.clients, ","))
	}
	for _, name := range p.clients {
		m, err := peers.ParseMode(name)
		if err != nil {
			bad("--client: %w", err)
			continue
		}
		params.Mode = m
	}
	if len(mistakes) > 0 {
		return params, usage("%w", errors.Join(mistakes...))
	}
	return params, nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func partNames() string { return strings.Join(scenarios.PartNames(), ", ") }
