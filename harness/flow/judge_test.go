package flow

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func letters(checks []Check) string {
	var b strings.Builder
	for _, c := range checks {
		b.WriteByte(string(c.Verdict)[0])
	}
	return b.String()
}

func TestJudge(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			s := newScript(t)
			f.build(s)
			a := analyze(t, s.pcapng(), corpus()...)
			checks := a.Judge(f.claim)
			var all strings.Builder
			for _, c := range checks {
				fmt.Fprintf(&all, "\n  %-12s %-12s %s", c.Name, c.Verdict, c.Detail)
			}
			if got := letters(checks); got != f.want {
				t.Errorf("verdicts %s, want %s:%s\nproblems: %q", got, f.want, all.String(), a.Problems)
			}
			if !strings.Contains(all.String(), f.detail) {
				t.Errorf("no detail says %q:%s", f.detail, all.String())
			}
			if f.look != nil {
				f.look(t, a)
			}
			if testing.Verbose() {
				t.Log(all.String())
			}
		})
	}
}

// The other formats hold the same packets, so the same verdicts.
func TestJudgeClassicFormat(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, nano := range []bool{false, true} {
			s := newScript(t)
			s.talk(h2, server, 1000, 5000).open().serve("A", novelA).close()
			a := analyze(t, s.pcap(order, nano, 1), corpus()...)
			if got := letters(a.Judge(claim("A"))); got != "PPPPP" {
				t.Errorf("%v, nanoseconds %v: %s", order, nano, got)
			}
			if got := letters(a.Judge(claim("B"))); got != "PPPFP" {
				t.Errorf("%v, nanoseconds %v, B claimed: %s", order, nano, got)
			}
			if a.First.UnixNano()/1000 != (day+100_000)/1000 {
				t.Errorf("%v, nanoseconds %v: first packet at %v", order, nano, a.First)
			}
		}
	}
}
