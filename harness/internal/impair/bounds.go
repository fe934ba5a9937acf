package impair

import "math"

// DefaultError is the chance with which a correct link may fail a check by Bounds.
const DefaultError = 1e-6

// Bounds returns the least and the greatest number of losses among n packets that
// independent loss with chance p is held to: fewer than low happen with a chance of
// at most e/2, and so do more than high; and the bounds are the tightest of which that is
// true. p is from 0 to 1, e above 0 and below 1.
//
// The tails of the binomial distribution are summed term by term, from where terms no
// longer matter inwards, so the cost grows with the square root of n.
func Bounds(n uint64, p, e float64) (low, high uint64) {
	switch {
	case !(p > 0):
		return 0, 0
	case p >= 1:
		return n, n
	}
	low = tail(n, p, e/2)
	return low, n - tail(n, 1-p, e/2)
}

// tail returns the greatest k for which fewer than k successes of n happen with
// a chance of at most e.
func tail(n uint64, p, e float64) uint64 {
	// By Bernstein's inequality the tail below mean-d is at most exp(-d^2/2/(npq+d/3)):
	// what lies beyond 1e-18 of e does not matter.
	far := math.Log(1/e) + 42
	start := float64(n)*p - far/3 - math.Sqrt(far*far/9+2*float64(n)*p*(1-p)*far) - 1
	k := uint64(max(start, 0))
	term := math.Exp(logBinomial(n, k, p))
	ratio := p / (1 - p)
	sum := 0.0
	for {
		if sum += term; sum > e || k == n {
			return k
		}
		term *= float64(n-k) / float64(k+1) * ratio
		k++
		if term < 1e-280 { // where float64 loses digits, the ratio would carry the error on
			term = math.Exp(logBinomial(n, k, p))
		}
	}
}

// logBinomial is the logarithm of the chance of k successes of n.
func logBinomial(n, k uint64, p float64) float64 {
	gamma := func(x float64) float64 { v, _ := math.Lgamma(x); return v }
	N, K := float64(n), float64(k)
	return gamma(N+1) - gamma(K+1) - gamma(N-K+1) + K*math.Log(p) + (N-K)*math.Log1p(-p)
}

// Interval returns the chances of loss that k losses among n packets agree with: the
// interval of Clopper and Pearson ("The use of confidence or fiducial limits",
// Biometrika 26, 1934), outside of which k or what is further off would happen with
// a chance of at most e/2. Without packets it is 0 to 1.
func Interval(n, k uint64, e float64) (low, high float64) {
	high = 1
	if k > 0 && n > 0 {
		low = root(func(p float64) bool { return atLeast(n, k, p) < e/2 })
	}
	if k < n {
		high = root(func(p float64) bool { return below(n, k, p) > e/2 })
	}
	return low, high
}

// root returns where below, true at 0 and false at 1, changes.
func root(below func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 200 {
		middle := (low + high) / 2
		if middle <= low || middle >= high {
			break
		}
		if below(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// atLeast is the chance of k or more successes of n, k > 0: the regularised
// incomplete beta function I_p(k, n-k+1), NIST DLMF 8.17.5.
func atLeast(n, k uint64, p float64) float64 { return incompleteBeta(float64(k), float64(n-k)+1, p) }

// below is the chance of at most k successes of n, k < n, without the cancellation
// that 1 - atLeast suffers where it is small.
func below(n, k uint64, p float64) float64 { return incompleteBeta(float64(n-k), float64(k)+1, 1-p) }

// incompleteBeta is I_x(a, b), by the continued fraction of DLMF 8.17.22 on the side
// where it converges fast, evaluated as Lentz's method has it.
func incompleteBeta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - incompleteBeta(b, a, 1-x)
	}
	gamma := func(x float64) float64 { v, _ := math.Lgamma(x); return v }
	front := math.Exp(gamma(a+b)-gamma(a)-gamma(b)+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	nonzero := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/nonzero(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 1e6; m++ {
		for _, v := range [...]float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			d = 1 / nonzero(1+v*d)
			c = nonzero(1 + v/c)
			f *= c * d
		}
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return front * f
}
