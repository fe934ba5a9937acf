package link

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/wireproof/wireproof/harness/topo"
)

// ConformOptions say what Conform holds a capture to.
type ConformOptions struct {
	// Name of the direction, for sentences: "h1>s1". Zero: "the link".
	Name string
	// Interface to read, by its name in the capture. Zero: all of the file.
	Interface string
	// Inbound looks at what the interface received. Zero: at what it sent.
	Inbound bool
	// Rate in bit/s of whole Ethernet frames. It must be above zero.
	Rate topo.BitRate
	// BurstBytes is the bucket: how much may come in excess of the rate at once. Zero: DefaultBurst.
	BurstBytes uint64
}

// DefaultBurst is the bucket of htb as the harness sets it up, in bytes: the greater of 15 KiB and of what the
// rate carries in 1 ms; and two frames of the longest kind, since htb sends a frame as long as there is any
// credit at all (net/sched/sch_htb.c, htb_class_mode), and a frame arrives whole.
func DefaultBurst(rate topo.BitRate, longest int) uint64 {
	return max(15<<10, uint64(max(rate, 0))/8/1000) + 2*uint64(max(longest, 1514))
}

// Conformity is how the frames of one direction of one capture keep to a rate.
type Conformity struct {
	Name       string       `json:"name"`
	Rate       topo.BitRate `json:"rate_bps"`
	BurstBytes uint64       `json:"burst_bytes"`

	Frames  uint64 `json:"frames"`
	Bytes   uint64 `json:"bytes"`
	Longest int    `json:"longest_bytes"` // frame
	FirstNS int64  `json:"first_ns"`      // since 1970
	LastNS  int64  `json:"last_ns"`

	// LevelBytes is the most by which any stretch of the capture, its first and last frame included, is
	// above rate times its length; rounded up. A bucket of this size is just large enough.
	LevelBytes uint64 `json:"level_bytes"`
	// ExcessBytes is what LevelBytes is above BurstBytes. Zero: the rate was kept.
	ExcessBytes uint64 `json:"excess_bytes"`
	// WorstNS is when the stretch ended that LevelBytes is of, since 1970.
	WorstNS int64 `json:"worst_ns"`

	// BusiestSecondBytes is the most that came in one second, of those seconds that begin a multiple
	// of 10 ms after the first frame.
	BusiestSecondBytes uint64 `json:"busiest_second_bytes"`

	Capture  Side     `json:"capture"`
	Problems []string `json:"problems,omitempty"` // why the capture is not the whole truth
}

// Complete reports whether the capture shows every frame.
func (c *Conformity) Complete() bool { return len(c.Problems) == 0 }

// Conform measures whether the frames that an interface sent ever exceed rate·t + burst in any interval of
// any length t: the token bucket of RFC 2697 without its colours, in integers, exactly, in one pass and in memory
// that does not grow. A frame whose time stamp goes back counts as if it came with the one before it.
//
// It holds for one rate throughout: a schedule, a trace, or Link.Set during the capture are beyond it.
// Time stamps are taken for granted: where the machine puts off a stamp by t, up to rate·t is seen in excess.
//
// An error means that nothing can be said, as with Compare.
func Conform(ctx context.Context, capture io.Reader, o ConformOptions) (Conformity, error) {
	if o.Name == "" {
		o.Name = "the link"
	}
	if o.Rate <= 0 {
		return Conformity{}, fmt.Errorf("measure the rate of %s: rate of %d bit/s: give one above 0", o.Name, int64(o.Rate))
	}
	want := uint32(outbound)
	if o.Inbound {
		want = inbound
	}
	s, err := openSide(stopper{ctx, capture}, want, o.Interface)
	c := Conformity{Name: o.Name, Rate: o.Rate}
	b := bucket{rate: uint64(o.Rate)}
	var busy busiest
	for err == nil && s.more {
		p := &s.packet
		if c.Frames == 0 {
			c.FirstNS, c.LastNS = p.Time, p.Time
		}
		passed := uint64(0)
		if p.Time > c.LastNS {
			passed = uint64(p.Time) - uint64(c.LastNS)
			c.LastNS = p.Time
		}
		if b.add(uint64(p.Length), passed) {
			c.WorstNS = c.LastNS
		}
		busy.add(uint64(c.LastNS)-uint64(c.FirstNS), uint64(p.Length))
		c.Frames++
		c.Bytes += uint64(p.Length)
		c.Longest = max(c.Longest, p.Length)
		err = s.next()
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Conformity{}, fmt.Errorf("measure the rate of %s: %w", o.Name, err)
	}
	c.LevelBytes, c.BusiestSecondBytes = b.most(), busy.most
	if c.BurstBytes = o.BurstBytes; c.BurstBytes == 0 {
		c.BurstBytes = DefaultBurst(o.Rate, c.Longest)
	}
	if c.LevelBytes > c.BurstBytes {
		c.ExcessBytes = c.LevelBytes - c.BurstBytes
	}
	c.Problems, c.Capture = s.problems("the capture"), s.seen
	return c, nil
}

// bucket is a leaky bucket. Its level is in billionths of a bit, of which a rate in bit/s lets out that many each
// nanosecond; 64 bits hold 2.3 GB, and what is more is held at that.
type bucket struct {
	rate, level, highest uint64
}

// add lets the bucket leak for a time in nanoseconds, then adds bytes, and reports whether it was never as full.
func (b *bucket) add(bytes, passed uint64) bool {
	if high, leaked := bits.Mul64(b.rate, passed); high > 0 || leaked >= b.level {
		b.level = 0
	} else {
		b.level -= leaked
	}
	high, more := bits.Mul64(bytes, 8e9)
	sum, carry := bits.Add64(b.level, more, 0)
	if b.level = sum; high > 0 || carry > 0 {
		b.level = math.MaxUint64
	}
	if b.level <= b.highest {
		return false
	}
	b.highest = b.level
	return true
}

func (b *bucket) most() uint64 { return b.highest/8e9 + min(b.highest%8e9, 1) }

// busiest finds the second with the most bytes, in bins of 10 ms.
type busiest struct {
	bins      [100]uint64
	now       uint64 // the bin that is filled
	sum, most uint64
}

func (b *busiest) add(since, bytes uint64) {
	bin := since / 10e6
	for steps := min(bin-b.now, 100); steps > 0; steps-- {
		b.now++
		b.sum -= b.bins[b.now%100]
		b.bins[b.now%100] = 0
	}
	b.now = bin
	b.bins[bin%100] += bytes
	b.sum += bytes
	b.most = max(b.most, b.sum)
}
