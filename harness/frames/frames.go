// Package frames reads captures back, frame by frame, for what has to look at single frames and may share no code with the
// writer (harness/capture/pcapng) or with the judge (harness/flow): counting a storm's copies, and tests of both. Its own
// tests hold it to gopacket's reader and decoder. That library itself is kept out of the programs: its tables take 3 ms to
// be set up whenever a process starts, and each peer of a scenario is a process.
//
//	for frame, err := range frames.Read(file) {
//
// It reads pcapng of either byte order, with any number of sections and interfaces, and Ethernet, IPv4, TCP and ARP.
//
// Sources: draft-ietf-opsawg-pcapng, RFC 826, RFC 791, RFC 9293.
package frames

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"
)

// A Frame is one captured packet.
type Frame struct {
	Data      []byte    // as much as was kept; valid until the next frame
	Length    int       // bytes on the wire
	Time      time.Time // of the capture, UTC
	Interface int       // number in its section, from 0
	Name      string    // of the interface, "" where the capture does not say
}

// The blocks and options that count here; others are passed over.
const (
	sectionBlock   = 0x0a0d0d0a
	interfaceBlock = 1
	packetBlock    = 6
	endOfOptions   = 0
	nameOption     = 2
	unitOption     = 9

	byteOrder   = 0x1a2b3c4d
	largest     = 1 << 24 // bytes of a block: ours have 64 KB at most
	microDigits = 6       // decimal digits of a second where an interface does not say
)

// Read yields the frames of a capture in the order of the file. The first error is the last pair: an end in the midst of a
// block is io.ErrUnexpectedEOF.
func Read(source io.Reader) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		r := reader{source: bufio.NewReaderSize(source, 1<<16), order: binary.LittleEndian}
		for {
			frame, err := r.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Frame{}, fmt.Errorf("capture, block %d: %w", r.blocks, err))
				return
			}
			if !yield(frame, nil) {
				return
			}
		}
	}
}

type reader struct {
	source     *bufio.Reader
	order      binary.ByteOrder
	blocks     int // begun
	body       []byte
	interfaces []described // of this section
}

type described struct {
	name string
	tick time.Duration // 0: finer than a nanosecond, or no power of ten
}

// next reads on to the next frame. io.EOF: there is none.
func (r *reader) next() (Frame, error) {
	for {
		kind, err := r.block()
		if err != nil {
			return Frame{}, err
		}
		switch {
		case kind == sectionBlock:
			r.interfaces = r.interfaces[:0]
		case r.blocks == 1:
			return Frame{}, errors.New("no section header: this is not pcapng")
		case kind == interfaceBlock:
			if err := r.describe(); err != nil {
				return Frame{}, err
			}
		case kind == packetBlock:
			return r.frame()
		}
	}
}

// block reads a block, its content into r.body.
func (r *reader) block() (kind uint32, err error) {
	r.blocks++
	var head [12]byte
	if _, err := io.ReadFull(r.source, head[:8]); err != nil {
		return 0, err // io.EOF between two blocks
	}
	got := 8
	kind = r.order.Uint32(head[:])
	if kind == sectionBlock { // the same in both byte orders
		if _, err := io.ReadFull(r.source, head[8:]); err != nil {
			return 0, unexpected(err)
		}
		got = 12
		switch {
		case binary.LittleEndian.Uint32(head[8:]) == byteOrder:
			r.order = binary.LittleEndian
		case binary.BigEndian.Uint32(head[8:]) == byteOrder:
			r.order = binary.BigEndian
		default:
			return 0, errors.New("a section header without its byte order")
		}
	}
	length := r.order.Uint32(head[4:])
	if length < 12 || length%4 != 0 || length > largest || int(length) < got+4 {
		return 0, fmt.Errorf("a block of %d bytes", length)
	}
	n := int(length) - got
	if cap(r.body) < n {
		r.body = make([]byte, 2*n)
	}
	r.body = r.body[:n]
	if _, err := io.ReadFull(r.source, r.body); err != nil {
		return 0, unexpected(err)
	}
	if again := r.order.Uint32(r.body[n-4:]); again != length {
		return 0, fmt.Errorf("a block of %d bytes ends as one of %d", length, again)
	}
	r.body = r.body[:n-4]
	return kind, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// describe takes an interface's description.
func (r *reader) describe() error {
	if len(r.body) < 8 {
		return errors.New("a short description of an interface")
	}
	i, digits := described{}, byte(microDigits)
	for options := r.body[8:]; len(options) >= 4; {
		code, length := r.order.Uint16(options), int(r.order.Uint16(options[2:]))
		padded := (length + 3) &^ 3
		if code == endOfOptions {
			break
		}
		if len(options) < 4+padded {
			return fmt.Errorf("option %d of an interface is longer than its block", code)
		}
		switch value := options[4 : 4+length]; {
		case code == nameOption:
			i.name = string(value)
		case code == unitOption && length == 1:
			digits = value[0]
		}
		options = options[4+padded:]
	}
	if digits <= 9 {
		i.tick = time.Duration(math.Pow10(9 - int(digits)))
	}
	r.interfaces = append(r.interfaces, i)
	return nil
}

func (r *reader) frame() (Frame, error) {
	if len(r.body) < 20 {
		return Frame{}, errors.New("a short packet block")
	}
	n, kept := r.order.Uint32(r.body), r.order.Uint32(r.body[12:])
	if int64(n) >= int64(len(r.interfaces)) {
		return Frame{}, fmt.Errorf("a packet of interface %d, which was not described", n)
	}
	if int64(kept) > int64(len(r.body)-20) {
		return Frame{}, fmt.Errorf("a packet of %d bytes is longer than its block", kept)
	}
	i := r.interfaces[n]
	if i.tick == 0 {
		return Frame{}, fmt.Errorf("interface %d counts time in units that are not read here", n)
	}
	ticks := uint64(r.order.Uint32(r.body[4:]))<<32 | uint64(r.order.Uint32(r.body[8:]))
	second := uint64(time.Second / i.tick)
	at := time.Unix(int64(ticks/second), int64(ticks%second)*int64(i.tick)).UTC()
	return Frame{Data: r.body[20 : 20+kept], Length: int(r.order.Uint32(r.body[16:])), Time: at, Interface: int(n), Name: i.name}, nil
}
