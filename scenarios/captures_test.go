package scenarios

import (
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

// A ring that is smaller than the smallest has room for all that will ever pass, and for a reader that is held up as long as
// the smallest bears: a block goes by in each retire time, full or not.
func TestSmallRingsHoldEverything(t *testing.T) {
	const held = int64(smallestRing / (256 << 10)) // blocks
	small := 0
	for _, s := range selectAll(t, Params{}, "all") {
		r := &run{scenario: s, options: Options{Corpus: corpusForTests}, fetches: s.Fetches()}
		for _, server := range []bool{true, false} {
			o := r.ringFor(s.Servers[0], server)
			if o.BlockBytes == 0 {
				if o.RingBytes < smallestRing {
					t.Errorf("%s: a ring of %d bytes in large blocks", s.Name(), o.RingBytes)
				}
				continue
			}
			small++
			var passes int64
			for _, f := range s.Fetches() {
				if !server || f.Server == s.Servers[0] {
					passes += corpusForTests.size(f.Novels)
				}
			}
			block := int64(o.BlockBytes)
			if blocks := int64(o.RingBytes) / block; o.RingBytes >= smallestRing || blocks < held+(passes*3/2)/block || lossy(s.Topo) {
				t.Errorf("%s, server %v: a ring of %d blocks for %d bytes", s.Name(), server, blocks, passes)
			}
		}
	}
	if small < 10 {
		t.Errorf("only %d rings are small", small)
	}
	loses := selectAll(t, Params{Links: []string{"all:duplicate=1%,delay=1ms"}}, "g")[0]
	if r := (&run{scenario: loses, options: Options{Corpus: corpusForTests}, fetches: loses.Fetches()}); r.ringFor("h1", true).RingBytes < smallestRing {
		t.Error("what may pass twice has a ring for once")
	}
	if !nothingTwice(topo.Single(2)) {
		t.Error("a plain link doubles packets")
	}
}
