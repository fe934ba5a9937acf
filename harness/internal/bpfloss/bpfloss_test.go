package bpfloss_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/bpfloss"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

const patience = 20 * time.Second

// pair is h1 --- h2, h1 sending.
type pair struct {
	testing.TB
	n      *harness.Network
	h1, h2 *harness.Host
}

func newPair(t testing.TB, o *harness.Options) pair {
	t.Helper()
	harnesstest.Require(t, "root", "bpf")
	n := harnesstest.Start(t, topo.Pair(), o)
	return pair{t, n, n.Host("h1"), n.Host("h2")}
}

// attach puts a program between h1 and h2.
func (p pair) attach(c bpfloss.Config) *bpfloss.Program {
	p.Helper()
	prog, err := p.try(c)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if err := prog.Close(); err != nil {
			p.Error(err)
		}
	})
	return prog
}

func (p pair) try(c bpfloss.Config) (prog *bpfloss.Program, err error) {
	at := p.h2
	if c.Egress {
		at = p.h1
	}
	err = at.Do(func() error {
		i, err := net.InterfaceByName(at.Interface())
		if err == nil {
			prog, err = bpfloss.Attach(i.Name, i.Index, c)
		}
		return err
	})
	return prog, err
}

// flow sends numbered datagrams from h1 to h2.
type flow struct {
	pair
	out net.Conn
	in  net.PacketConn

	sent    uint64
	arrived []uint64
}

func (p pair) flow() *flow {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := &flow{pair: p}
	var err error
	if f.in, err = p.h2.ListenPacket(ctx, "udp", ":9"); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { f.in.Close() })
	if f.out, err = p.h1.Dial(ctx, "udp", "h2:9"); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { f.out.Close() })

	// What waits for h2's address to be resolved is sent on another processor than what comes after, and either may be
	// first. So one datagram goes ahead.
	if _, err := f.out.Write([]byte("ahead")); err != nil {
		p.Fatal(err)
	}
	if err := f.in.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.Fatal(err)
	}
	if _, _, err := f.in.ReadFrom(make([]byte, 64)); err != nil {
		p.Fatal(err)
	}
	return f
}

// send sends n datagrams through prog, and reads what prog let pass, so few at a time that no queue is ever full.
func (f *flow) send(prog *bpfloss.Program, n int) {
	f.Helper()
	deadline := time.Now().Add(patience)
	var b [64]byte
	for n > 0 {
		batch := min(n, 64)
		n -= batch
		for range batch {
			binary.BigEndian.PutUint64(b[:], f.sent)
			if _, err := f.out.Write(b[:]); err != nil {
				f.Fatal(err)
			}
			f.sent++
		}
		s := f.stats(prog)
		for s.Packets < f.sent { // they are under way still
			if time.Now().After(deadline) {
				f.Fatalf("%d packets sent, and counted: %+v", f.sent, s)
			}
			s = f.stats(prog)
		}
		// A packet has its index before it is counted as dropped, so the counts are asked again while some are missing.
		for uint64(len(f.arrived))+s.Dropped < f.sent {
			if err := f.in.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				f.Fatal(err)
			}
			_, _, err := f.in.ReadFrom(b[:])
			if err == nil {
				f.arrived = append(f.arrived, binary.BigEndian.Uint64(b[:]))
			} else if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(deadline) {
				f.Fatalf("%d arrived of %d: %+v: %v", len(f.arrived), f.sent, s, err)
			}
			s = f.stats(prog)
		}
	}
}

func (p pair) stats(prog *bpfloss.Program) bpfloss.Stats {
	p.Helper()
	s, err := prog.Stats()
	if err != nil {
		p.Fatal(err)
	}
	return s
}

// missing are the numbers that did not arrive.
func (f *flow) missing() (lost []uint64) {
	have := make(map[uint64]bool)
	for _, number := range f.arrived {
		have[number] = true
	}
	for number := range f.sent {
		if !have[number] {
			lost = append(lost, number)
		}
	}
	return lost
}

