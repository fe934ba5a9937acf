package impair

import (
	"math/bits"
	"sync"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

const (
	tableBits  = 12   // of a random number, that choose an entry
	tableScale = 8192 // one J
)

// tables are computed when first asked for. The uniform distribution needs none.
var tables = map[topo.Distribution]func() *[1 << tableBits]int16{
	topo.Normal:       sync.OnceValue(topo.Normal.Table),
	topo.Pareto:       sync.OnceValue(topo.Pareto.Table),
	topo.ParetoNormal: sync.OnceValue(topo.ParetoNormal.Table),
}

// jitter turns random numbers into times around zero.
type jitter struct {
	scale uint64                 // J in nanoseconds
	table *[1 << tableBits]int16 // nil: uniform
}

func newJitter(j time.Duration, d topo.Distribution) jitter {
	made := jitter{scale: uint64(max(j, 0))}
	if t := tables[d]; t != nil {
		made.table = t()
	}
	return made
}

// at returns the time for a random number, in integers throughout.
func (j jitter) at(random uint64) time.Duration {
	if j.table == nil {
		high, _ := bits.Mul64(random, 2*j.scale)
		return time.Duration(high) - time.Duration(j.scale)
	}
	// The top bits choose the entry. Split as netem does, so that hours do not overflow.
	x := int64(j.table[random>>(64-tableBits)])
	s := int64(j.scale)
	return time.Duration(s/tableScale*x + (s%tableScale*x+tableScale/2)>>13)
}
