package topo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestFilterReadsAndPrints(t *testing.T) {
	one := func(kind PacketKind, first, count, every uint64, from, to string) Filter {
		return Filter{Kind: kind, First: first, Count: count, Every: every, From: from, To: to}
	}
	for _, c := range []struct {
		text, prints string // prints "": as it was
		want         Filter
	}{
		{"the SYN", "", one(PacketSYN, 1, 1, 0, "", "")},
		{"the SYN-ACK", "", one(PacketSYNACK, 1, 1, 0, "", "")},
		{"the third data segment from h2", "", one(PacketData, 3, 1, 0, "h2", "")},
		{"the first FIN", "", one(PacketFIN, 1, 1, 0, "", "")},
		{"every RST", "", one(PacketRST, 1, 1, 1, "", "")},
		{"every third ACK to fd00::1", "", one(PacketACK, 3, 1, 3, "", "fd00::1")},
		{"the 23rd datagram from a to b", "", one(PacketDatagram, 23, 1, 0, "a", "b")},
		{"the 111th packet", "", one(PacketAny, 111, 1, 0, "", "")},
		{"the first 5 data segments", "", one(PacketData, 1, 5, 0, "", "")},
		{"  The  FIRST syn ", "the SYN", one(PacketSYN, 1, 1, 0, "", "")},
		{"the 2nd Syn-Acks", "the second SYN-ACK", one(PacketSYNACK, 2, 1, 0, "", "")},
		{"the FIN from to to from", "the first FIN from to to from", one(PacketFIN, 1, 1, 0, "to", "from")},
		{"every first packet", "every packet", one(PacketAny, 1, 1, 1, "", "")},
		{"the first 1 RST", "the first RST", one(PacketRST, 1, 1, 0, "", "")},
		{"packet 7", "", Filter{Packets: []Range{{7, 7}}}},
		{"packets 7 and 9", "", Filter{Packets: []Range{{7, 7}, {9, 9}}}},
		{"packets 4..", "", Filter{Packets: []Range{{4, 0}}}},
		{"packets 1, 3 and 5..9", "", Filter{Packets: []Range{{1, 1}, {3, 3}, {5, 9}}}},
		{"packets 9,7,8, and 1", "packets 1 and 7..9", Filter{Packets: []Range{{1, 1}, {7, 9}}}},
		{"packets 5.. and 3 and 4 and 99", "packets 3..", Filter{Packets: []Range{{3, 0}}}},
		{"packet 2..6, 4", "packets 2..6", Filter{Packets: []Range{{2, 6}}}},
	} {
		got, err := ParseFilter(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v", c.text, got, err)
			continue
		}
		want := c.prints
		if want == "" {
			want = c.text
		}
		if got.String() != want {
			t.Errorf("%q prints as %q, want %q", c.text, got.String(), want)
		}
	}
}

func TestFilterMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                             `filter "": at the end: give "the SYN"`,
		"SYN":                          `at "SYN": give "the SYN", "the third data segment`,
		"the SIN":                      `at "SIN": give SYN, SYN-ACK, ACK, FIN`,
		"the third":                    `at the end: give SYN,`,
		"the zeroth SYN":               `at "zeroth"`,
		"the 0th SYN":                  `at "0th"`,
		"the data":                     `at "data"`,
		"the second 3 SYNs":            `at "3"`,
		"every 0 SYN":                  `at "0"`,
		"the SYN from":                 `at the end: give the name of a host`,
		"the SYN from , h1":            `at ",": give the name of a host`,
		"the SYN to h1 from h2":        `at "from": give "from" and then "to"`,
		"the SYN please":               `at "please"`,
		"packets":                      `at the end: give a number from 1 on`,
		"packets 0":                    `at "0": give a number`,
		"packets 7 9":                  `at "9": give "and" or a comma`,
		"packets 9..7":                 `at "9..7"`,
		"packets 7 and":                `at the end: give a number`,
		"packets -3":                   `at "-3"`,
		"packets 99999999999999999999": `at "99999999999999999999"`,
	} {
		_, err := ParseFilter(text)
		var mistake *FilterError
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	_, err := ParseFilter("the " + strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("a long filter gives an error of %d bytes", len(err.Error()))
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, text := range []string{"the SYN", "the third data segment from h2 to h1", "every 4th RST", "packets 7 and 9..12, 4..", "the first 3 ACKs"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFilter(text)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		again, err := ParseFilter(got.String())
		if err != nil || !reflect.DeepEqual(got, again) || again.String() != got.String() {
			t.Errorf("%q is %+v, prints as %q, which is %+v, %v", text, got, got.String(), again, err)
		}
	})
}

// Ranges in any order name the packets that they name one by one, and print sorted and apart.
func TestFilterRangesAgainstSets(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for range 2000 {
		text := "packets"
		var set [40]bool
		for i := range 1 + r.IntN(6) {
			first := 1 + r.Uint64N(30)
			last := first + r.Uint64N(5)
			if i > 0 {
				text += ","
			}
			if text += fmt.Sprintf(" %d..%d", first, last); r.IntN(12) == 0 {
				text, last = strings.TrimSuffix(text, strconv.FormatUint(last, 10)), 39
			}
			for n := first; n <= last; n++ {
				set[n] = true
			}
		}
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		var got [40]bool
		for i, r := range f.Packets {
			if i > 0 && (f.Packets[i-1].Last == 0 || r.First <= f.Packets[i-1].Last+1) {
				t.Fatalf("%q became %v: not apart", text, f.Packets)
			}
			for n := r.First; n < 40 && (r.Last == 0 || n <= r.Last); n++ {
				got[n] = true
			}
		}
		if got != set {
			t.Fatalf("%q became %v", text, f.Packets)
		}
	}
}
