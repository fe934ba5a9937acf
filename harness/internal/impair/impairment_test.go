package impair

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

func plain(index uint64) Packet { return Packet{Len: 1514, Index: index, IP: true} }

// What a seed means must never change: these runs were recorded.
func TestGolden(t *testing.T) {
	c := Config{Seed: 1, Link: "h1-s1", Direction: "h1>s1", LossPercent: 1}
	if got := fmt.Sprint(Predict(c, 0, 1000)); got != goldenLoss {
		t.Errorf("loss of 1 %%: %s", got)
	}
	c.LossPercent, c.Gilbert = 0, topo.GilbertElliott{PPercent: 1, RPercent: 25}
	if got := fmt.Sprint(Predict(c, 0, 600)); got != goldenBurst {
		t.Errorf("bursts: %s", got)
	}
	c = Config{Seed: 1, Link: "h1-s1", Direction: "h1>s1", Delay: time.Second, Jitter: time.Millisecond,
		DuplicatePercent: 20, ReorderPercent: 20, CorruptPercent: 20}
	got := ""
	for _, d := range topo.Distributions() {
		c.Distribution = d
		im := mustNew(t, c)
		for i := range uint64(6) {
			p := plain(i)
			decided := im.Decide(&p)
			got += fmt.Sprintf("%v %v %d %d\n", decided.Duplicate, decided.Reorder, decided.Corrupt, decided.Extra)
		}
	}
	if got != goldenDecisions {
		t.Errorf("decisions:\n%s", got)
	}
}

