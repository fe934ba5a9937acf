package rtnl

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/topo"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What a real kernel took, and tc(8) read back as asked (TestNetemInKernel), is held here byte for byte, for machines
// without netem.
func TestNetemGolden(t *testing.T) {
	if nl.NativeEndian().Uint16([]byte{0, 1}) == 1 {
		t.Skip("the golden bytes are those of a little-endian machine")
	}
	full := Netem{
		Rate: 10e6, OwnRate: 40e9, Delay: 300 * time.Second, Jitter: 1500 * time.Microsecond, LossPercent: 2.5,
		DuplicatePercent: 1, ReorderPercent: 25, ReorderGap: 5, CorruptPercent: 0.1, Limit: 77, Seed: 0x0102030405060708,
	}
	burst := Netem{Delay: time.Millisecond, Gilbert: topo.GilbertElliott{PPercent: 1, RPercent: 10, HPercent: 70, KLossPercent: 0.1}}
	change := func(old, n Netem) []Op {
		ops, _ := ChangeNetem("h1-eth0", 10, old, n)
		return ops
	}
	for _, c := range []struct {
		name string
		ops  []Op
	}{
		{"add-nothing", AddNetem("h1-eth0", 10, Netem{})},
		{"add-full", AddNetem("h1-eth0", 10, full)},
		{"add-burst", AddNetem("h1-eth0", 10, burst)},
		{"change-to-nothing", change(burst, Netem{})},
		{"change-rate", change(full, Netem{Rate: 20e6})},
		{"clsact", []Op{
			AddClsact("h1-eth0", 10), setFilter("h1-eth0", 10, Ingress, create, 7, "loss"),
			setFilter("h1-eth0", 10, Egress, unix.NLM_F_CREATE, 8, "loss"),
		}},
	} {
		golden(t, c.name, c.ops)
	}
}

// golden compares the messages of ops with testdata/netem/NAME.txt.
func golden(t *testing.T, name string, ops []Op) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		var got bytes.Buffer
		for _, op := range ops {
			op.req.Seq = 0
			fmt.Fprintf(&got, "# %s\n%s\n", op.what, hex.Dump(op.req.Serialize()))
		}
		file := filepath.Join("testdata", "netem", name+".txt")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s:\n%s\nwant:\n%s", file, &got, want)
		}
	})
}

// Each message is read back as what went into it.
func TestNetemParse(t *testing.T) {
	for _, n := range netems() {
		for _, change := range []bool{false, true} {
			b := n.options(change).Serialize()[4:]
			got, err := parseNetem(b)
			if err != nil {
				t.Fatal(err)
			}
			want := readable(n)
			want.Rate = 0 // it is htb's
			if got != want {
				t.Errorf("change %v: read %+v, want %+v", change, got, want)
			}
		}
	}
}

// readable is what of n the kernel tells.
func readable(n Netem) Netem {
	n.Limit = int(n.limit())
	n.Distribution = ""
	if n.ReorderPercent != 0 {
		n.ReorderGap = max(n.ReorderGap, 1)
	}
	if n.Gilbert != (topo.GilbertElliott{}) {
		n.Gilbert.RPercent = n.Gilbert.R()
	}
	return n
}

func TestNetemUnits(t *testing.T) {
	for _, c := range []struct {
		percent float64
		share   uint32
	}{
		{0, 0}, {-1, 0}, {math.NaN(), 0}, {100, math.MaxUint32}, {1000, math.MaxUint32}, {1e-300, 1},
		{50, 1 << 31}, {25, 1 << 30}, {5, 214748365}, {0.001, 42950},
	} {
		if got := share(c.percent); got != c.share {
			t.Errorf("%v %%: %d, want %d", c.percent, got, c.share)
		}
		if c.percent > 1e-6 && c.percent <= 100 && percent(c.share) != c.percent {
			t.Errorf("%d: %v %%, want %v", c.share, percent(c.share), c.percent)
		}
	}
	for d, want := range map[time.Duration]uint32{
		0: 0, -1: 0, 63: 0, 64: 1, time.Millisecond: 15625, 274 * time.Second: 4281250000, time.Hour: math.MaxUint32,
	} {
		if got := ticks(d); got != want {
			t.Errorf("%v: %d ticks, want %d", d, got, want)
		}
	}
	for want, n := range map[uint32]Netem{
		1000: {}, 7: {Limit: 7, Delay: time.Hour}, 1000 + 8257: {Rate: 1e9, Delay: 100 * time.Millisecond},
		1000 + 84:  {Rate: 1e9, OwnRate: 10e6, Delay: 50 * time.Millisecond, Jitter: 51 * time.Millisecond},
		1000 + 826: {Delay: time.Millisecond}, math.MaxInt32: {Rate: 1e12, Delay: time.Hour},
	} {
		if got := n.limit(); got != want {
			t.Errorf("%+v: limit %d, want %d", n, got, want)
		}
	}
}

// The tables have the moments of their distributions, cut off at 4.
func TestNetemTables(t *testing.T) {
	for _, c := range []struct {
		d               topo.Distribution
		mean, deviation float64
		least, most     float64
	}{
		{topo.Uniform, 0, 1 / math.Sqrt(3), -1, 1},
		{topo.Normal, 0, 1, -3.7, 3.7},
		{topo.Pareto, -0.03, 0.83, -2. / 3, 4},
		{topo.ParetoNormal, -0.03, 0.83, -1.5, 3.92},
	} {
		table := distTable(c.d, true)
		sum, squares := 0.0, 0.0
		for i, v := range table {
			x := float64(v) / 8192
			sum, squares = sum+x, squares+x*x
			if x < c.least-0.01 || x > c.most+0.01 || i > 0 && v < table[i-1] {
				t.Errorf("%s: entry %d is %v", c.d, i, x)
			}
		}
		n := float64(len(table))
		if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean-c.mean) > 0.01 || math.Abs(deviation-c.deviation) > 0.02 {
			t.Errorf("%s: mean %v, want %v; deviation %v, want %v", c.d, mean, c.mean, deviation, c.deviation)
		}
	}
	if distTable(topo.Uniform, false) != nil || distTable("", false) != nil {
		t.Error("the kernel has the uniform distribution itself")
	}
}

