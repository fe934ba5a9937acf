package topo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Filter names packets of one direction of a link: by their numbers, or by what
// they are. ParseFilter reads it, and String writes it:
//
//	filter  = ( "packet" | "packets" ) range *( ( "," | "and" | "," "and" ) range )
//	        | which kind [ "from" host ] [ "to" host ]
//	range   = number [ ".." [ number ] ]        ; "4.." is all from the fourth on
//	which   = "the" [ ordinal ]                 ; without an ordinal: the first
//	        | "the" "first" number              ; that many from the first on
//	        | "every" [ ordinal ]               ; "every third": the 3rd, the 6th, ...
//	ordinal = "first" | "second" | ... | "tenth"
//	        | number ( "st" | "nd" | "rd" | "th" )
//	kind    = "SYN" | "SYN-ACK" | "ACK" | "FIN" | "RST" | "data" "segment"
//	        | "datagram" | "packet"             ; and each with an "s"
//	host    = a host of the network | an IP address
//
// A number is decimal, 1 to 2^63-1: the first packet is packet 1, which has index 0.
// Words may be of any case, but for hosts. Words are parted by spaces.
//
// A SYN has no ACK; a SYN-ACK has both; an ACK has nothing else and no payload;
// a FIN may carry data or an ACK; a data segment is a TCP segment with payload; a
// datagram is UDP; a packet is any that has an index. Where packets are counted
// by flow, so are the numbers and ordinals of filters: "the SYN" is every flow's first.
type Filter struct {
	// Packets are the numbers, sorted, apart from each other by at least one packet
	// that is not meant. Empty: the filter goes by the fields below.
	Packets []Range

	Kind  PacketKind
	First uint64 // the first one meant, from 1
	Count uint64 // how many from First on, or 1 with Every; zero only where Packets are given
	Every uint64 // each Every-th one from First on, without end; zero: only Count
	From  string // source host; "": any
	To    string // destination host; "": any
}

// A Range is the packets First to Last, both included. Last 0: without end.
type Range struct{ First, Last uint64 }

// A PacketKind is what a packet is.
type PacketKind string

// The kinds of packets that a filter can name.
const (
	PacketSYN      PacketKind = "SYN"
	PacketSYNACK   PacketKind = "SYN-ACK"
	PacketACK      PacketKind = "ACK"
	PacketFIN      PacketKind = "FIN"
	PacketRST      PacketKind = "RST"
	PacketData     PacketKind = "data segment"
	PacketDatagram PacketKind = "datagram"
	PacketAny      PacketKind = "packet"
)

var packetKinds = []PacketKind{PacketSYN, PacketSYNACK, PacketACK, PacketFIN, PacketRST, PacketData, PacketDatagram, PacketAny}

var ordinals = []string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"}

// FilterIndices returns the filter for the packets with these indices, which a
// run's log of lost packets gives: it loses the same packets again.
func FilterIndices(indices ...uint64) Filter {
	ranges := make([]Range, len(indices))
	for i, index := range indices {
		ranges[i] = Range{index + 1, index + 1}
	}
	return Filter{Packets: JoinRanges(ranges)}
}

// JoinRanges returns ranges in order, those that touch or overlap made one.
func JoinRanges(ranges []Range) []Range {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	kept := ranges[:0]
	for _, r := range ranges {
		if n := len(kept); n > 0 && (kept[n-1].Last == 0 || r.First <= kept[n-1].Last+1) {
			if last := &kept[n-1].Last; *last != 0 && (r.Last == 0 || r.Last > *last) {
				*last = r.Last
			}
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// Hosts returns the names that the filter uses, addresses included.
func (f Filter) Hosts() []string {
	return slices.DeleteFunc([]string{f.From, f.To}, func(name string) bool { return name == "" })
}

// String returns the filter as ParseFilter reads it.
func (f Filter) String() string {
	if len(f.Packets) > 0 {
		return f.numbers()
	}
	var s string
	plural := ""
	switch {
	case f.Every == 1:
		s = "every "
	case f.Every > 1:
		s = "every " + ordinal(f.Every) + " "
	case f.Count > 1:
		s, plural = "the first "+strconv.FormatUint(f.Count, 10)+" ", "s"
	case f.First == 1 && (f.Kind == PacketSYN || f.Kind == PacketSYNACK): // a connection has one
		s = "the "
	default:
		s = "the " + ordinal(f.First) + " "
	}
	s += string(f.Kind) + plural
	if f.From != "" {
		s += " from " + f.From
	}
	if f.To != "" {
		s += " to " + f.To
	}
	return s
}

func (f Filter) numbers() string {
	var s strings.Builder
	s.WriteString("packet")
	if len(f.Packets) > 1 || f.Packets[0].First != f.Packets[0].Last {
		s.WriteByte('s')
	}
	for i, r := range f.Packets {
		switch {
		case i > 0 && i == len(f.Packets)-1:
			s.WriteString(" and")
		case i > 0:
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, " %d", r.First)
		switch r.Last {
		case r.First:
		case 0:
			s.WriteString("..")
		default:
			fmt.Fprintf(&s, "..%d", r.Last)
		}
	}
	return s.String()
}

// ordinal returns 3 as "third" and 23 as "23rd".
func ordinal(n uint64) string {
	if n >= 1 && n <= uint64(len(ordinals)) {
		return ordinals[n-1]
	}
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.FormatUint(n, 10) + suffix
}