// The loss is the formula in the package's doc, written once more by hand.
func TestLossIsTheFormula(t *testing.T) {
	c := Config{Seed: 42, Link: "h1-s1", Direction: "s1>h1", LossPercent: 5}
	im := mustNew(t, c)
	key := Key(42, "h1-s1", "s1>h1", KindLoss)
	var want []uint64
	for i := range uint64(20000) {
		z := key + (i+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		hit := float64(z>>32) < 0.05*4294967296
		p := plain(i)
		if d := im.Decide(&p); d.Drop != hit || d.Listed {
			t.Fatalf("packet %d: %+v, want drop %v", i, d, hit)
		}
		if hit {
			want = append(want, i)
		}
	}
	if got := Predict(c, 0, 20000); !slices.Equal(got, want) {
		t.Error("Predict differs")
	}
}

// Everything else that is asked of a link leaves its losses where they are, and so
// does each other impairment.
func TestImpairmentsDoNotMoveEachOther(t *testing.T) {
	base := Config{Seed: 3, Link: "l", Direction: "d", Delay: time.Second}
	with := func(changes ...func(*Config)) Config {
		c := base
		for _, change := range changes {
			change(&c)
		}
		return c
	}
	loss := func(c *Config) { c.LossPercent = 5 }
	burst := func(c *Config) { c.Gilbert = topo.GilbertElliott{PPercent: 1, RPercent: 20} }
	list := func(c *Config) { c.Drop = filters(t, "every 50th packet", "packets 7 and 9") }
	jitter := func(c *Config) { c.Jitter = time.Millisecond }
	duplicate := func(c *Config) { c.DuplicatePercent = 10 }
	reorder := func(c *Config) { c.ReorderPercent = 10 }
	corrupt := func(c *Config) { c.CorruptPercent = 10 }
	everything := []func(*Config){loss, burst, list, jitter, duplicate, reorder, corrupt}

	decide := func(c Config) []Decision {
		im := mustNew(t, c)
		all := make([]Decision, 10000)
		b := frame{payload: 1000}.bytes()
		for i := range all {
			all[i] = im.Decide(&Packet{Frame: b, Len: len(b), Index: uint64(i), IP: true})
		}
		return all
	}
	all := decide(with(everything...))
	drops := [][]Decision{decide(with(loss)), decide(with(burst)), decide(with(list))}
	alone := [][]Decision{decide(with(jitter)), decide(with(duplicate)), decide(with(reorder)), decide(with(corrupt))}
	seen := Decision{}
	for i, d := range all {
		lost := drops[0][i].Drop || drops[1][i].Drop || drops[2][i].Drop
		if d.Drop != lost || d.Listed != drops[2][i].Drop {
			t.Fatalf("packet %d: %+v, although alone %v %v %v", i, d, drops[0][i].Drop, drops[1][i].Drop, drops[2][i].Drop)
		}
		want := Decision{Duplicate: alone[1][i].Duplicate, Reorder: alone[2][i].Reorder, Corrupt: alone[3][i].Corrupt}
		if !want.Reorder {
			want.Extra = alone[0][i].Extra
		}
		if lost {
			want = Decision{Drop: true, Listed: d.Listed, Corrupt: -1}
		}
		if d != want {
			t.Fatalf("packet %d: %+v, want %+v", i, d, want)
		}
		seen.Duplicate, seen.Reorder = seen.Duplicate || d.Duplicate, seen.Reorder || d.Reorder
	}
	if !seen.Duplicate || !seen.Reorder {
		t.Error("nothing was doubled or reordered")
	}
}

func TestSharesAreAsAsked(t *testing.T) {
	const n = 200_000
	c := Config{Seed: 9, Link: "l", Direction: "d", Delay: time.Second, DuplicatePercent: 2, ReorderPercent: 3, CorruptPercent: 4}
	im := mustNew(t, c)
	var duplicate, reorder, corrupt uint64
	bits := make([]int, 8)
	for i := range uint64(n) {
		p := Packet{Len: etherHeader + 100, Index: i, IP: true}
		d := im.Decide(&p)
		if d.Duplicate {
			duplicate++
		}
		if d.Reorder {
			reorder++
		}
		if d.Corrupt >= 0 {
			corrupt++
			if d.Corrupt >= 800 {
				t.Fatalf("bit %d of 800", d.Corrupt)
			}
			bits[d.Corrupt/100]++
		}
	}
	for _, s := range []struct {
		name string
		got  uint64
		p    float64
	}{{"duplicate", duplicate, 0.02}, {"reorder", reorder, 0.03}, {"corrupt", corrupt, 0.04}} {
		if low, high := Bounds(n, s.p, DefaultError); s.got < low || s.got > high {
			t.Errorf("%s: %d of %d, want %d to %d", s.name, s.got, n, low, high)
		}
	}
	for i, got := range bits {
		if low, high := Bounds(corrupt, 1.0/8, DefaultError); uint64(got) < low || uint64(got) > high {
			t.Errorf("eighth %d of the bits was struck %d times of %d", i, got, corrupt)
		}
	}
	if p := (Packet{Len: etherHeader, IP: true}); mustNew(t, Config{CorruptPercent: 100}).Decide(&p) != Pass {
		t.Error("a frame without payload was corrupted")
	}
}

// With a share of 100, a gap of 5 reorders every fifth packet, as tc-netem(8) says.
func TestReorderGap(t *testing.T) {
	im := mustNew(t, Config{Delay: time.Second, Jitter: time.Millisecond, ReorderPercent: 100, ReorderGap: 5})
	for i := range uint64(50) {
		p := plain(i)
		d := im.Decide(&p)
		if d.Reorder != (i%5 == 4) || d.Reorder && d.Extra != 0 {
			t.Fatalf("packet %d: %+v", i, d)
		}
	}
}

func TestJitterIsBoundedByTheDelay(t *testing.T) {
	im := mustNew(t, Config{Seed: 2, Delay: time.Millisecond, Jitter: time.Millisecond, Distribution: topo.Normal})
	least := time.Duration(0)
	for i := range uint64(10000) {
		p := plain(i)
		least = min(least, im.Decide(&p).Extra)
	}
	if least != -time.Millisecond {
		t.Errorf("the earliest is %v, want exactly -1ms", least)
	}
}

func TestUncountedPacketsPass(t *testing.T) {
	im := mustNew(t, Config{LossPercent: 100, Drop: filters(t, "packets 1..", "every packet")})
	p := Packet{Frame: frame{}.bytes(), Len: 60}
	if im.Decide(&p) != Pass {
		t.Error("a packet without an index was impaired")
	}
}

// Two flows in any order of arrival lose the same packets each, whatever the other does and
// whatever port it comes from.
func TestPerFlow(t *testing.T) {
	c := Config{Seed: 6, Link: "l", Direction: "d", LossPercent: 10, Gilbert: topo.GilbertElliott{PPercent: 2, RPercent: 30},
		Drop: filters(t, "packets 3 and 5"), PerFlow: true, Record: 1 << 20}
	hosts := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}
	run := func(seed uint64) map[uint64][]uint64 {
		im := mustNew(t, c)
		r := random(seed)
		left := []int{500, 500, 500}
		ports := []uint16{uint16(40000 + r.IntN(9)), uint16(50000 + r.IntN(9)), uint16(60000 + r.IntN(9))}
		for index := uint64(0); left[0]+left[1]+left[2] > 0; {
			i := r.IntN(3)
			if left[i] == 0 {
				continue
			}
			left[i]--
			b := frame{src: hosts[i], dst: "10.0.0.9", sport: ports[i], dport: 12345, payload: 100}.bytes()
			im.Decide(&Packet{Frame: b, Len: len(b), Index: index, IP: true})
			index++
		}
		lost := map[uint64][]uint64{}
		for _, l := range im.Lost() {
			lost[l.Flow] = append(lost[l.Flow], l.Index)
		}
		return lost
	}
	first, second := run(1), run(2)
	for i, host := range hosts {
		id := FlowID(netip.MustParseAddr(host), netip.MustParseAddr("10.0.0.9"), protoTCP, 0)
		want := Predict(c, id, 500)
		if len(want) < 50 || !slices.Equal(first[id], want) || !slices.Equal(second[id], want) {
			t.Errorf("%s: lost %v and %v, want %v", host, first[id], second[id], want)
		}
		if i > 0 {
			other := FlowID(netip.MustParseAddr(hosts[0]), netip.MustParseAddr("10.0.0.9"), protoTCP, 0)
			if slices.Equal(want, first[other]) {
				t.Errorf("%s loses what %s does", host, hosts[0])
			}
		}
	}
}