// What does not arrive is what the seed predicts.
func TestLost(t *testing.T) {
	for _, c := range []bpfloss.Config{
		{LossPercent: 5, Seed: 7, Link: "h1-h2", Direction: "h1>h2", Record: 1000},
		{LossPercent: 1, Drop: []topo.Range{{First: 1, Last: 2}, {First: 77, Last: 99}, {First: 1990}}, Record: 1000},
		{LossPercent: 5, Seed: 7, Egress: true, Record: 1000},
	} {
		f := newPair(t, nil).flow()
		prog := f.attach(c)
		f.send(prog, 2000)
		want := c.Predict(f.sent)
		if got := f.missing(); !slices.Equal(got, want) {
			t.Errorf("missing %d: %v; want %d: %v", len(got), got, len(want), want)
		}
		s := f.stats(prog)
		if s.Packets != 2000 || s.Bytes != 2000*(14+20+8+64) || s.Dropped != uint64(len(want)) || !s.Exact() {
			t.Errorf("%+v", s)
		}
		// A loss is counted before it is noted down.
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if lost, err := prog.Lost(); err != nil || len(lost) == len(want) {
				break
			}
		}
		for range 2 { // open, and closed
			if lost, err := prog.Lost(); err != nil || !slices.Equal(lost, want) {
				t.Errorf("recorded %v, %v", lost, err)
			}
			if got := f.stats(prog); got != s {
				t.Errorf("%+v", s)
			}
			if err := prog.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := prog.Set(c); !errors.Is(err, bpfloss.ErrClosed) {
			t.Errorf("set when closed: %v", err)
		}
	}
}

// A change while packets flow takes effect at one packet, and neither misses nor counts one twice.
func TestSetMissesNone(t *testing.T) {
	f := newPair(t, nil).flow()
	prog := f.attach(bpfloss.Config{})
	if err := prog.Set(bpfloss.Config{LossPercent: 200}); err == nil {
		t.Error("200 % was taken")
	}
	stop, done := make(chan struct{}), make(chan struct{})
	var sets atomic.Uint64
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n := sets.Load()
			c := bpfloss.Config{Seed: n, LossPercent: float64(n % 3 * 10)}
			if err := prog.Set(c); err != nil {
				t.Error(err)
				return
			}
			sets.Add(1)
		}
	}()
	for range 80 {
		f.send(prog, 64)
		// A change at the least while the next are sent, or before.
		deadline := time.Now().Add(patience)
		for before := sets.Load(); sets.Load() == before && !t.Failed() && time.Now().Before(deadline); {
			runtime.Gosched()
		}
	}
	close(stop)
	<-done
	if s := f.stats(prog); s.Packets != f.sent || s.Dropped == 0 || s.Dropped != uint64(len(f.missing())) || sets.Load() < 80 {
		t.Errorf("%d sent, %d missing, %d changes: %+v", f.sent, len(f.missing()), sets.Load(), s)
	}
	// And what is set last is in force, the index going on.
	c := bpfloss.Config{Seed: 4, LossPercent: 20}
	if err := prog.Set(c); err != nil {
		t.Fatal(err)
	}
	from := f.sent
	f.send(prog, 500)
	after := func(list []uint64) []uint64 {
		return slices.DeleteFunc(list, func(i uint64) bool { return i < from })
	}
	if got, want := after(f.missing()), after(c.Predict(f.sent)); !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
}

// Decisions are about packets of the wire at the receiver with offloads off, and are not at the sender's egress, nor with
// offloads on.
func TestExact(t *testing.T) {
	for _, c := range []struct {
		offload harness.Offload
		egress  bool
		exact   bool
	}{
		{harness.OffloadOff, false, true},
		{harness.OffloadOff, true, false},
		{harness.OffloadOn, false, false},
	} {
		p := newPair(t, &harness.Options{Offload: c.offload})
		prog := p.attach(bpfloss.Config{LossPercent: 0.1, Egress: c.egress})
		p.transfer(4 << 20)
		s := p.stats(prog)
		segments := uint64(4<<20) / 1448
		if s.Exact() != c.exact || c.exact && s.Packets < segments || !c.exact && s.Packets > segments {
			t.Errorf("offload %v, egress %v: %+v, of at least %d segments", c.offload, c.egress, s, segments)
		}
	}
}

