package impair

import "math"

// golden is 2^64 divided by the golden ratio, made odd: the step of splitmix64.
const golden = 0x9e3779b97f4a7c15

// A Kind names one use of chance. Each has a key of its own.
type Kind string

// The kinds. Their text is part of what a seed means: a change of one changes
// every run.
const (
	KindLoss       Kind = "loss"
	KindState      Kind = "state" // changes of state of the Gilbert-Elliott model
	KindBurst      Kind = "burst" // losses in either state
	KindJitter     Kind = "jitter"
	KindDuplicate  Kind = "duplicate"
	KindReorder    Kind = "reorder"
	KindCorrupt    Kind = "corrupt"
	KindCorruptBit Kind = "corrupt bit"
)

// Key returns the key of one impairment of one direction of one link: link is
// the link's name, "h1-s1", and direction says who sends to whom, "h1>s1".
// For one link, direction and kind, different seeds give different keys.
func Key(seed uint64, link, direction string, kind Kind) uint64 {
	// FNV-1a; a zero byte, which is in no name, ends each part.
	text := uint64(0xcbf29ce484222325)
	for _, part := range [...]string{link, direction, string(kind)} {
		for i := range len(part) {
			text = (text ^ uint64(part[i])) * 0x100000001b3
		}
		text *= 0x100000001b3
	}
	// Mixed before and after, so that neither neighbouring seeds nor names that
	// differ in one letter give streams that overlap.
	return mix(mix(seed+golden) ^ text)
}

// Hash returns the random number of the packet with this index: the output
// index of the splitmix64 generator that starts at key.
func Hash(key, index uint64) uint64 { return mix(key + (index+1)*golden) }

// mix is splitmix64's output function, a bijection.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Threshold returns percent as a fraction of 2^32, rounded up, which strikes the same
// draws as the fraction itself would: what Hit compares with. What is above zero
// stays above zero, and only 100 and above is always.
func Threshold(percent float64) uint64 {
	const one = 1 << 32
	switch {
	case !(percent > 0): // NaN too
		return 0
	case percent >= 100:
		return one
	}
	return min(uint64(math.Ceil(percent/100*one)), one-1)
}

// Hit reports whether chance strikes the packet with this index. It never does
// at threshold 0, and always at 1<<32.
func Hit(key, index, threshold uint64) bool { return Hash(key, index)>>32 < threshold }
