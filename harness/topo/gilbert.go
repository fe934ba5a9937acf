package topo

// GilbertElliott is the loss model of two states that netem calls gemodel: a
// good one, in which the link begins, and a bad one, in which packets are lost.
// Before the next packet the state may change; the chances are in percent, as
// in "loss gemodel p r 1-h 1-k" of tc-netem(8). See loss_gilb_ell in the
// kernel's net/sched/sch_netem.c.
type GilbertElliott struct {
	// PPercent is the chance to go from good to bad. Zero: the model is off.
	PPercent float64 `json:"p_percent,omitempty"`
	// RPercent is the chance to go from bad to good; a burst lasts 100/RPercent
	// packets in the mean. Zero: 100 - PPercent, as in netem.
	RPercent float64 `json:"r_percent,omitempty"`
	// HPercent is the share of packets that pass in the bad state. Zero: none.
	HPercent float64 `json:"h_percent,omitempty"`
	// KLossPercent (netem's 1-k) is the share lost in the good state. Zero: none.
	KLossPercent float64 `json:"k_loss_percent,omitempty"`
}

// MeanLossPercent returns the share of packets lost in the long run.
func (g GilbertElliott) MeanLossPercent() float64 {
	if g.PPercent <= 0 {
		return 0
	}
	r := g.R()
	bad := g.PPercent / (g.PPercent + r)
	return bad*(100-g.HPercent) + (1-bad)*g.KLossPercent
}

// R returns the chance in percent to go from bad to good that is meant: RPercent, or
// where it is zero what stands for it.
func (g GilbertElliott) R() float64 {
	if g.RPercent == 0 {
		return 100 - g.PPercent
	}
	return g.RPercent
}