func TestNetemValidate(t *testing.T) {
	for text, n := range map[string]Netem{
		"":                          {Delay: time.Hour, Jitter: MaxNetemJitter, ReorderPercent: 100, Rate: 8, LossPercent: 100},
		"loss of -1 %":              {LossPercent: -1},
		"duplicate of NaN %":        {DuplicatePercent: math.NaN()},
		"reorder of 101 %":          {ReorderPercent: 101, Delay: 1},
		"corrupt of +Inf %":         {CorruptPercent: math.Inf(1)},
		"gemodel h of 200 %":        {Gilbert: topo.GilbertElliott{PPercent: 1, HPercent: 200}},
		"gemodel without p":         {Gilbert: topo.GilbertElliott{RPercent: 1}},
		"delay of -1ns":             {Delay: -1},
		"delay of 1h0m0.000000001s": {Delay: time.Hour + 1},
		"jitter of 2ns with":        {Delay: 1, Jitter: 2},
		"at most 2.147483647s":      {Delay: time.Minute, Jitter: MaxNetemJitter + 1},
		"loss together with":        {LossPercent: 1, Gilbert: topo.GilbertElliott{PPercent: 1}},
		`unknown distribution "x"`:  {Distribution: "x"},
		"reorder without delay":     {ReorderPercent: 1},
		"reorder gap of 3":          {ReorderGap: 3, Delay: 1},
		"rate of 7 bit/s":           {Rate: 7},
		"netem's rate of -1 bit/s":  {OwnRate: -1},
		"limit of -1 frames":        {Limit: -1},
	} {
		err := n.Validate()
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v; want %q", n, err, text)
		}
	}
	all := Netem{LossPercent: -1, Delay: -1, Jitter: -1, Rate: -1, OwnRate: -1, Limit: -1, ReorderGap: -1, Distribution: "x"}
	if err := all.Validate(); len(strings.Split(err.Error(), "\n")) != 8 {
		t.Errorf("not all mistakes at once: %v", err)
	}
}

func TestNetemFrom(t *testing.T) {
	n, err := NetemFrom(topo.LinkParams{Rate: topo.Mbit, Delay: 2, Jitter: 1, Distribution: topo.Normal, LossPercent: 3,
		DuplicatePercent: 4, ReorderPercent: 5, ReorderGap: 6, CorruptPercent: 7, MaxQueue: 8})
	want := Netem{Rate: 1e6, Delay: 2, Jitter: 1, Distribution: topo.Normal, LossPercent: 3,
		DuplicatePercent: 4, ReorderPercent: 5, ReorderGap: 6, CorruptPercent: 7, Limit: 8}
	if err != nil || n != want {
		t.Errorf("%+v, %v; want %+v", n, err, want)
	}
	_, err = NetemFrom(topo.LinkParams{Drop: []string{"packet 7"}, PerFlow: true, Trace: &topo.LinkTrace{}, MaxQueueBytes: 1,
		ECNThreshold: 1, MTU: 1, LossPercent: -1})
	if !errors.Is(err, ErrUnable) || len(strings.Split(err.Error(), "\n")) != 7 {
		t.Errorf("%v", err)
	}
}

// A rate that comes or goes leaves the layout as it is: nothing under way is lost.
func TestChangeNetemKeepsTheLayout(t *testing.T) {
	for _, c := range []struct{ old, n, want Netem }{
		{Netem{Delay: 1}, Netem{Rate: 8e6, Delay: 2}, Netem{OwnRate: 8e6, Delay: 2}},
		{Netem{}, Netem{Rate: 8e6, OwnRate: 9e6}, Netem{OwnRate: 8e6}},
		{Netem{}, Netem{Rate: 8e6, OwnRate: 7e6}, Netem{OwnRate: 7e6}},
		{Netem{OwnRate: 8e6}, Netem{Delay: 2}, Netem{Delay: 2}},
		{Netem{Rate: 8e6}, Netem{Delay: 2}, Netem{Rate: noRate, Delay: 2}},
		{Netem{Rate: noRate}, Netem{Rate: 8e6}, Netem{Rate: 8e6}},
		{Netem{Rate: 8e6}, Netem{Rate: 9e6}, Netem{Rate: 9e6}},
		{Netem{}, Netem{Delay: 3}, Netem{Delay: 3}},
	} {
		ops, laid := ChangeNetem("h1-eth0", 10, c.old, c.n)
		want := 1 // the emulator
		if c.old.Rate != c.want.Rate {
			want = 2 // and the class
		}
		if laid != c.want || len(ops) != want {
			t.Errorf("from %+v to %+v: laid out %+v by %d changes; want %+v by %d", c.old, c.n, laid, len(ops), c.want, want)
		}
	}
	if a, b := (Netem{Rate: noRate, Delay: time.Second}).limit(), (Netem{Delay: time.Second}).limit(); a != b {
		t.Errorf("limit of %d frames under a rate that nothing reaches, and %d under none", a, b)
	}
}

func FuzzParseNetem(f *testing.F) {
	for _, n := range netems() {
		f.Add(n.options(true).Serialize()[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseNetem(b) // whatever comes, there is an answer
	})
}
