package pace

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// The time of the millionth packet is exact, however the sizes fall.
func TestRateNeverAccumulatesError(t *testing.T) {
	for _, rate := range []int64{1, 9600, 10_000_000, 999_999_937, 1_000_000_000, 100_000_000_000} {
		rng := rand.New(rand.NewPCG(1, uint64(rate)))
		var tx Transmitter
		tx.Rate(rate)
		const start = 12345
		bits, n := int64(0), 100_000
		if rate < 1000 {
			n = 100
		}
		for range n {
			size := 60 + rng.IntN(1455)
			begin, end := tx.Send(start, size, size-14)
			if begin > end {
				t.Fatalf("rate %d: begins at %d and ends at %d", rate, begin, end)
			}
			bits += int64(size) * 8
		}
		want := new(big.Int).Mul(big.NewInt(bits), big.NewInt(1e9))
		want.Div(want, big.NewInt(rate)).Add(want, big.NewInt(start))
		if tx.Busy() != want.Int64() {
			t.Errorf("rate %d: last bit out at %d, want %v", rate, tx.Busy(), want)
		}
	}
}

func TestTransmitterStartsWhenIdle(t *testing.T) {
	var tx Transmitter
	tx.Rate(1_000_000) // 1 us a bit
	tx.Send(0, 125, 111)
	if !tx.Free(1_000_000) || tx.Free(999_999) {
		t.Error("free at the wrong time")
	}
	if begin, end := tx.Send(5_000_000, 125, 111); begin != 5_000_000 || end != 6_000_000 {
		t.Errorf("sent from %d to %d", begin, end)
	}
	tx.Rate(10_000_000) // from the end of the packet being sent
	if begin, end := tx.Send(5_500_000, 125, 111); begin != 6_000_000 || end != 6_100_000 {
		t.Errorf("after the change: from %d to %d", begin, end)
	}
	tx.Rate(0)
	if begin, end := tx.Send(6_050_000, 125, 111); begin != 6_100_000 || end != 6_100_000 {
		t.Errorf("without a rate: from %d to %d", begin, end)
	}
}

// A packet takes whole opportunities that come after it, in order, and no byte of them is used twice: compared with a plain
// simulation that walks through all opportunities as mahimahi does.
func TestTraceAgainstSimulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 300 {
		n := 1 + rng.IntN(20)
		at := make([]int64, n)
		for i := range at {
			at[i] = int64(rng.IntN(20))
		}
		slices.Sort(at)
		period := at[n-1] + int64(rng.IntN(3))
		if period == 0 {
			period = 1
		}
		size := 1 + rng.IntN(1500)
		start := int64(rng.IntN(50))
		var tx Transmitter
		tx.Trace(at, period, size, start)

		var ops []int64
		for c := range int64(4000) {
			for _, a := range at {
				ops = append(ops, start+c*period+a)
			}
		}
		sort.Slice(ops, func(i, j int) bool { return ops[i] < ops[j] })
		op, left := 0, size
		now := int64(rng.IntN(100))
		for k := range 100 {
			now += int64(rng.IntN(15))
			want := 1 + rng.IntN(1500)
			begin, end := tx.Send(now, want+14, want)
			// The simulation: opportunities before now are gone.
			for ops[op] < now {
				op, left = op+1, size
			}
			if left == 0 {
				op, left = op+1, size
			}
			first := ops[op]
			for need := want; ; {
				if need <= left {
					left -= need
					break
				}
				need -= left
				op, left = op+1, size
			}
			if begin != first || end != ops[op] {
				t.Fatalf("round %d packet %d at %d: sent from %d to %d, want %d to %d (trace %v period %d from %d, %d bytes)", round, k, now, begin, end, first, ops[op], at, period, start, size)
			}
			if end > ops[len(ops)-1]-2000 {
				break
			}
		}
	}
}

func TestQueue(t *testing.T) {
	var q Queue
	rng := rand.New(rand.NewPCG(3, 3))
	type w struct {
		begin int64
		bytes int
	}
	var model []w
	begin, now := int64(0), int64(0)
	for range 20_000 {
		begin += int64(rng.IntN(10))
		size := rng.IntN(1500)
		q.Push(begin, size)
		model = append(model, w{begin, size})
		now = max(now, begin-int64(rng.IntN(3000)))
		model = slices.DeleteFunc(model, func(x w) bool { return x.begin <= now })
		bytes := 0
		for _, x := range model {
			bytes += x.bytes
		}
		if p, b := q.At(now); p != len(model) || b != bytes {
			t.Fatalf("%d packets, %d bytes wait; want %d, %d", p, b, len(model), bytes)
		}
	}
	q.Reset()
	if p, b := q.At(0); p != 0 || b != 0 {
		t.Error("not empty after Reset")
	}
}

