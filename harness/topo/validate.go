package topo

import "errors"

// maxNodes is how many hosts, and how many switches, a topology can have: the
// MAC addresses of the interfaces have two bytes for the number of the node.
const maxNodes = 1<<16 - 1

// tooMany is where the builders stop: Validate refuses the result, and an absurd
// argument does not fill the memory first.
const tooMany = maxNodes + 1

// A Mistake is one thing wrong with a topology.
type Mistake struct {
	Where  string // the place: "host h1", "link h1-s1"
	What   string // what is wrong there
	Remedy string // what to do about it
}

// Error returns "where: what: remedy".
func (m *Mistake) Error() string { return m.Where + ": " + m.What + ": " + m.Remedy }

// Mistakes returns the mistakes in an error of Validate, however it was wrapped
// on the way.
func Mistakes(err error) []*Mistake { return nil }

// Validate reports everything that is wrong with t: an error that joins one
// [*Mistake] for each thing (see errors.Join), or nil.
func (t Topo) Validate() error { return errors.Join() }