func TestPerFlowOrdinalsAndFilters(t *testing.T) {
	im := mustNew(t, Config{PerFlow: true, Drop: filters(t, "the SYN", "packet 3")})
	a, b := frame{sport: 1, flags: flagSYN}, frame{sport: 2, flags: flagSYN}
	if got := feed(im, a, b, a, b, a, a, b, b); !slices.Equal(got, []int{1, 2, 5, 7}) {
		t.Errorf("lost %v, want each flow's SYN and third packet: 1 2 5 7", got)
	}
	id := map[uint64]bool{}
	for ordinal := range uint64(100) {
		id[FlowID(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), 6, ordinal)] = true
		id[FlowID(netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1"), 6, ordinal)] = true
	}
	if len(id) != 200 {
		t.Errorf("%d flow ids of 200", len(id))
	}
}

// Flows between the same two are told apart by the order of their first packets, whatever
// their ports are.
func TestPerFlowSameHosts(t *testing.T) {
	c := Config{Seed: 6, Link: "l", Direction: "d", LossPercent: 10, PerFlow: true, Record: 1 << 20}
	im := mustNew(t, c)
	for i := range uint64(1000) {
		for flow := range uint16(3) { // both ports differ from flow to flow
			b := frame{sport: 40000 + 7*flow, dport: 80 + flow, payload: 100}.bytes()
			im.Decide(&Packet{Frame: b, Len: len(b), Index: 3*i + uint64(flow), IP: true})
		}
	}
	lost := map[uint64][]uint64{}
	for _, l := range im.Lost() {
		lost[l.Flow] = append(lost[l.Flow], l.Index)
	}
	for ordinal := range uint64(3) {
		id := FlowID(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), protoTCP, ordinal)
		if want := Predict(c, id, 1000); !slices.Equal(lost[id], want) {
			t.Errorf("flow %d: lost %v, want %v", ordinal, lost[id], want)
		}
	}
	if len(lost) != 3 {
		t.Errorf("%d flows", len(lost))
	}
}

