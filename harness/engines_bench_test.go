package harness_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// An iperfPath is two hosts and the link between them.
type iperfPath struct {
	n    *harness.Network
	gbit []float64
	cpu  []float64 // seconds of all processors for each gigabit
	retr int
}

func newIperfPath(b *testing.B, p topo.LinkParams, o *harness.Options) *iperfPath {
	t := topo.Topo{Name: "pair"}
	t.AddHost("h1", "h2").AddLink("h1", "h2", p)
	path := &iperfPath{n: harnesstest.Start(b, t, o)}
	server := path.n.Host("h2").Command(context.Background(), "iperf3", "-s")
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	if err := path.n.Host("h2").WaitListen(within(b), 5201); err != nil {
		b.Fatal(err)
	}
	return path
}

// run sends by TCP for so many seconds, after a second that does not count.
func (p *iperfPath) run(b *testing.B, seconds int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	busy := harnesstest.MachineBusy(b)
	out, err := p.n.Host("h1").Command(ctx, "iperf3", "-c", "h2", "-t", strconv.Itoa(seconds), "-O", "1", "-J").Output()
	busy = harnesstest.MachineBusy(b) - busy
	var r struct {
		End struct {
			Sent struct {
				Retransmits int `json:"retransmits"`
			} `json:"sum_sent"`
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		b.Fatalf("iperf3: %v: %.300s", err, out)
	}
	gbit := r.End.Received.BitsPerSecond / 1e9
	p.gbit = append(p.gbit, gbit)
	p.cpu = append(p.cpu, busy.Seconds()/(gbit*float64(seconds+1)))
	p.retr += r.End.Sent.Retransmits
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkEngines has TCP go by turns over a bare veth pair and over a link of each engine that loses nothing:
//
//	x-veth      throughput, as a share of the bare pair's
//	cpu-x-veth  processor time of the whole machine for each gigabit, as a multiple of the bare pair's
//	retr        segments sent again, of which there should be none
func BenchmarkEngines(b *testing.B) {
	harnesstest.Require(b, "root", "iperf3", "bpf")
	for _, offload := range []harness.Offload{harness.OffloadOn, harness.OffloadOff} {
		b.Run(map[harness.Offload]string{harness.OffloadOn: "offload=on", harness.OffloadOff: "offload=off"}[offload], func(b *testing.B) {
			engines := []harness.Engine{harness.EngineNone, harness.EngineHTB, harness.EngineBPF, harness.EngineUser}
			var paths []*iperfPath
			for _, e := range engines {
				p, o := topo.LinkParams{}, harness.Options{Offload: offload, Engine: e}
				switch e {
				case harness.EngineNone:
					o.Engine = harness.EngineAuto
				case harness.EngineHTB:
					p.Rate = 1000 * topo.Gbit // so that its cost shows, and not its rate
				}
				paths = append(paths, newIperfPath(b, p, &o))
			}
			for b.Loop() {
				for range 3 {
					for _, p := range paths {
						p.run(b, 2)
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, p := range paths {
				name := string(engines[i])
				b.ReportMetric(middle(p.gbit), name+"-Gbit/s")
				b.ReportMetric(float64(p.retr), name+"-retr")
				if i > 0 {
					b.ReportMetric(middle(p.gbit)/middle(paths[0].gbit), name+"-x-veth")
					b.ReportMetric(middle(p.cpu)/middle(paths[0].cpu), name+"-cpu-x-veth")
				}
			}
		})
	}
}

// BenchmarkRates reports TCP's goodput as a share of what a rate leaves for it: 1,448 of 1,514 bytes.
func BenchmarkRates(b *testing.B) {
	harnesstest.Require(b, "root", "iperf3")
	for _, mbit := range []int{10, 100, 250, 500, 1000} {
		b.Run(fmt.Sprintf("%dMbit", mbit), func(b *testing.B) {
			rate := topo.BitRate(mbit) * topo.Mbit
			engines := []harness.Engine{harness.EngineHTB, harness.EngineUser}
			var paths []*iperfPath
			for _, e := range engines {
				paths = append(paths, newIperfPath(b, topo.LinkParams{Rate: rate}, &harness.Options{Engine: e}))
			}
			for b.Loop() {
				for _, p := range paths {
					p.run(b, 4)
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, p := range paths {
				b.ReportMetric(middle(p.gbit)*1e9/float64(rate)*1514/1448, string(engines[i])+"-goodput")
			}
		})
	}
}
