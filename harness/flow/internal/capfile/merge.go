package capfile

import (
	"errors"
	"fmt"
	"io"
)

// Input is one of several captures.
type Input struct {
	Name   string // for people
	Reader io.Reader
}

// Merged reads several captures as one, in the order of time, as mergecap does. It is not safe for
// concurrent use.
//
// Each capture's interfaces stay apart, since the same name on two machines is two interfaces. The
// exception is a capture that begins where another has ended: those are the files of one
// that was rotated (tcpdump -C, dumpcap -b), and interfaces of the same name and link type are one.
type Merged struct {
	sources []*source
	last    *source // whose packet was returned last
	ifaces  []Interface
	broken  []error
}

type source struct {
	*Reader
	name      string
	index     int
	packets   uint64 // read
	ahead     Packet
	has       bool // ahead holds a packet
	started   bool
	ended     bool
	end       int64 // time of the last packet
	global    []int // own interface to Merged's
	continued bool  // another goes on where this one ended
}

// maxBuffers bounds the buffers of all captures together, before packets make them grow, in bytes.
const maxBuffers = 4 << 20

// Merge reads the beginning of each capture. An error names the capture that is none.
func Merge(inputs []Input) (*Merged, error) {
	m := &Merged{}
	size := firstBuffer
	if n := len(inputs); n > 0 {
		size = min(size, maxBuffers/n)
	}
	for i, in := range inputs {
		r, err := NewReaderSize(in.Reader, size)
		if err != nil {
			m.Close()
			if len(inputs) > 1 {
				err = fmt.Errorf("%s: %w", in.Name, err)
			}
			return nil, err
		}
		m.sources = append(m.sources, &source{Reader: r, name: in.Name, index: i})
	}
	return m, nil
}

// Single returns the reader of the capture if there is only one, else nil.
func (m *Merged) Single() *Reader {
	if len(m.sources) == 1 {
		return m.sources[0].Reader
	}
	return nil
}

// Close lets go of what decompression holds. It does not close the inputs.
func (m *Merged) Close() {
	for _, s := range m.sources {
		s.Reader.Close()
	}
}

// Capture returns what is known of the i-th capture: its format, its compression ("" for none) and
// how many packets were read of it.
func (m *Merged) Capture(i int) (format, compression string, packets uint64) {
	s := m.sources[i]
	return s.Format(), s.Compression(), s.packets
}

// Broken returns, for each capture that breaks off, how: a *FormatError, with the capture's name
// before it where there are several. The packets before it were returned.
func (m *Merged) Broken() []error { return m.broken }

// Comments returns those of all sections, at most 16.
func (m *Merged) Comments() []string {
	var list []string
	for _, s := range m.sources {
		list = append(list, s.Comments()...)
	}
	return list[:min(len(list), maxComments)]
}

// Next reads the earliest packet of all captures into p. p.Capture and p.Number say where it comes from.
// At the end it returns io.EOF.
func (m *Merged) Next(p *Packet) error {
	if len(m.sources) == 1 { // nothing to compare
		s := m.sources[0]
		if !m.read(s, p) {
			return io.EOF
		}
		p.Interface = m.mapped(s, p.Interface)
		return nil
	}
	if m.last != nil {
		m.last.has = m.read(m.last, &m.last.ahead)
		m.last = nil
	}
	var first *source
	for _, s := range m.sources {
		if !s.has && !s.started {
			s.started = true
			s.has = m.read(s, &s.ahead)
		}
		if s.has && (first == nil || s.ahead.Time < first.ahead.Time) {
			first = s
		}
	}
	if first == nil {
		return io.EOF
	}
	if first.packets == 1 {
		m.resume(first)
	}
	*p = first.ahead
	p.Interface = m.mapped(first, p.Interface)
	m.last = first
	return nil
}

// read reads the next packet of one capture, and says whether there was one.
func (m *Merged) read(s *source, p *Packet) bool {
	if s.ended {
		return false
	}
	err := s.Reader.Next(p)
	if err == nil {
		s.packets++
		s.end = p.Time
		p.Capture, p.Number = s.index, s.packets
		return true
	}
	s.ended = true
	var f *FormatError
	if errors.As(err, &f) && len(m.sources) > 1 {
		err = fmt.Errorf("%s: %w", s.name, err)
	}
	if err != io.EOF {
		m.broken = append(m.broken, err)
	}
	return false
}

// mapped returns Merged's index for an interface of s, a new one if need be.
func (m *Merged) mapped(s *source, i int) int {
	for k := len(s.global); k <= i; k++ {
		s.global = append(s.global, len(m.ifaces))
		m.ifaces = append(m.ifaces, s.Reader.Interfaces()[k])
		m.ifaces[len(m.ifaces)-1].Capture = s.index
	}
	return s.global[i]
}

// resume makes s the continuation of a capture that ended before s begins, if there is one of the same
// interfaces: of several, that which ended last.
func (m *Merged) resume(s *source) {
	var before *source
	for _, o := range m.sources {
		if o != s && o.ended && o.packets > 0 && !o.continued && o.end <= s.ahead.Time && sameInterfaces(o.Reader.Interfaces(), s.Reader.Interfaces()) &&
			(before == nil || o.end >= before.end) {
			before = o
		}
	}
	if before != nil {
		before.continued = true
		m.mapped(before, len(before.Reader.Interfaces())-1)
		s.global = append(s.global, before.global...)
	}
}

func sameInterfaces(a, b []Interface) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].LinkType != b[i].LinkType {
			return false
		}
	}
	return true
}

// Interfaces returns all interfaces met so far, with the drops counted so far; after io.EOF both are complete.
func (m *Merged) Interfaces() []Interface {
	for _, s := range m.sources {
		if n := len(s.Reader.Interfaces()); n > 0 && s.ended {
			m.mapped(s, n-1) // those without a packet
		}
	}
	for i := range m.ifaces {
		m.ifaces[i].Dropped, m.ifaces[i].DropsKnown = 0, true
	}
	for _, s := range m.sources {
		for k, it := range s.Reader.Interfaces()[:len(s.global)] {
			g := &m.ifaces[s.global[k]]
			if g.Dropped += it.Dropped; g.Dropped < it.Dropped {
				g.Dropped = 1<<64 - 1
			}
			g.DropsKnown = g.DropsKnown && it.DropsKnown
		}
	}
	return m.ifaces
}

// Describe returns the interface with Merged's index i, without its drops.
func (m *Merged) Describe(i int) Interface { return m.ifaces[i] }
