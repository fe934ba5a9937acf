// Package readback reads what package pcapng writes, for tests. It checks the
// structure of every block, and shares no code with the writer.
package readback

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// File is a capture file.
type File struct {
	Section    map[uint16][]byte // options by code
	Interfaces []Interface
	Packets    []Packet
	Names      map[netip.Addr][]string
	Statistics []Statistics
}

// Interface is an interface description.
type Interface struct {
	LinkType uint16
	SnapLen  uint32
	Options  map[uint16][]byte
}

// Packet is an enhanced packet.
type Packet struct {
	Interface uint32
	Nanos     uint64
	Length    int
	Data      []byte
	Flags     uint32
	HasFlags  bool
	Comment   string // several: a line each
}

// Statistics are the counters of an interface.
type Statistics struct {
	Interface uint32
	Nanos     uint64
	Options   map[uint16][]byte
}

// Count returns a counter of the statistics, and whether it is there.
func (s Statistics) Count(code uint16) (uint64, bool) {
	v, ok := s.Options[code]
	if !ok || len(v) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(v), true
}

// Parse reads a whole file.
func Parse(b []byte) (*File, error) {
	f := &File{Names: map[netip.Addr][]string{}}
	for at := 0; at < len(b); {
		n, err := f.block(b[at:])
		if err != nil {
			return f, fmt.Errorf("block at byte %d: %w", at, err)
		}
		at += n
	}
	if f.Section == nil {
		return f, fmt.Errorf("no section header")
	}
	return f, nil
}

func (f *File) block(b []byte) (int, error) {
	if len(b) < 12 {
		return 0, fmt.Errorf("%d bytes left", len(b))
	}
	kind, n := u32(b), int(u32(b[4:]))
	if n < 12 || n%4 != 0 || n > len(b) || int(u32(b[n-4:])) != n {
		return 0, fmt.Errorf("type %#x: length %d of %d", kind, n, len(b))
	}
	if first := kind == 0x0a0d0d0a; first != (f.Section == nil) {
		return 0, fmt.Errorf("type %#x: the section header comes first, and once", kind)
	}
	body := b[8 : n-4]
	var err error
	switch kind {
	case 0x0a0d0d0a:
		if len(body) < 16 || u32(body) != 0x1a2b3c4d || u32(body[4:]) != 1 || binary.LittleEndian.Uint64(body[8:]) != ^uint64(0) {
			return 0, fmt.Errorf("section header % x", body)
		}
		f.Section, err = options(body[16:])
	case 1:
		if len(body) < 8 || binary.LittleEndian.Uint16(body[2:]) != 0 {
			return 0, fmt.Errorf("interface description % x", body)
		}
		i := Interface{LinkType: binary.LittleEndian.Uint16(body), SnapLen: u32(body[4:])}
		i.Options, err = options(body[8:])
		f.Interfaces = append(f.Interfaces, i)
	case 4:
		err = f.names(body)
	case 5:
		if len(body) < 12 || int(u32(body)) >= len(f.Interfaces) {
			return 0, fmt.Errorf("statistics % x", body)
		}
		s := Statistics{Interface: u32(body), Nanos: stamp(body[4:])}
		s.Options, err = options(body[12:])
		f.Statistics = append(f.Statistics, s)
	case 6:
		err = f.packet(body)
	default:
		err = fmt.Errorf("unknown")
	}
	if err != nil {
		return 0, fmt.Errorf("type %#x: %w", kind, err)
	}
	return n, nil
}

func (f *File) packet(body []byte) error {
	if len(body) < 20 || int(u32(body)) >= len(f.Interfaces) {
		return fmt.Errorf("fields % x", body[:min(len(body), 20)])
	}
	kept := int(u32(body[12:]))
	end := 20 + (kept+3)/4*4
	if end > len(body) {
		return fmt.Errorf("%d bytes of data in a body of %d", kept, len(body))
	}
	for _, p := range body[20+kept : end] {
		if p != 0 {
			return fmt.Errorf("padding is not zero")
		}
	}
	p := Packet{Interface: u32(body), Nanos: stamp(body[4:]), Length: int(u32(body[16:])), Data: body[20 : 20+kept]}
	o, err := options(body[end:])
	if err != nil {
		return err
	}
	if v, ok := o[2]; ok {
		if len(v) != 4 {
			return fmt.Errorf("flags % x", v)
		}
		p.Flags, p.HasFlags = u32(v), true
	}
	p.Comment = string(o[1])
	f.Packets = append(f.Packets, p)
	return nil
}

func (f *File) names(body []byte) error {
	for {
		if len(body) < 4 {
			return fmt.Errorf("names do not end")
		}
		kind, n := binary.LittleEndian.Uint16(body), int(binary.LittleEndian.Uint16(body[2:]))
		if kind == 0 {
			if n != 0 || len(body) != 4 {
				return fmt.Errorf("end of names: % x", body)
			}
			return nil
		}
		size := map[uint16]int{1: 4, 2: 16}[kind]
		end := 4 + (n+3)/4*4
		if size == 0 || n <= size || end > len(body) || body[4+n-1] != 0 {
			return fmt.Errorf("names % x", body)
		}
		addr, _ := netip.AddrFromSlice(body[4 : 4+size])
		list := strings.Split(strings.TrimSuffix(string(body[4+size:4+n]), "\x00"), "\x00")
		f.Names[addr] = append(f.Names[addr], list...)
		body = body[end:]
	}
}

func options(b []byte) (map[uint16][]byte, error) {
	o := map[uint16][]byte{}
	if len(b) == 0 {
		return o, nil
	}
	for {
		if len(b) < 4 {
			return nil, fmt.Errorf("options do not end")
		}
		code, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if code == 0 {
			if n != 0 || len(b) != 4 {
				return nil, fmt.Errorf("end of options: % x", b)
			}
			return o, nil
		}
		end := 4 + (n+3)/4*4
		if end > len(b) {
			return nil, fmt.Errorf("option %d: %d bytes of %d", code, n, len(b))
		}
		if first, twice := o[code]; twice && code == 1 { // comments may come several times
			o[code] = append(append(append([]byte(nil), first...), '\n'), b[4:4+n]...)
			b = b[end:]
			continue
		} else if twice {
			return nil, fmt.Errorf("option %d twice", code)
		}
		o[code] = b[4 : 4+n]
		b = b[end:]
	}
}

func stamp(b []byte) uint64 { return uint64(u32(b))<<32 | uint64(u32(b[4:])) }
func u32(b []byte) uint32   { return binary.LittleEndian.Uint32(b) }
