package impair

import "github.com/wireproof/wireproof/harness/topo"

// gilbert is the model at work. Which state a packet meets is a function of the
// key and the index alone, although the states form a chain: the draw after
// packet i leads to the bad state from both where it is below p, and to the good
// state from both where it is among the top r, so that the last such draw decides,
// and what went before it does not matter.
type gilbert struct {
	moves, losses uint64    // keys
	toBad, toGood uint64    // below toBad leads to bad; from toGood on, to good
	lost          [2]uint64 // threshold of loss in the good and the bad state
}

func newGilbert(g topo.GilbertElliott, moves, losses uint64) gilbert {
	return gilbert{
		moves: moves, losses: losses,
		toBad:  Threshold(g.PPercent),
		toGood: 1<<32 - Threshold(g.R()),
		lost:   [2]uint64{Threshold(g.KLossPercent), Threshold(100 - g.HPercent)},
	}
}

func (g *gilbert) on() bool { return g.toBad > 0 }

// chain is the state that packet next meets: 0 good, 1 bad. The zero chain is
// that of packet 0.
type chain struct {
	next uint64
	bad  uint8
}

// strike reports whether the model loses the packet with this index, and moves
// the chain behind it. Indices in a row cost two draws; a jump finds its state
// from the draws before it.
func (g *gilbert) strike(c *chain, index, salt uint64) bool {
	if c.next != index {
		c.bad = g.state(index, salt)
	}
	lost := Hit(g.losses^salt, index, g.lost[c.bad])
	c.bad = g.move(c.bad, Hash(g.moves^salt, index)>>32)
	c.next = index + 1
	return lost
}

// move returns the state after a draw.
func (g *gilbert) move(bad uint8, draw uint64) uint8 {
	if bad == 0 && draw < g.toBad {
		return 1
	}
	if bad == 1 && draw >= g.toGood {
		return 0
	}
	return bad
}

// state returns the state that the packet with this index meets. It goes back to
// the last draw that led to one state from both, 1/(p+r) draws away in the mean
// where p+r is at most 1. Draws that swap the states, which exist where it is
// more, are counted on the way.
func (g *gilbert) state(index, salt uint64) uint8 {
	swapped := uint8(0)
	for i := index; i > 0; i-- {
		draw := Hash(g.moves^salt, i-1) >> 32
		switch fromGood, fromBad := g.move(0, draw), g.move(1, draw); {
		case fromGood == fromBad:
			return fromGood ^ swapped
		case fromGood == 1:
			swapped ^= 1
		}
	}
	return swapped
}
