package link

import (
	"math"

	"github.com/wireproof/wireproof/harness/topo"
)

// chanceOfError is the chance with which a link that does what is asked may fail a check of its shares.
const chanceOfError = 1e-6

// bounds returns the least and the greatest number of hits among n packets that independent chance p is held to:
// fewer than low, or more than high, come with a chance of at most half of chanceOfError each.
func bounds(n uint64, p float64) (low, high uint64) {
	switch {
	case !(p > 0):
		return 0, 0
	case p >= 1:
		return n, n
	}
	return least(n, p), n - least(n, 1-p)
}

// within is bounds where n and p are known within limits.
func within(nLow, nHigh uint64, p share) (low, high uint64) {
	low, _ = bounds(nLow, p.low)
	_, high = bounds(nHigh, p.high)
	return low, high
}

// least returns the greatest k of which P(X < k) is at most half of chanceOfError, for X binomial.
// The terms are found from the greatest one, in the middle, outwards by their ratios, and then added up from the
// small ones inwards.
func least(n uint64, p float64) uint64 {
	gamma := func(x uint64) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	k := min(uint64(float64(n)*p), n)
	term := math.Exp(gamma(n) - gamma(k) - gamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	odds := p / (1 - p)
	for k > 0 && term > chanceOfError*1e-20 {
		term *= float64(k) / float64(n-k+1) / odds
		k--
	}
	sum := 0.0
	for k < n {
		if sum += term; sum > chanceOfError/2 {
			break
		}
		term *= float64(n-k) / float64(k+1) * odds
		k++
	}
	return k
}

// bursty returns what the Gilbert-Elliott model, with independent loss beside it, plausibly loses of n packets, and how
// often in the mean it goes into its bad state.
//
// The number lost is about normal for many bursts. Its variance is n times that of one packet, and what
// the correlation of neighbours adds, which decays by 1-p-r from one packet to the next.
func bursty(n uint64, g topo.GilbertElliott, loss float64) (low, high uint64, bursts float64) {
	p, r := g.PPercent/100, g.R()/100
	if p <= 0 {
		low, high = bounds(n, loss)
		return low, high, float64(n)
	}
	bad := p / (p + r)
	inBad := 1 - g.HPercent/100*(1-loss)
	inGood := 1 - (1-g.KLossPercent/100)*(1-loss)
	mean := bad*inBad + (1-bad)*inGood
	decay := 1 - p - r
	variance := mean*(1-mean) + 2*(inBad-inGood)*(inBad-inGood)*bad*(1-bad)*decay/(p+r)
	// Five standard deviations are one in a million and more; the model begins in its good state, which is worth a burst.
	spread := 5*math.Sqrt(float64(n)*max(variance, 0)) + 1 + min(1/max(r, 1e-9), float64(n))
	at := float64(n) * mean
	return uint64(max(math.Ceil(at-spread), 0)), uint64(min(math.Floor(at+spread), float64(n))), float64(n) * (1 - bad) * p
}
