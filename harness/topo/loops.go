package topo

import (
	"fmt"
	"strconv"
)

// Loops says what a network does with a loop of switches. In a loop without a
// spanning tree every broadcast frame goes round for ever, and each round
// multiplies it, so a loop has to be asked for by name.
type Loops int

const (
	// LoopsRefused makes a loop a mistake that Validate reports.
	LoopsRefused Loops = iota
	// LoopsSpanningTree has the switches run the spanning tree protocol
	// (IEEE 802.1D) and leaves the links it does not need idle.
	LoopsSpanningTree
	// LoopsStorm leaves the loop open, to show the broadcast storm.
	LoopsStorm
)

var loopsText = []string{"refused", "spanning-tree", "storm"}

// String returns "refused", "spanning-tree" or "storm".
func (l Loops) String() string {
	if l >= 0 && int(l) < len(loopsText) {
		return loopsText[l]
	}
	return "Loops(" + strconv.Itoa(int(l)) + ")"
}

// MarshalText returns what String does, or an error for a value that is none of the three.
func (l Loops) MarshalText() ([]byte, error) {
	if l < 0 || int(l) >= len(loopsText) {
		return nil, fmt.Errorf("loops %d: unknown: use one of %v", int(l), loopsText)
	}
	return []byte(loopsText[l]), nil
}

// UnmarshalText accepts what MarshalText writes, and nothing else.
func (l *Loops) UnmarshalText(text []byte) error {
	for i, s := range loopsText {
		if s == string(text) {
			*l = Loops(i)
			return nil
		}
	}
	return fmt.Errorf("loops %q: unknown: use one of %v", text, loopsText)
}
