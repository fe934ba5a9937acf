package link

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// Whatever the captures are, the figures add up, do not depend on how reads are cut, and a judgement can be made of them.
func FuzzCompare(f *testing.F) {
	for seed := range uint64(4) {
		w := imagine(rand.New(rand.NewPCG(seed, 5)), 12, seed%2 == 0)
		f.Add(w.sent.bytes(f), w.received.bytes(f), uint16(3))
		f.Add(w.sent.bytes(f), w.sent.bytes(f), uint16(100))
	}
	late := sentBy(packet{at: 1<<62 - 1, data: tcp(1, 1, false)}, packet{data: tcp(2, 1, false)})
	f.Add(late.bytes(f), receivedBy(late.packets...).bytes(f), uint16(1))
	f.Fuzz(func(t *testing.T, sent, received []byte, window uint16) {
		ctx := context.Background()
		o := Options{Window: int(window)}
		e, err := Compare(ctx, bytes.NewReader(sent), bytes.NewReader(received), o)
		again, other := Compare(ctx, iotest.HalfReader(bytes.NewReader(sent)), iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(received))), o)
		if (err == nil) != (other == nil) || figures(e) != figures(again) {
			t.Fatalf("reads cut elsewhere:\n%s %v\n%s %v", figures(e), err, figures(again), other)
		}
		if err != nil {
			return
		}
		if e.Sent != e.Received+e.Lost || e.Unsettled > e.Lost || uint64(len(e.LostIndices)) != min(e.Lost, MaxLost) || e.Corrupted > e.Received ||
			e.Early > e.Received || e.Reordered > e.Received || e.Delay.Packets != e.Received ||
			e.SentCapture.Frames != e.Sent+e.OtherSent ||
			e.ReceivedCapture.Frames != e.Received+e.Duplicated+e.OtherSent-e.OtherLost+e.OtherDuplicated+e.Strangers {
			t.Fatalf("the figures do not add up: %s %+v", figures(e), e.ReceivedCapture)
		}
		for i, n := range e.LostIndices {
			if n >= e.Sent || i > 0 && n <= e.LostIndices[i-1] {
				t.Fatalf("lost: %v", e.LostIndices)
			}
		}
		asked := topo.LinkParams{Delay: time.Millisecond, Jitter: time.Millisecond, LossPercent: 3, ReorderPercent: 2, DuplicatePercent: 1, CorruptPercent: 1}
		if len(Judge(asked, e, Counters{Engine: "user", Exact: true, InFlight: 1}, 1)) == 0 {
			t.Fatal("no judgement")
		}
		c, err := Conform(ctx, bytes.NewReader(sent), ConformOptions{Rate: 1_000_000})
		if err != nil || c.LevelBytes > c.Bytes+1 || c.Frames != e.SentCapture.Frames {
			t.Fatalf("%v, %+v", err, c)
		}
	})
}
