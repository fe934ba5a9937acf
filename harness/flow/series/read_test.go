package series

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/flow"
)

// A whole connection: what is counted, when, and what the diagram shows.
func TestConnection(t *testing.T) {
	w := newWire(t).open(time.Millisecond)
	w.after(time.Millisecond).c("A", 0, 0, "GET 0 a\n")
	w.after(time.Millisecond).s("A", 0, 8, "hello")
	w.after(3*time.Millisecond).c("A", 8, 5, "")
	w.after(time.Millisecond).s("A", 5, 8, "world")
	w.after(time.Millisecond).s("A", 5, 8, "world") // again
	w.after(time.Millisecond).c("A", 8, 10, "")
	w.after(time.Millisecond).c("FA", 8, 10, "").after(time.Millisecond).s("FA", 10, 9, "").after(time.Millisecond).c("A", 9, 11, "")
	c := w.one(Options{})

	if want := netip.MustParseAddrPort("10.0.0.2:40000"); c.Client != want || c.ServerISN != 5000 || !c.Established {
		t.Errorf("client %v, server's ISN %d, established %t", c.Client, c.ServerISN, c.Established)
	}
	if got := (Totals{Segments: 5, Again: 1, Bytes: 15, Length: 10}); c.ToClient != got {
		t.Errorf("to the client %+v, want %+v", c.ToClient, got)
	}
	if got := (Totals{Segments: 7, Bytes: 8, Length: 8}); c.ToServer != got {
		t.Errorf("to the server %+v, want %+v", c.ToServer, got)
	}
	if c.HandshakeRTT != time.Millisecond {
		t.Errorf("the handshake's round trip is %v", c.HandshakeRTT)
	}
	var sum Flow
	for _, b := range c.Bins {
		sum.add(b.ToClient)
	}
	want := Flow{Segments: 5, Again: 1, Bytes: 15, Sent: Span{0, 10}, SentAgain: Span{5, 10}, Acked: 10,
		RTTMin: 3 * time.Millisecond, RTTMax: 3 * time.Millisecond, RTTSum: 3 * time.Millisecond, RTTs: 1} // Karn: the second has none
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
	var events []string
	for _, e := range c.Events {
		events = append(events, fmt.Sprintf("%d client=%t %v %q", e.Kind, e.FromClient, e.Time.Sub(c.First), e.Text))
	}
	wantEvents := []string{
		`0 client=true 0s ""`, `1 client=false 1ms ""`, `2 client=true 2ms ""`, `3 client=true 3ms "GET 0 a\n"`,
		`4 client=true 11ms ""`, `4 client=false 12ms ""`,
	}
	if diff := cmp.Diff(wantEvents, events); diff != "" {
		t.Error(diff)
	}
}

// What is in the bins of a connection adds up to its totals, however long it lasts and however few the bins.
func TestBins(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Nanosecond, time.Microsecond, 7 * time.Millisecond, time.Hour} {
		for _, bins := range []int{2, 7, 600} {
			w := newWire(t).open(step)
			for i := range 300 {
				w.after(step).s("A", i*10, 0, "0123456789")
			}
			c := w.one(Options{Bins: bins})
			if len(c.Bins) > bins || bins == 600 && step > time.Microsecond && len(c.Bins) < 151 {
				t.Errorf("%d bins of %v, steps of %v", len(c.Bins), c.Width, step)
			}
			var sum Flow
			for i, b := range c.Bins {
				if b.ToClient.Sent.Low < sum.Sent.High && !b.ToClient.Sent.Empty() {
					t.Errorf("bin %d begins before the end of the one before it", i)
				}
				sum.add(b.ToClient)
			}
			if sum.Bytes != 3000 || sum.Sent != (Span{0, 3000}) || sum.Segments != 301 {
				t.Errorf("steps of %v in %d bins: %+v", step, bins, sum)
			}
			if span := c.Width * time.Duration(len(c.Bins)); span < c.Last.Sub(c.First) {
				t.Errorf("the bins end after %v, the connection after %v", span, c.Last.Sub(c.First))
			}
		}
	}
}

// A segment that comes late into a gap is no retransmission; one that was there is.
func TestLateIsNotAgain(t *testing.T) {
	w := newWire(t).open(1)
	w.s("A", 10, 0, "0123456789").s("A", 0, 0, "0123456789").s("A", 5, 0, "5678901234")
	if c := w.one(Options{}); c.ToClient.Again != 1 || c.ToClient.Length != 20 {
		t.Errorf("%+v", c.ToClient)
	}
}

func TestRequestsThatRepeatAreOne(t *testing.T) {
	w := newWire(t).open(1)
	for i := range 1000 {
		w.after(1).s("A", i, i*4, "x").after(1).c("A", i*4, i+1, "sent")
	}
	c := w.one(Options{})
	if last := c.Events[len(c.Events)-1]; len(c.Events) != 4 || last.Count != 1000 || last.Bytes != 4000 {
		t.Errorf("%d events, the last %+v", len(c.Events), last)
	}
	w = newWire(t).open(1)
	for i := range 1000 {
		w.after(1).c("A", i*4, 0, fmt.Sprintf("%04d", i))
	}
	w.c("FA", 4000, 0, "")
	c = w.one(Options{Events: 10})
	if last := c.Events[len(c.Events)-1]; len(c.Events) != 11 || last.Kind != FIN || c.EventsNotListed != 993 {
		t.Errorf("%d events, %d not listed, the last %+v", len(c.Events), c.EventsNotListed, last)
	}
}