func TestFlowsAreBounded(t *testing.T) {
	im := mustNew(t, Config{PerFlow: true, LossPercent: 1})
	for i := range uint64(MaxFlows + 1000) {
		b := frame{sport: uint16(i), dport: uint16(i >> 16)}.bytes()
		im.Decide(&Packet{Frame: b, Len: len(b), Index: i, IP: true})
	}
	if len(im.flows.table) != MaxFlows || im.flows.overflow.next != 1000 {
		t.Errorf("%d flows, %d packets beyond", len(im.flows.table), im.flows.overflow.next)
	}
}

// A replacement in the middle goes on where the other was.
func TestFollow(t *testing.T) {
	for _, perFlow := range []bool{false, true} {
		c := Config{Seed: 5, Link: "l", Direction: "d", LossPercent: 5, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 10},
			Drop: filters(t, "every 7th data segment"), PerFlow: perFlow, Record: 1 << 20}
		whole, half := mustNew(t, c), mustNew(t, c)
		b := frame{payload: 10}.bytes()
		for i := range uint64(4000) {
			if i == 2001 {
				c.Drop = append(filters(t, "the SYN"), c.Drop...)
				unused, next := mustNew(t, c), mustNew(t, c)
				unused.Follow(half)
				next.Follow(unused)
				if !slices.Equal(next.Lost(), half.Lost()) {
					t.Error("the losses are gone until the next packet")
				}
				half = next
			}
			p := Packet{Frame: b, Len: len(b), Index: i, IP: true}
			if whole.Decide(&p) != half.Decide(&p) {
				t.Fatalf("per flow %v: packet %d differs after the change", perFlow, i)
			}
		}
		if !slices.Equal(whole.Lost(), half.Lost()) || len(half.Lost()) < 500 {
			t.Errorf("per flow %v: %d and %d lost", perFlow, len(whole.Lost()), len(half.Lost()))
		}
	}
}

func TestConfigMistakesAllAtOnce(t *testing.T) {
	_, err := New(Config{LossPercent: -1, DuplicatePercent: 101, CorruptPercent: math.NaN(), Jitter: 2, Delay: 1,
		Distribution: "gauss", Gilbert: topo.GilbertElliott{RPercent: 3}, ReorderGap: -1})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 7 {
		t.Errorf("want 7 mistakes: %v", err)
	}
	for _, c := range []Config{{Delay: time.Hour + 1}, {Delay: -1}, {ReorderPercent: 1}, {ReorderGap: 3, Delay: 1}, {Jitter: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	im := mustNew(t, Config{Seed: 1, Delay: time.Second, LossPercent: 5, Jitter: time.Millisecond, PerFlow: true,
		Gilbert: topo.GilbertElliott{PPercent: 1}, Drop: filters(t, "every RST", "packets 7 and 9")})
	b := frame{payload: 1000}.bytes()
	p := Packet{Frame: b, Len: len(b), IP: true}
	if n := testing.AllocsPerRun(1000, func() { im.Decide(&p); p.Index++ }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"nothing", Config{}},
		{"loss", Config{LossPercent: 1}},
		{"bursts", Config{Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 20}}},
		{"jitter", Config{Delay: time.Second, Jitter: time.Millisecond, Distribution: topo.Normal}},
		{"filter", Config{Drop: filters(b, "the third data segment from 10.0.0.2")}},
		{"numbers", Config{Drop: filters(b, "packets 7 and 9 and 100..200 and 5000")}},
		{"per-flow", Config{LossPercent: 1, PerFlow: true}},
		{"all", Config{LossPercent: 1, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 20}, Delay: time.Second, Jitter: time.Millisecond,
			DuplicatePercent: 1, ReorderPercent: 1, CorruptPercent: 1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			im := mustNew(b, c.config)
			data := frame{payload: 1000}.bytes()
			p := Packet{Frame: data, Len: len(data), IP: true}
			for b.Loop() {
				im.Decide(&p)
				p.Index++
			}
		})
	}
}
