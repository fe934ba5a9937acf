package impair

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

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
	im = mustNew(t, Config{Drop: filters(t, "packet 3", "packet 5")})
	if got, want := feed(im, run...), []int{3, 5}; !slices.Equal(got, want) {
		t.Errorf("two filters by number: %v, want %v", got, want)
	}
	if _, err := New(Config{Drop: filters(t, "the SYN from h3", "the FIN to h4"), Hosts: hosts}); err == nil ||
		!strings.Contains(err.Error(), `"h3"`) || !strings.Contains(err.Error(), `"h4"`) {
		t.Errorf("unknown hosts: %v", err)
	}
	for _, f := range []topo.Filter{{}, {Kind: topo.PacketSYN}, {Kind: "URG", First: 1, Count: 1}} {
		if _, err := New(Config{Drop: []topo.Filter{f}}); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// The log of one run, replayed, loses the same packets.
func TestFilterIndicesReplay(t *testing.T) {
	c := Config{Seed: 8, Link: "l", Direction: "d", LossPercent: 20, Record: 10000}
	lost := Predict(c, 0, 5000)
	again := Predict(Config{Drop: []topo.Filter{topo.FilterIndices(lost...)}}, 0, 5000)
	if len(lost) < 900 || !slices.Equal(lost, again) {
		t.Errorf("%d lost, %d on replay", len(lost), len(again))
	}
}
