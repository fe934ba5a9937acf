package impaired

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/internal/relay/gso"
	"github.com/wireproof/wireproof/harness/topo"
)

// segment is a TCP segment over IPv4 from h1 to h2.
func segment(flags byte, payload int) []byte {
	b := make([]byte, 54+payload)
	b[12], b[14], b[23] = 8, 0x45, 6
	binary.BigEndian.PutUint16(b[16:], uint16(40+payload))
	copy(b[26:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	b[46], b[47] = 5<<4, flags
	return b
}

func mustConfig(t *testing.T, d *Direction, p topo.LinkParams) relay.Config {
	t.Helper()
	c, err := d.Config(p)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfig(t *testing.T) {
	d := New(topo.Pair(), 0, true, 0)
	trace := &topo.LinkTrace{Times: topo.Trace{1, 1, 5}}
	p := topo.LinkParams{Delay: 3, MaxQueue: 5, MaxQueueBytes: 6, ECNThreshold: 4, MTU: 1400, Trace: trace}
	got := mustConfig(t, d, p)
	if got.InForce == nil {
		t.Error("it is not told when it is in force")
	}
	got.InForce = nil // cmp compares no functions
	want := relay.Config{Delay: 3, QueuePackets: 5, QueueBytes: 6, MarkPackets: 4, MTU: 1400,
		Trace: &relay.Trace{At: []time.Duration{1e6, 1e6, 5e6}, Period: 5e6, Bytes: 1500}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if mustConfig(t, d, p).Trace != got.Trace {
		t.Error("the same trace has another pointer: the relay would begin it anew")
	}
	p.Trace = &topo.LinkTrace{Times: topo.Trace{1}}
	if mustConfig(t, d, p).Trace == got.Trace {
		t.Error("another trace has the same pointer")
	}
	if got := mustConfig(t, d, topo.LinkParams{Rate: 7}); got.Rate != 7 || got.Decider != nil || got.Trace != nil {
		t.Errorf("a rate alone: %+v", got)
	}
	if _, err := d.Config(topo.LinkParams{Drop: []string{"the SYN from h9"}}); err == nil {
		t.Error("a host that does not exist is taken")
	}
	if _, err := d.Config(topo.LinkParams{LossPercent: 101}); err == nil {
		t.Error("101 % loss is taken")
	}
}

// The relay's packets are decided as impair predicts, through a change of parameters in
// the middle, and what is lost is kept.
func TestDecisionsGoOnThroughAChange(t *testing.T) {
	net := topo.Pair()
	net.Seed = 6
	d := New(net, 0, true, 1000)
	p := topo.LinkParams{LossPercent: 5, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 10}, Drop: []string{"the 700th data segment from h1"}}
	c, err := impair.ForLink(net, 0, true, p)
	if err != nil {
		t.Fatal(err)
	}
	want := impair.Predict(c, 0, 1000)
	if slices.Contains(want, 699) || len(want) < 50 {
		t.Fatal("choose another seed: packet 700 is lost by chance, or too few are")
	}
	at, _ := slices.BinarySearch(want, 699)
	want = slices.Insert(want, at, 699)

	inForce := func(p topo.LinkParams) relay.Decider {
		c := mustConfig(t, d, p)
		c.InForce()
		return c.Decider
	}
	decider := inForce(p)
	frame := segment(0x10, 100)
	var got []uint64
	for i := range uint64(1000) {
		if i == 500 {
			p.Rate, p.CorruptPercent = topo.Mbit, 100
			inForce(p)                                                 // replaced before it met a packet
			mustConfig(t, d, topo.LinkParams{Delay: time.Millisecond}) // of a step that never comes: it knows no filter
			decider = inForce(p)
		}
		decision := decider.Decide(&relay.Packet{Frame: frame, Len: len(frame), Index: i, IP: true})
		if decision.Drop {
			got = append(got, i)
			if decision.Listed != (i == 699) {
				t.Errorf("packet %d listed: %v", i, decision.Listed)
			}
		} else if (decision.Corrupt >= 0) != (i >= 500) {
			t.Fatalf("packet %d: %+v", i, decision)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("lost %v, want %v", got, want)
	}
	var kept []uint64
	for _, l := range d.Lost() {
		kept = append(kept, l.Index)
	}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	if decision := decider.Decide(&relay.Packet{Frame: frame, Len: len(frame)}); decision != relay.Pass {
		t.Errorf("a packet without an index: %+v", decision)
	}
}

func TestMatch(t *testing.T) {
	f, err := topo.ParseFilter("the second SYN from h1")
	if err != nil {
		t.Fatal(err)
	}
	match, err := Match(f, topo.Pair())
	if err != nil {
		t.Fatal(err)
	}
	var got []bool
	for _, b := range [][]byte{segment(2, 0), segment(0x10, 5), segment(2, 0), segment(2, 0)} {
		got = append(got, match(&relay.Packet{Frame: b, Len: len(b), IP: true}))
	}
	if !slices.Equal(got, []bool{false, false, true, false}) {
		t.Errorf("matched %v", got)
	}
	if _, err := Match(topo.Filter{}, topo.Pair()); err == nil {
		t.Error("the zero filter is taken")
	}
}

func TestSteps(t *testing.T) {
	changes, err := topo.ParseSchedule("down 2s..3s; 10Mbit after 5s")
	if err != nil {
		t.Fatal(err)
	}
	base := topo.LinkParams{Delay: 1}
	fast := topo.LinkParams{Delay: 1, Rate: 10 * topo.Mbit}
	p := base
	p.Schedule = changes
	want := []Step{{0, base, false}, {2 * time.Second, base, true}, {3 * time.Second, base, false}, {5 * time.Second, fast, false}}
	if diff := cmp.Diff(want, Steps(p)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Step{{0, base, false}}, Steps(base)); diff != "" {
		t.Error(diff)
	}
}

// The relay and impair count the same packets: else an index would mean two things.
func TestCountedAgree(t *testing.T) {
	agree := func(name string, f []byte) {
		l := gso.Look(f)
		if relays := l.Version != 0 && !l.Control; relays != impair.Counted(f) {
			t.Errorf("%s: the relay counts it: %v", name, relays)
		}
	}
	arp := make([]byte, 60)
	arp[12], arp[13] = 8, 6
	agree("arp", arp)
	for proto := range 256 {
		f := segment(0x10, 20)
		f[23] = byte(proto)
		agree(fmt.Sprintf("ipv4 protocol %d", proto), f)
	}
	for _, next := range []byte{0, 6, 17, 43, 44, 58, 59, 60} {
		for kind := range 256 {
			f := make([]byte, 14+40+16+4)
			f[12], f[13], f[14], f[19], f[20] = 0x86, 0xdd, 0x60, 20, next
			at := 54
			if next != 58 { // an extension header before ICMPv6
				f[at] = 58
				at += 8
			}
			f[at] = byte(kind)
			agree(fmt.Sprintf("ipv6, %d and icmp type %d", next, kind), f)
		}
	}
}
