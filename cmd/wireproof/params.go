package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
	"github.com/wireproof/wireproof/scenarios"
)

// paramFlags are the flags that change a part.
type paramFlags struct {
	variants, dialects, models []string
	client                     string
	bw, loss                   float64
	delay                      time.Duration
	hops                       int
	set                        func(string) bool // which flags the user gave
	socket                     socketFlags
}

func (p *paramFlags) linkFlags(c *cobra.Command) {
	f := c.Flags()
	f.Float64Var(&p.bw, "bw", 0, "rate of every link in Mbit/s (default: the part's own)")
	f.DurationVar(&p.delay, "delay", 0, "one-way delay of every link, such as 5ms (default: the part's own)")
	f.Float64Var(&p.loss, "loss", 0, "loss of every link in percent (default: the part's own)")
	f.IntVar(&p.hops, "hops", 0, "switches in the chain of part j (default 8)")
	p.set = c.Flags().Changed
}

func (p *paramFlags) peerFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&p.variants, "variant", nil, "only this variant; `all`: every client fetches all files over its one connection")
	f.StringSliceVar(&p.dialects, "dialect", nil, "stream, lockstep, or both")
	f.StringSliceVar(&p.models, "server", nil, "server model: sequential, thread or fork")
	f.StringVar(&p.client, "client", "", "client mode: persistent, nonpersistent or concurrent")
	p.socket.add(c)
}

// params checks the flags. Ranges of values are the scenarios' business, except that 0 means "not given" there.
func (p *paramFlags) params() (scenarios.Params, error) {
	params := scenarios.Params{
		Variants: p.variants, Delay: p.delay, LossPercent: p.loss, Hops: p.hops,
		Buffer: p.socket.buffer, Socket: p.socket.options(),
	}
	params.Rate = topo.BitRate(p.bw * float64(topo.Mbit))
	if p.set("bw") && params.Rate <= 0 {
		return params, usage("--bw %s: a rate is above 0 Mbit/s; leave the flag out for the part's own", strconv.FormatFloat(p.bw, 'g', -1, 64))
	}
	if p.set("hops") && p.hops <= 0 {
		return params, usage("--hops %d: a chain has at least 1 switch", p.hops)
	}
	for _, name := range p.dialects {
		if name == "both" {
			params.Dialects = append(params.Dialects, protocol.Stream, protocol.Lockstep)
			continue
		}
		d, err := protocol.ParseDialect(name)
		if err != nil {
			return params, usage("--dialect: %w, or both", err)
		}
		params.Dialects = append(params.Dialects, d)
	}
	for _, name := range p.models {
		m, err := peers.ParseModel(name)
		if err != nil {
			return params, usage("--server: %w", err)
		}
		params.Models = append(params.Models, m)
	}
	if p.client != "" {
		m, err := peers.ParseMode(p.client)
		if err != nil {
			return params, usage("--client: %w", err)
		}
		params.Mode = m
	}
	return params, nil
}

func partNames() string { return strings.Join(scenarios.PartNames(), ", ") }

// socketFlags are the knobs of the original programs.
type socketFlags struct {
	buffer     int
	nagle      bool
	quickAck   bool
	congestion string
}

func (s *socketFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&s.buffer, "buffer", 0, "bytes of one lockstep exchange, and of one read or write of a stream (default: 1024, and what is fastest)")
	f.BoolVar(&s.nagle, "nagle", false, "leave Nagle's algorithm on (no TCP_NODELAY)")
	f.BoolVar(&s.quickAck, "quickack", false, "turn delayed acknowledgements off (TCP_QUICKACK)")
	f.StringVar(&s.congestion, "congestion", "", "congestion control, such as cubic, reno or bbr (default: the host's)")
}

func (s *socketFlags) options() peers.SocketOptions {
	return peers.SocketOptions{Nagle: s.nagle, QuickAck: s.quickAck, Congestion: s.congestion}
}