func TestPortReused(t *testing.T) {
	w := newWire(t).open(1)
	w.c("FA", 0, 0, "").s("FA", 0, 1, "").c("A", 1, 1, "")
	w.cISN, w.sISN = 900_000, 700_000
	w.open(1).s("A", 0, 0, "again")
	s := w.read(Options{})
	if len(s.Connections) != 2 || s.Connections[1].ServerISN != 700_000 || s.Connections[1].ToClient.Bytes != 5 {
		t.Errorf("%+v", s.Connections)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	w := newWire(t)
	for i := range 5 {
		w.port = uint16(40000 + i)
		w.open(1)
	}
	if s := w.read(Options{Connections: 3}); len(s.Connections) != 3 || s.NotFollowed != 2 {
		t.Errorf("%d followed, %d not", len(s.Connections), s.NotFollowed)
	}
	if s := w.read(Options{Server: netip.MustParseAddrPort("10.0.0.1:81")}); len(s.Connections) != 0 {
		t.Errorf("%d connections to another server", len(s.Connections))
	}
}

// A damaged segment and the second capture of one packet count for nothing.
func TestDamagedAndTwice(t *testing.T) {
	w := newWire(t).open(1)
	w.corrupt = true
	w.s("A", 0, 0, "hello, hello")
	w.s("A", 0, 0, "hello, hello")
	w.id-- // the same packet
	w.s("A", 0, 0, "hello, hello")
	if c := w.one(Options{}); c.ToClient != (Totals{Segments: 2, Bytes: 12, Length: 12}) {
		t.Errorf("%+v", c.ToClient)
	}
}

// The judge counts the same segments and the same retransmissions, in connections that lose, repeat and overtake at will, also
// where sequence numbers wrap.
func TestAgreesWithTheJudge(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := newWire(t)
		w.sISN, w.cISN = rng.Uint32(), -uint32(rng.IntN(200))
		w.open(time.Microsecond)
		next := 0
		for range 60 {
			w.after(time.Duration(rng.IntN(1000)) * time.Microsecond)
			switch n := rng.IntN(10); {
			case n < 6:
				w.s("A", next, 0, strings.Repeat("d", 1+rng.IntN(20)))
				next += 1 + rng.IntN(25)
			case n < 8:
				w.s("A", rng.IntN(next+1), 0, strings.Repeat("d", 2+rng.IntN(30)))
			default:
				w.c("A", 0, rng.IntN(next+1), "")
			}
		}
		a, err := flow.Analyze(t.Context(), bytes.NewReader(w.b.Bytes()), flow.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c, j := w.one(Options{}), a.Connections[0]
		if got := c.ToClient.Again + c.ToServer.Again; got != j.Retransmissions {
			t.Fatalf("seed %d: %d sent again, the judge says %d", seed, got, j.Retransmissions)
		}
		if got := c.ToClient.Segments + c.ToServer.Segments; got != j.Segments || c.ServerISN != j.ServerISN {
			t.Fatalf("seed %d: %d segments, the judge says %d", seed, got, j.Segments)
		}
	}
}

func TestNoCapture(t *testing.T) {
	if _, err := Read(t.Context(), strings.NewReader("no capture"), Options{}); !errors.Is(err, flow.ErrNotCapture) {
		t.Errorf("%v", err)
	}
}

// Wherever a capture is cut or damaged, it is read in bounds and without a panic.
func FuzzRead(f *testing.F) {
	w := newWire(f).open(time.Millisecond)
	w.c("A", 0, 0, "GET").s("A", 0, 3, "hello").s("A", 10, 3, "hello").s("A", 0, 3, "hello, hello").c("FA", 3, 15, "").s("RA", 15, 4, "")
	f.Add(w.b.Bytes())
	f.Add(w.b.Bytes()[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read(t.Context(), bytes.NewReader(b), Options{Bins: 8, Connections: 4, Events: 4})
		if err != nil {
			return
		}
		if len(s.Connections) > 4 {
			t.Errorf("%d connections", len(s.Connections))
		}
		for _, c := range s.Connections {
			var up, down uint64
			for _, b := range c.Bins {
				down += uint64(b.ToClient.Segments)
				up += uint64(b.ToServer.Segments)
			}
			if len(c.Bins) > 8 || len(c.Events) > 4+sparedForClose || up != c.ToServer.Segments || down != c.ToClient.Segments {
				t.Errorf("%d bins, %d events, %d and %d segments of %d and %d", len(c.Bins), len(c.Events), up, down, c.ToServer.Segments, c.ToClient.Segments)
			}
		}
	})
}