// transfer sends size bytes from h1 to h2 over TCP.
func (p pair) transfer(size int64) {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l, err := p.h2.Listen(ctx, "tcp", ":12345")
	if err != nil {
		p.Fatal(err)
	}
	defer l.Close()
	sent := make(chan error, 1)
	go func() {
		c, err := p.h1.Dial(ctx, "tcp", "h2:12345")
		if err == nil {
			_, err = io.CopyN(c, zeros{}, size)
			err = errors.Join(err, c.Close())
		}
		sent <- err
	}()
	c, err := l.Accept()
	if err != nil {
		p.Fatal(err)
	}
	defer c.Close()
	got, err := io.Copy(io.Discard, c)
	if err := errors.Join(err, <-sent); err != nil || got != size {
		p.Fatalf("%d of %d bytes: %v", got, size, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestAttachErrors(t *testing.T) {
	harnesstest.NoLeaks(t)
	p := newPair(t, nil)
	if _, err := p.try(bpfloss.Config{LossPercent: -1}); err == nil || !strings.Contains(err.Error(), "attach loss to h2-eth0: loss of -1 %") {
		t.Error(err)
	}
	err := p.h2.Do(func() error {
		_, err := bpfloss.Attach("h9-eth0", 9999, bpfloss.Config{})
		return err
	})
	if !errors.Is(err, unix.ENODEV) || errors.Is(err, rtnl.ErrMissing) {
		t.Error(err)
	}
	for feature, op := range map[string]string{"sch_ingress": "add clsact to h2-eth0", "cls_bpf": "add program to ingress of h2-eth0"} {
		remove := fault.Set(func(at string) error {
			if at == op {
				return unix.ENOENT // what a kernel without the module answers
			}
			return nil
		})
		_, err := p.try(bpfloss.Config{})
		remove()
		if !errors.Is(err, rtnl.ErrMissing) || !strings.Contains(err.Error(), "kernel lacks "+feature) {
			t.Error(err)
		}
	}
	prog := p.attach(bpfloss.Config{})
	if _, err := p.try(bpfloss.Config{}); !errors.Is(err, unix.EEXIST) {
		t.Error(err)
	}
	if err := prog.Close(); err != nil {
		t.Error(err)
	}
	p.attach(bpfloss.Config{}) // the place is free again
	// A namespace that is taken down with the program in it is no error of Close.
	late := p.attach(bpfloss.Config{Egress: true})
	if err := p.n.Close(); err != nil {
		t.Error(err)
	}
	if err := late.Close(); err != nil {
		t.Error(err)
	}
}

func TestFrom(t *testing.T) {
	every, err := topo.ParseFilter("the SYN")
	if err != nil {
		t.Fatal(err)
	}
	_, err = bpfloss.From(impair.Config{Gilbert: topo.GilbertElliott{PPercent: 1}, Drop: []topo.Filter{every}, Delay: 1, Jitter: 1,
		DuplicatePercent: 1, ReorderPercent: 1, CorruptPercent: 1, PerFlow: true})
	if !errors.Is(err, bpfloss.ErrUnable) || len(strings.Split(err.Error(), "\n")) != 8 {
		t.Error(err)
	}
	listed, err := topo.ParseFilter("packets 7 and 9..12")
	if err != nil {
		t.Fatal(err)
	}
	in := impair.Config{Seed: 1, Link: "a-b", Direction: "a>b", LossPercent: 3, Drop: []topo.Filter{listed, topo.FilterIndices(9, 100)}, Record: 5}
	c, err := bpfloss.From(in)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Predict(10_000), impair.Predict(in, 0, 10_000); !slices.Equal(got, want) || len(got) < 300 {
		t.Errorf("%v, want %v", got, want)
	}
	in.LossPercent = 101
	if _, err := bpfloss.From(in); err == nil {
		t.Error("101 % was taken")
	}
}
