package impair

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestFilterReadsAndPrints(t *testing.T) {
	one := func(kind Segment, first, count, every uint64, from, to string) Filter {
		return Filter{Kind: kind, First: first, Count: count, Every: every, From: from, To: to}
	}
	for _, c := range []struct {
		text, prints string // prints "": as it was
		want         Filter
	}{
		{"the SYN", "", one(SYN, 1, 1, 0, "", "")},
		{"the SYN-ACK", "", one(SYNACK, 1, 1, 0, "", "")},
		{"the third data segment from h2", "", one(Data, 3, 1, 0, "h2", "")},
		{"the first FIN", "", one(FIN, 1, 1, 0, "", "")},
		{"every RST", "", one(RST, 1, 1, 1, "", "")},
		{"every third ACK to fd00::1", "", one(ACK, 3, 1, 3, "", "fd00::1")},
		{"the 23rd datagram from a to b", "", one(Datagram, 23, 1, 0, "a", "b")},
		{"the 111th packet", "", one(Any, 111, 1, 0, "", "")},
		{"the first 5 data segments", "", one(Data, 1, 5, 0, "", "")},
		{"  The  FIRST syn ", "the SYN", one(SYN, 1, 1, 0, "", "")},
		{"the 2nd Syn-Acks", "the second SYN-ACK", one(SYNACK, 2, 1, 0, "", "")},
		{"the FIN from to to from", "the first FIN from to to from", one(FIN, 1, 1, 0, "to", "from")},
		{"every first packet", "every packet", one(Any, 1, 1, 1, "", "")},
		{"the first 1 RST", "the first RST", one(RST, 1, 1, 0, "", "")},
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
		if _, err := NewMatcher(got, map[string][]netip.Addr{got.From: {netip.IPv6Loopback()}, got.To: {netip.IPv6Loopback()}}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestNormalAgainstSets(t *testing.T) {
	r := random(4)
	for range 2000 {
		var ranges []Range
		var set [40]bool
		for range 1 + r.IntN(6) {
			first := 1 + r.Uint64N(30)
			last := first + r.Uint64N(5)
			if r.IntN(12) == 0 {
				last = 0
			}
			ranges = append(ranges, Range{first, last})
			for n := first; n < 40 && (last == 0 || n <= last); n++ {
				set[n] = true
			}
		}
		given := slices.Clone(ranges)
		kept := normal(ranges)
		for n := 1; n < 40; n++ {
			if inRanges(kept, uint64(n)) != set[n] {
				t.Fatalf("%v became %v: packet %d", given, kept, n)
			}
		}
		for i := 1; i < len(kept); i++ {
			if kept[i-1].Last == 0 || kept[i].First <= kept[i-1].Last+1 {
				t.Fatalf("%v became %v: not apart", given, kept)
			}
		}
	}
}

// A connection from h1 to h2, and what each filter takes of it.
func TestFiltersOnAConnection(t *testing.T) {
	up := func(flags uint8, payload int) frame {
		return frame{src: "10.0.0.1", dst: "10.0.0.2", sport: 40000, dport: 12345, flags: flags, payload: payload}
	}
	down := func(flags uint8, payload int) frame {
		return frame{src: "10.0.0.2", dst: "10.0.0.1", sport: 12345, dport: 40000, flags: flags, payload: payload}
	}
	run := []frame{
		up(flagSYN, 0),           // 1
		down(flagSYN|flagACK, 0), // 2
		up(flagACK, 0),           // 3
		up(flagACK|8, 20),        // 4
		down(flagACK, 0),         // 5
		down(flagACK, 1448),      // 6
		down(flagACK, 1448),      // 7
		down(flagACK|8, 100),     // 8
		up(flagACK, 0),           // 9
		up(flagFIN|flagACK, 0),   // 10
		down(flagFIN|flagACK, 5), // 11
		up(flagRST, 0),           // 12
		up(flagRST|flagACK, 0),   // 13
		{src: "10.0.0.2", dst: "10.0.0.1", proto: protoUDP, sport: 5, dport: 6, payload: 9},                 // 14
		{src: "10.0.0.2", dst: "10.0.0.1", proto: protoUDP, fragment: 100, payload: 9},                      // 15
		{src: "fd00::2", dst: "fd00::1", flags: flagACK, payload: 3, extensions: []byte{0, 60}, sport: 9},   // 16
		{src: "fd00::2", dst: "fd00::1", flags: flagSYN, vlan: 1, sport: 9},                                 // 17
		{src: "fd00::2", dst: "fd00::1", flags: flagFIN, extensions: []byte{44}, fragment: 3, payload: 100}, // 18
		{src: "10.0.0.1", dst: "10.0.0.2", flags: flagACK, pad: 6},                                          // 19
	}
	hosts := map[string][]netip.Addr{
		"h1": {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")},
		"h2": {netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::2")},
	}
	for text, want := range map[string][]int{
		"the SYN":                           {1},
		"every SYN":                         {1, 17},
		"every SYN from h2":                 {17},
		"the SYN-ACK":                       {2},
		"every ACK":                         {3, 5, 9, 19},
		"every second ACK":                  {5, 19},
		"the second ACK from h1":            {9},
		"the third data segment from h2":    {8},
		"every data segment":                {4, 6, 7, 8, 11, 16},
		"every data segment from h2 to h1":  {6, 7, 8, 11, 16},
		"every data segment from h1 to h1":  nil,
		"every data segment from fd00::2":   {16},
		"the first 2 data segments from h2": {6, 7},
		"the first FIN":                     {10},
		"every FIN":                         {10, 11},
		"every RST":                         {12, 13},
		"every datagram":                    {14, 15},
		"every 6th packet":                  {6, 12, 18},
		"packets 7 and 9":                   {7, 9},
		"packets 17..":                      {17, 18, 19},
		"packets 2..4 and 19":               {2, 3, 4, 19},
	} {
		im := mustNew(t, Config{Drop: filters(t, text), Hosts: hosts})
		if got := feed(im, run...); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		m, err := NewMatcher(filters(t, text)[0], hosts)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for i, f := range run {
			if b := f.bytes(); m.Match(&Packet{Frame: b, Len: len(b), Index: uint64(i), IP: true}) {
				got = append(got, i+1)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("matcher of %s: %v, want %v", text, got, want)
		}
	}
	im := mustNew(t, Config{Drop: filters(t, "every RST", "the SYN", "packet 3"), Hosts: hosts})
	if got, want := feed(im, run...), []int{1, 3, 12, 13}; !slices.Equal(got, want) {
		t.Errorf("three filters: %v, want %v", got, want)
	}
	if _, err := New(Config{Drop: filters(t, "the SYN from h3", "the FIN to h4"), Hosts: hosts}); err == nil ||
		!strings.Contains(err.Error(), `"h3"`) || !strings.Contains(err.Error(), `"h4"`) {
		t.Errorf("unknown hosts: %v", err)
	}
	if _, err := New(Config{Drop: []Filter{{}}}); err == nil {
		t.Error("the zero filter is taken")
	}
}

// The log of one run, replayed, loses the same packets.
func TestPacketsFilterReplays(t *testing.T) {
	c := Config{Seed: 8, Link: "l", Direction: "d", LossPercent: 20, Record: 10000}
	lost := Predict(c, 0, 5000)
	again := Predict(Config{Drop: []Filter{PacketsFilter(lost...)}}, 0, 5000)
	if len(lost) < 900 || !slices.Equal(lost, again) {
		t.Errorf("%d lost, %d on replay", len(lost), len(again))
	}
}
