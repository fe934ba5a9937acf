package impair

import (
	"math/bits"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// An Impairment decides for one direction of one link. It is not safe for
// concurrent use: packets have an order, and so have the calls of Decide.
type Impairment struct {
	config Config

	loss, duplicate, reorder, corrupt uint64 // thresholds
	keys                              keys
	gilbert                           gilbert
	jitter                            jitter
	gap                               int

	ranges [][]topo.Range // of each filter that goes by number
	rules  []rule         // of those that go by kind
	names  []string

	whole course // counts of the direction
	flows *flows // nil: packets are counted together
	view  View
	lost  []Loss
	old   *Impairment // to be followed; nil: none, or done
}

// A Loss is one lost packet, where Config.Record asks for it.
type Loss struct {
	Flow   uint64 // FlowID; zero where packets are counted together
	Index  uint64 // within the flow, or the direction
	Listed bool   // a filter named it
}

type keys struct{ loss, jitter, duplicate, reorder, corrupt, bit uint64 }

// New returns the impairment that c describes. The error joins all mistakes of c.
func New(c Config) (*Impairment, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	key := func(kind Kind) uint64 { return Key(c.Seed, c.Link, c.Direction, kind) }
	im := &Impairment{
		config:    c,
		loss:      Threshold(c.LossPercent),
		duplicate: Threshold(c.DuplicatePercent),
		reorder:   Threshold(c.ReorderPercent),
		corrupt:   Threshold(c.CorruptPercent),
		keys: keys{key(KindLoss), key(KindJitter), key(KindDuplicate), key(KindReorder),
			key(KindCorrupt), key(KindCorruptBit)},
		gilbert: newGilbert(c.Gilbert, key(KindState), key(KindBurst)),
		jitter:  newJitter(c.Jitter, c.Distribution),
		gap:     max(c.ReorderGap, 1),
	}
	for _, f := range c.Drop {
		if len(f.Packets) > 0 {
			im.ranges = append(im.ranges, f.Packets)
			continue
		}
		r, err := newRule(f, c.Hosts)
		if err != nil {
			return nil, err
		}
		im.rules, im.names = append(im.rules, r), append(im.names, f.String())
	}
	im.whole.seen = make([]uint64, len(im.rules))
	if c.PerFlow {
		im.flows = newFlows()
	}
	return im, nil
}

// Decide says what happens to p. It allocates nothing, but for the first packet
// of a flow where PerFlow is asked, for what Record asks, and for Follow.
func (im *Impairment) Decide(p *Packet) (d Decision) {
	// d is filled in field by field: a copy of the whole stalls on the bytes just written,
	// which took half the time of a decision (BenchmarkDecide).
	d.Corrupt = -1
	if !p.IP {
		return
	}
	if im.old != nil {
		im.adopt()
	}
	c, index := &im.whole, p.Index
	if im.flows != nil || len(im.rules) > 0 {
		im.view.Parse(p.Frame)
		if im.flows != nil {
			c = im.flows.of(&im.view, len(im.rules))
			index = c.next
			c.next++
		}
	}
	// Each cause counts every packet, lost or not: none moves what another does.
	listed := false
	for _, ranges := range im.ranges {
		listed = listed || inRanges(ranges, index+1)
	}
	for i := range im.rules {
		if im.rules[i].match(&im.view, &c.seen[i]) {
			listed = true
		}
	}
	drop := im.loss > 0 && Hit(im.keys.loss^c.id, index, im.loss)
	if im.gilbert.on() && im.gilbert.strike(&c.chain, index, c.id) {
		drop = true
	}
	if listed || drop {
		if len(im.lost) < im.config.Record {
			im.lost = append(im.lost, Loss{c.id, index, listed})
		}
		d.Drop, d.Listed = true, listed
		return
	}
	im.spoil(p, c, index, &d)
	return
}

// spoil decides about a packet that arrives.
func (im *Impairment) spoil(p *Packet, c *course, index uint64, d *Decision) {
	d.Duplicate = im.duplicate > 0 && Hit(im.keys.duplicate^c.id, index, im.duplicate)
	if im.corrupt > 0 && p.Len > etherHeader && Hit(im.keys.corrupt^c.id, index, im.corrupt) {
		bit, _ := bits.Mul64(Hash(im.keys.bit^c.id, index), uint64(p.Len-etherHeader)*8)
		d.Corrupt = int(bit)
	}
	if im.reorder > 0 {
		c.since++
		if c.since >= im.gap && Hit(im.keys.reorder^c.id, index, im.reorder) {
			c.since = 0
			d.Reorder = true
			return // at once: jitter has nothing to act on
		}
	}
	if im.jitter.scale > 0 {
		d.Extra = max(im.jitter.at(Hash(im.keys.jitter^c.id, index)), -im.config.Delay)
	}
}

// Follow makes im go on where old is when im decides for the first time: it takes over
// the indices and order of flows, what filters that both have have seen, and the losses
// recorded. From then on old must not be used; so an engine that changes from one
// to the other between two packets needs no lock. It must be called before im is in use.
func (im *Impairment) Follow(old *Impairment) { im.old = old }

// adopt is Follow at the first packet.
func (im *Impairment) adopt() {
	old := im.old
	im.old = nil
	if old.old != nil { // was replaced before it met a packet
		old.adopt()
	}
	carry := func(c *course) {
		seen := make([]uint64, len(im.rules))
		for i, name := range im.names {
			if j := slices.Index(old.names, name); j >= 0 {
				seen[i] = c.seen[j]
			}
		}
		c.seen = seen
	}
	carry(&old.whole)
	im.whole = old.whole
	if im.flows != nil && old.flows != nil {
		for _, c := range old.flows.table {
			carry(c)
		}
		if old.flows.overflow != nil {
			carry(old.flows.overflow)
		}
		im.flows = old.flows
	}
	im.lost = old.lost
}

// Lost returns the packets lost so far, in order, at most Config.Record of them.
// It must not be called while Decide runs.
func (im *Impairment) Lost() []Loss {
	if im.old != nil {
		return im.old.Lost()
	}
	return im.lost
}

// MaxDelay is the longest delay and jitter there is.
const MaxDelay = time.Hour
