package link

import (
	"bytes"
	"context"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

func conform(t *testing.T, f file, o ConformOptions) Conformity {
	t.Helper()
	c, err := Conform(context.Background(), bytes.NewReader(f.bytes(t)), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// paced sends n frames of 1014 bytes, each when the rate has carried the one before.
func paced(n int, rate topo.BitRate) file {
	f := sentBy()
	for i := range n {
		f.packets = append(f.packets, packet{at: time.Duration(i) * 1014 * 8 * time.Second / time.Duration(rate), data: tcp(uint32(i), 960, false)})
	}
	return f
}

// The level is that of the worst of all stretches, tried one by one.
func TestConformIsExact(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		rate := topo.BitRate(1 + r.Int64N(1<<r.IntN(34)))
		f := sentBy()
		at := time.Duration(0)
		for i := range 1 + r.IntN(80) {
			at += time.Duration(r.Int64N(1 << r.IntN(34)))
			f.packets = append(f.packets, packet{at: at, data: tcp(uint32(i), r.IntN(1400), false)})
		}
		worst := new(big.Int)
		for i := range f.packets {
			bytes := int64(0)
			for j := i; j < len(f.packets); j++ {
				bytes += int64(len(f.packets[j].data))
				carried := new(big.Int).Mul(big.NewInt(int64(rate)), big.NewInt(int64(f.packets[j].at-f.packets[i].at)))
				excess := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(bytes), big.NewInt(8e9)), carried)
				if excess.Cmp(worst) > 0 {
					worst = excess
				}
			}
		}
		worst.Add(worst, big.NewInt(8e9-1)).Div(worst, big.NewInt(8e9))
		c := conform(t, f, ConformOptions{Rate: rate, BurstBytes: 1000})
		if want := worst.Uint64(); c.LevelBytes != want || c.ExcessBytes != max(want, 1000)-1000 {
			t.Fatalf("seed %d: level %d, excess %d; want %d", seed, c.LevelBytes, c.ExcessBytes, want)
		}
	}
}

// A bucket that has just run dry does not owe anything.
func TestDryBucket(t *testing.T) {
	for _, at := range []time.Duration{41, 42, 43} {
		c := conform(t, sentBy(packet{data: arp(1)}, packet{at: at, data: arp(2)}), ConformOptions{Rate: 8 * topo.Gbit}) // a byte each nanosecond
		if want := uint64(42 + max(42-at, 0)); c.LevelBytes != want {
			t.Errorf("after %v: %d bytes, want %d", at, c.LevelBytes, want)
		}
	}
}

func TestBusiestSecond(t *testing.T) {
	f := paced(300, 1014*8*100)         // 100 frames in a second
	for i := range f.packets[100:150] { // half a second of them comes twice as fast
		f.packets[100+i].at -= time.Duration(i) * 5 * time.Millisecond
	}
	if c := conform(t, f, ConformOptions{Rate: 1014 * 8 * 100}); c.BusiestSecondBytes < 124*1014 || c.BusiestSecondBytes > 126*1014 || c.Frames != 300 {
		t.Errorf("busiest second %d, %d frames", c.BusiestSecondBytes/1014, c.Frames)
	}
	if c := conform(t, sentBy(packet{data: arp(1)}, packet{at: time.Hour, data: arp(2)}), ConformOptions{Rate: 1}); c.BusiestSecondBytes != 42 {
		t.Errorf("an hour of silence: %d", c.BusiestSecondBytes)
	}
}

func TestJudgeRate(t *testing.T) {
	const rate = 10 * topo.Mbit
	asked := topo.LinkParams{Rate: rate}
	scheduled := topo.LinkParams{Rate: rate, Schedule: []topo.Change{{From: time.Second, Set: "rate=5Mbit"}}}
	fast, lossy := paced(400, 12*topo.Mbit), paced(400, rate)
	lossy.dropped = 1
	for name, c := range map[string]struct {
		f     file
		asked topo.LinkParams
		o     ConformOptions
		want  flow.Verdict
		says  string
	}{
		"kept":           {paced(400, rate), asked, ConformOptions{Rate: rate, Name: "h1>s1"}, flow.Pass, "h1>s1: 400 frames, 405,600 bytes"},
		"faster":         {fast, asked, ConformOptions{Rate: rate}, flow.Fail, "faster than its rate by "},
		"within a burst": {fast, asked, ConformOptions{Rate: rate, BurstBytes: 100_000}, flow.Pass, "allowed 100,000"},
		"incomplete":     {lossy, asked, ConformOptions{Rate: rate}, flow.Inconclusive, "lost 1 packet"},
		"nothing":        {sentBy(), asked, ConformOptions{Rate: rate}, flow.Inconclusive, "no frame"},
		"inbound":        {paced(4, rate), asked, ConformOptions{Rate: rate, Inbound: true}, flow.Inconclusive, "no frame"},
		"another rate":   {paced(4, rate), topo.LinkParams{Rate: 1}, ConformOptions{Rate: rate}, flow.Inconclusive, "was asked"},
		"unshaped":       {fast, topo.LinkParams{}, ConformOptions{Rate: rate}, "", ""},
		"scheduled":      {fast, scheduled, ConformOptions{Rate: rate}, "", ""},
	} {
		checks := JudgeRate(c.asked, conform(t, c.f, c.o), 0)
		if c.want == "" {
			if len(checks) > 0 {
				t.Errorf("%s: %v", name, checks)
			}
			continue
		}
		if len(checks) != 1 || checks[0].Verdict != c.want || !strings.Contains(checks[0].Detail, c.says) || checks[0].Name != "link" {
			t.Errorf("%s: %v, want %s %q", name, checks, c.want, c.says)
		}
	}
	if checks := JudgeRate(scheduled, conform(t, paced(400, rate), ConformOptions{Rate: rate}), 0.9); len(checks) != 1 || checks[0].Verdict != flow.Pass {
		t.Errorf("a change that never came: %v", checks)
	}
}