// A line gives out what a stable sort by due time would, whatever is pushed and popped in between.
func TestLineAgainstSort(t *testing.T) {
	type item struct {
		due int64
		v   int
	}
	for round := range 200 {
		rng := rand.New(rand.NewPCG(uint64(round), 5))
		var l Line[int]
		var model []item
		due, disorder := int64(0), round%3 != 0
		for v := range 3000 {
			due += int64(rng.IntN(5))
			d := due
			if disorder && rng.IntN(20) == 0 {
				d += int64(rng.IntN(200))
			}
			l.Push(d, v)
			at, _ := slices.BinarySearchFunc(model, d, func(i item, d int64) int {
				if i.due <= d {
					return -1
				}
				return 1
			})
			model = slices.Insert(model, at, item{d, v})
			for rng.IntN(100) < 50 && len(model) > 0 || rng.IntN(500) == 0 && len(model) > 0 {
				if l.Next() != model[0].due {
					t.Fatalf("round %d: next due %d, want %d", round, l.Next(), model[0].due)
				}
				if first := *l.First(); first != model[0].v {
					t.Fatalf("round %d: first %d, want %d", round, first, model[0].v)
				}
				if d, got := l.Pop(); got != model[0].v || d != model[0].due {
					t.Fatalf("round %d: got %d due %d, want %+v", round, got, d, model[0])
				}
				model = model[1:]
			}
			if l.Len() != len(model) {
				t.Fatalf("%d items, want %d", l.Len(), len(model))
			}
		}
		sorted := slices.Clone(model)
		slices.SortFunc(sorted, func(a, b item) int { return a.v - b.v })
		var each []item
		l.Each(func(due int64, v int) { each = append(each, item{due, v}) })
		if !slices.Equal(each, sorted) {
			t.Fatalf("round %d: Each is not in the order of the pushes", round)
		}
		if l.Len() != 0 || l.Next() != Never {
			t.Fatal("not empty after Each")
		}
		l.Push(1, 1)
		if d, v := l.Pop(); d != 1 || v != 1 {
			t.Fatal("unusable after Each")
		}
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Error("empty histogram is not zero")
	}
	var all []int64
	rng := rand.New(rand.NewPCG(9, 9))
	for range 10_000 {
		v := int64(rng.ExpFloat64() * 50_000)
		all = append(all, v)
		h.Add(v)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.99, 1} {
		exact := all[int(q*float64(len(all)))-1]
		if got := h.Quantile(q); got < exact || float64(got) > float64(exact)*1.07+1 {
			t.Errorf("quantile %v is %d, exactly %d", q, got, exact)
		}
	}
	for v := int64(0); v < 1<<20; v += 1 + v/50 {
		if b := bucket(v); v > upper(b) || b > 0 && v <= upper(b-1) {
			t.Fatalf("%d is in bucket %d, which ends at %d", v, b, upper(b))
		}
	}
	h.Add(1 << 62)
	h.Add(-5)
}

func TestEstimate(t *testing.T) {
	var e Estimate
	if e.Median() != 0 || e.Low() != 0 {
		t.Error("no samples, but an estimate")
	}
	for i := range 200 {
		e.Add(int64(1000 + i%10*100))
	}
	if m := e.Median(); m < 1300 || m > 1600 {
		t.Errorf("median %d", m)
	}
	if l := e.Low(); l < 1100 || l > 1300 {
		t.Errorf("low %d", l)
	}
	if h := e.High(); h != 1900 {
		t.Errorf("high %d", h)
	}
	for range 63 {
		e.Add(10)
	}
	if e.Median() != 10 {
		t.Errorf("median %d after all samples were replaced", e.Median())
	}
}

func BenchmarkLine(b *testing.B) {
	var l Line[[6]uint64]
	for i := range int64(1000) {
		l.Push(i, [6]uint64{})
	}
	due := int64(1000)
	for b.Loop() {
		l.Push(due, [6]uint64{})
		l.Pop()
		due++
	}
}
