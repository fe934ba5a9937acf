package topo

import (
	"math"
	"reflect"
	"slices"
	"time"
)

// LinkParams shapes what one end of a link sends. The zero LinkParams is an
// unshaped link. The fields mean what bw, delay, loss and max_queue_size mean
// to Mininet's TCLink: each end applies them to what it sends, so a delay of
// 1 ms on both directions of two links in a row makes a round trip of 4 ms.
//
// Packets are whole Ethernet frames as the wire carries them, never the offloaded
// frames of up to 64 KB. Where a field acts by chance, Topo.Seed decides: the same seed
// strikes the same packets, counted from the link's start.
type LinkParams struct {
	// Rate in bit/s, of whole Ethernet frames. Zero: as fast as the kernel goes.
	Rate BitRate `json:"rate_bps,omitempty"`
	// Delay of each frame, one way. Zero: none. At most one hour.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// Jitter is the scale of the Distribution of what is added to the delay, or taken
	// from it. Zero: none. At most Delay. A packet that is late may be overtaken.
	Jitter time.Duration `json:"jitter_ns,omitempty"`
	// Distribution of the jitter. Zero: uniform.
	Distribution Distribution `json:"distribution,omitempty"`

	// LossPercent is the share of frames dropped at random, 0 to 100. Zero: none.
	LossPercent float64 `json:"loss_percent,omitempty"`
	// Gilbert loses frames in bursts, beside LossPercent. Zero: none.
	Gilbert GilbertElliott `json:"gilbert_elliott,omitzero"`
	// Drop loses the packets that the filters name, such as "the SYN" or "packets
	// 7 and 9": see Filter for the language. Zero: none.
	Drop []string `json:"drop,omitempty"`
	// DuplicatePercent is the share of frames delivered twice, 0 to 100. Zero: none.
	DuplicatePercent float64 `json:"duplicate_percent,omitempty"`
	// ReorderPercent is the share of frames that are sent without the delay and so
	// overtake those that wait, 0 to 100. Zero: none. It needs a delay.
	ReorderPercent float64 `json:"reorder_percent,omitempty"`
	// ReorderGap lets a frame be reordered only after ReorderGap - 1 that were not.
	// Zero: 1.
	ReorderGap int `json:"reorder_gap,omitempty"`
	// CorruptPercent is the share of frames of which one bit behind the Ethernet
	// header is inverted, 0 to 100. Zero: none.
	CorruptPercent float64 `json:"corrupt_percent,omitempty"`

	// MaxQueue is the longest queue in frames. Zero: the engine's own.
	MaxQueue int `json:"max_queue,omitempty"`
	// MaxQueueBytes is the longest queue in bytes of whole frames. Zero: no such limit.
	MaxQueueBytes int `json:"max_queue_bytes,omitempty"`
	// ECNThreshold is the length of the queue in frames from which on packets of
	// ECN-capable transports are marked as having met congestion (RFC 3168). Zero: never.
	ECNThreshold int `json:"ecn_threshold,omitempty"`
	// MTU is the longest IP packet in bytes; longer ones are lost. Zero: whatever comes.
	MTU int `json:"mtu,omitempty"`

	// Trace gives the times at which the link delivers, in place of Rate. Nil: none.
	// It is not changed while the topology is in use.
	Trace *LinkTrace `json:"trace,omitempty"`
	// Schedule changes the parameters in the course of a run. Zero: nothing changes.
	Schedule []Change `json:"schedule,omitempty"`
	// PerFlow counts the packets of each flow apart, so that what flows in parallel
	// lose does not depend on how they interleave.
	PerFlow bool `json:"per_flow,omitempty"`
}

// A LinkTrace is a trace and where it came from.
type LinkTrace struct {
	// Name of the file, for the report.
	Name string `json:"name,omitempty"`
	// Times of the opportunities in milliseconds.
	Times Trace `json:"times_ms"`
}

// Shaped reports whether p asks for anything.
func (p LinkParams) Shaped() bool { return !p.Equal(LinkParams{}) }

// Equal reports whether p and q ask for the same. Empty lists are equal to none, and
// what is not a number is equal to itself, so that one mistake stays one.
func (p LinkParams) Equal(q LinkParams) bool { return reflect.DeepEqual(p.plain(), q.plain()) }

// plain returns p with what means the same made the same. It shares the lists of p.
func (p LinkParams) plain() LinkParams {
	for _, share := range p.shares() {
		if math.IsNaN(*share.percent) {
			*share.percent = math.Inf(-1) // no less wrong
		}
	}
	if len(p.Drop) == 0 {
		p.Drop = nil
	}
	if len(p.Schedule) == 0 {
		p.Schedule = nil
	}
	if p.Distribution == Uniform {
		p.Distribution = ""
	}
	return p
}

// shares returns the fields of p that are percentages.
func (p *LinkParams) shares() []struct {
	name    string
	percent *float64
} {
	return []struct {
		name    string
		percent *float64
	}{
		{"loss", &p.LossPercent}, {"gemodel p", &p.Gilbert.PPercent}, {"gemodel r", &p.Gilbert.RPercent},
		{"gemodel h", &p.Gilbert.HPercent}, {"gemodel 1-k", &p.Gilbert.KLossPercent},
		{"duplicate", &p.DuplicatePercent}, {"reorder", &p.ReorderPercent}, {"corrupt", &p.CorruptPercent},
	}
}

// clone returns a copy that shares nothing with p.
func (p LinkParams) clone() LinkParams {
	p.Drop = slices.Clone(p.Drop)
	p.Schedule = slices.Clone(p.Schedule)
	if p.Trace != nil {
		p.Trace = &LinkTrace{p.Trace.Name, slices.Clone(p.Trace.Times)}
	}
	return p
}
