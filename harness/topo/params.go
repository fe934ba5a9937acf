package topo

import (
	"strconv"
	"strings"
	"time"
)

// LinkParams shapes what one end of a link sends. The zero LinkParams is an
// unshaped link. The fields mean what bw, delay, loss and max_queue_size mean
// to Mininet's TCLink: each end applies them to what it sends, so a delay of
// 1 ms on both directions of two links in a row makes a round trip of 4 ms.
type LinkParams struct {
	// Rate in bit/s, of whole Ethernet frames. Zero: as fast as the kernel goes.
	Rate BitRate `json:"rate_bps,omitempty"`
	// Delay of each frame, one way. Zero: none. At most one hour.
	Delay time.Duration `json:"delay_ns,omitempty"`
	// LossPercent is the share of frames dropped at random, 0 to 100. Zero: none.
	LossPercent float64 `json:"loss_percent,omitempty"`
	// MaxQueue is the longest queue in frames. Zero: the engine's own.
	MaxQueue int `json:"max_queue,omitempty"`
}

// Shaped reports whether p asks for anything.
func (p LinkParams) Shaped() bool { return p != LinkParams{} }

// String returns what p asks for, such as "10Mbit 1ms loss 5% queue 100", or
// "unshaped".
func (p LinkParams) String() string {
	var s []string
	if p.Rate != 0 {
		s = append(s, p.Rate.String())
	}
	if p.Delay != 0 {
		s = append(s, p.Delay.String())
	}
	if p.LossPercent != 0 {
		s = append(s, "loss "+strconv.FormatFloat(p.LossPercent, 'g', -1, 64)+"%")
	}
	if p.MaxQueue != 0 {
		s = append(s, "queue "+strconv.Itoa(p.MaxQueue))
	}
	if len(s) == 0 {
		return "unshaped"
	}
	return strings.Join(s, " ")
}
