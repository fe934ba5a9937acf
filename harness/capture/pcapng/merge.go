package pcapng

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
)

// CommentFunc returns the comments of a packet: source counts the files from 0, packet
// the packets of each from 1.
type CommentFunc func(source int, packet uint64) []string

// Merge writes one file with the interfaces and the packets of several, each of which
// a [Writer] has made, in the order of their times; what each has of the same
// interface keeps its order. Packets and times are copied as they are; comments, if
// it is not nil, are added to what packets have. The section's own texts and
// the names of addresses are those of the first file. One source makes a copy with
// comments.
//
// It holds half a megabyte of each source, and none whole. The error is ErrForeign
// for a file that a Writer did not make or that breaks off, else that of reading or
// of writing.
func Merge(w io.Writer, sources []io.Reader, comments CommentFunc) error {
	out := bufio.NewWriterSize(w, mergeBuffer)
	m := merger{out: out, comments: comments}
	for i, r := range sources {
		if err := m.add(r); err != nil {
			return fmt.Errorf("merge captures: file %d: %w", i+1, err)
		}
	}
	if err := m.begin(); err != nil {
		return fmt.Errorf("merge captures: %w", err)
	}
	if err := m.packetsUntil(math.MaxInt64); err != nil {
		return fmt.Errorf("merge captures: %w", err)
	}
	if err := m.close(); err != nil {
		return fmt.Errorf("merge captures: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("merge captures: write: %w", err)
	}
	return nil
}

const mergeBuffer = 512 << 10

// merger merges files, of which the ends may not be there yet.
type merger struct {
	out      *bufio.Writer
	comments CommentFunc
	sources  []*mergeSource
	section  []byte // blocks of the first source
	names    []byte
	buf      []byte
	begun    bool
}

type mergeSource struct {
	blocks     blocks
	interfaces []byte   // description blocks
	count      uint32   // how many
	base       uint32   // number of the first in the merged file
	packet     []byte   // the next one, nil where it is not there
	time       int64    // of it
	number     uint64   // of it in its file, from 1
	ends       [][]byte // statistics blocks
}

// add reads a source up to its first packet.
func (m *merger) add(r io.Reader) error {
	s := &mergeSource{blocks: blocks{r: r}}
	section, err := s.blocks.next()
	if err == nil && (le.Uint32(section) != blockSection || le.Uint32(section[8:]) != byteOrderMagic) || err == io.EOF {
		err = fmt.Errorf("%w: it does not begin with a section of ours", ErrForeign)
	}
	if err != nil {
		return err
	}
	if len(m.sources) == 0 {
		m.section = append([]byte(nil), section...)
	}
	if n := len(m.sources); n > 0 {
		s.base = m.sources[n-1].base + m.sources[n-1].count
	}
	m.sources = append(m.sources, s)
	return m.advance(s)
}

// advance makes the next packet of a source the one that is looked at, if it is there.
func (m *merger) advance(s *mergeSource) error {
	s.packet = nil
	for {
		block, err := s.blocks.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind := le.Uint32(block); kind {
		case blockPacket:
			if !checkPacket(block) || le.Uint32(block[8:]) >= s.count {
				return fmt.Errorf("%w: a packet that does not fit its block or has no interface, before byte %d", ErrForeign, s.blocks.used)
			}
			s.packet, s.time = block, int64(uint64(le.Uint32(block[12:]))<<32|uint64(le.Uint32(block[16:])))
			s.number++
			le.PutUint32(block[8:], s.base+le.Uint32(block[8:]))
			return nil
		case blockInterface:
			if m.begun {
				return fmt.Errorf("%w: an interface is described behind packets, before byte %d", ErrForeign, s.blocks.used)
			}
			s.interfaces = append(s.interfaces, block...)
			s.count++
		case blockNames:
			if s == m.sources[0] {
				m.names = append(m.names, block...)
			}
		case blockStatistics:
			if len(block) < 24 {
				return fmt.Errorf("%w: a statistics block of %d bytes", ErrForeign, len(block))
			}
			le.PutUint32(block[8:], s.base+le.Uint32(block[8:]))
			s.ends = append(s.ends, append([]byte(nil), block...))
		default:
			return fmt.Errorf("%w: a block of type %#x before byte %d", ErrForeign, kind, s.blocks.used)
		}
	}
}

// begin writes what stands before the packets.
func (m *merger) begin() error {
	if len(m.sources) == 0 {
		return errors.New("there is no file")
	}
	m.begun = true
	m.out.Write(m.section)
	for _, s := range m.sources {
		m.out.Write(s.interfaces)
	}
	_, err := m.out.Write(m.names) // the writer keeps the first error
	return err
}

// packetsUntil writes the packets up to that time, in nanoseconds since 1970.
func (m *merger) packetsUntil(limit int64) error {
	for {
		next := -1
		for i, s := range m.sources {
			if s.packet != nil && s.time <= limit && (next < 0 || s.time < m.sources[next].time) {
				next = i
			}
		}
		if next < 0 {
			return nil
		}
		s := m.sources[next]
		block := s.packet
		if m.comments != nil {
			if texts := m.comments(next, s.number); len(texts) > 0 {
				m.buf = appendComments(m.buf[:0], block, texts)
				block = m.buf
			}
		}
		if _, err := m.out.Write(block); err != nil {
			return err
		}
		if err := m.advance(s); err != nil {
			return err
		}
	}
}

// close writes the statistics, and complains of what is not whole.
func (m *merger) close() error {
	for i, s := range m.sources {
		if n := s.blocks.rest(); n > 0 {
			return fmt.Errorf("%w: file %d breaks off %d bytes into a block", ErrForeign, i+1, n)
		}
		for _, block := range s.ends {
			if _, err := m.out.Write(block); err != nil {
				return err
			}
		}
	}
	return nil
}
