package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/novels"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// BenchmarkGigabyte moves 1 GB from h1 to h2 over one unshaped switch, by turns with iperf3, by the stream dialect, and by the
// stream dialect captured whole at the server's interface. Every end is a process of its own. The first fetch is not
// counted: after it the file is in the page cache and its digest known to the server, which takes a file for settled when it is two
// seconds old. Before each round memory is touched: see warm. Each figure is the median of
// the rounds, each ratio of two such:
//
//	fetch/iperf3     by what the client calls seconds: request to last byte in the file
//	fetch/files      the same to iperf3 -F, which sends a file and writes one, as the dialect does
//	verified/iperf3  with the rest of the client's SHA-256, which has to read every byte once more
//	captured/fetch   what a capture leaves of the throughput
//
// dropped counts all rounds' packets that a ring had no room for. The last capture has to be judged PASS.
func BenchmarkGigabyte(b *testing.B) {
	harnesstest.Require(b, "root", "iperf3")
	const size, rounds = 1_000_000_000, 3
	files := b.TempDir()
	if err := novels.WriteSource(files, novels.Text("gigabyte", size, 1)); err != nil {
		b.Fatal(err)
	}
	for _, bm := range []struct {
		name    string
		offload harness.Offload
		ring    int
	}{
		{"offload=off", harness.OffloadOff, largestRing},
		// At 64 KB a frame the traffic outruns any disk's cache: the ring holds it all.
		{"offload=on", harness.OffloadOn, 1 << 30},
	} {
		b.Run(bm.name, func(b *testing.B) {
			n := harnesstest.Start(b, topo.Single(2), &harness.Options{Offload: bm.offload})
			p := newBenchPath(b, n, files)
			time.Sleep(3 * time.Second) // nothing to wait for but the file's age
			p.fetch()
			var iperf, iperfFiles, fetched, verified, captured []float64
			var dropped uint64
			for b.Loop() {
				for range rounds {
					iperf = append(iperf, p.iperf(size, iperfPort))
					iperfFiles = append(iperfFiles, p.iperfToFile(size))
					f := p.fetch()
					fetched = append(fetched, gbit(f.Bytes, f.Seconds))
					verified = append(verified, gbit(f.Bytes, f.Seconds+f.VerifySeconds))
					f, s := p.capture(bm.ring)
					captured = append(captured, gbit(f.Bytes, f.Seconds))
					dropped += s.Dropped
				}
			}
			p.judge()
			b.Logf("Gbit/s by round: iperf3 %.1f, with files %.1f, fetch %.1f, verified %.1f, captured %.1f", iperf, iperfFiles, fetched, verified, captured)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(iperf), "Gbit/s-iperf3")
			b.ReportMetric(median(fetched), "Gbit/s-fetch")
			b.ReportMetric(median(captured), "Gbit/s-captured")
			b.ReportMetric(median(fetched)/median(iperf), "fetch/iperf3")
			b.ReportMetric(median(fetched)/median(iperfFiles), "fetch/files")
			b.ReportMetric(median(verified)/median(iperf), "verified/iperf3")
			b.ReportMetric(median(captured)/median(fetched), "captured/fetch")
			b.ReportMetric(float64(dropped), "dropped")
		})
	}
}

func gbit(bytes int64, seconds float64) float64 { return float64(bytes) * 8 / 1e9 / seconds }

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// benchPath is the way from a server on h1, and an iperf3 server, to clients on h2.
type benchPath struct {
	b       *testing.B
	n       *harness.Network
	files   string // folder served
	program string
	pcap    string // the last capture
}

func newBenchPath(b *testing.B, n *harness.Network, files string) *benchPath {
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &benchPath{b: b, n: n, files: files, program: program, pcap: filepath.Join(b.TempDir(), "h1-eth0.pcapng")}
	p.serve(protocol.DefaultPort, program, peers.ServeEnv(peers.ServeConfig{Dir: files, Model: peers.Thread}))
	p.serve(iperfPort, "iperf3", "", "-s", "-p", strconv.Itoa(iperfPort))
	p.serve(iperfFilePort, "iperf3", "", "-s", "-p", strconv.Itoa(iperfFilePort), "-F", filepath.Join(files, "gigabyte"))
	return p
}

const (
	iperfPort     = 5201
	iperfFilePort = 5202
)

// serve starts a server on h1 that listens on port, and ends it with the benchmark.
func (p *benchPath) serve(port uint16, program, env string, args ...string) {
	p.b.Helper()
	h := p.n.Host("h1")
	c := h.Command(context.Background(), program, args...)
	c.Env = append(os.Environ(), env)
	var log bytes.Buffer
	c.Stderr = &log
	if err := c.Start(); err != nil {
		p.b.Fatal(err)
	}
	p.b.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.WaitListen(ctx, port); err != nil {
		p.b.Fatal(err, log.String())
	}
}

// onH2 runs a program on h2 to its end and decodes what it prints.
func (p *benchPath) onH2(result any, program, env string, args ...string) {
	p.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := p.n.Host("h2").Command(ctx, program, args...)
	c.Env = append(os.Environ(), env)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, result)
	}
	if err != nil {
		p.b.Fatalf("%s: %v: %s%s", program, err, out, log.String())
	}
}

// warm has the machine touch as much memory as a transfer and its capture need, and frees it: a virtual machine gives free memory
// back to its host after a while, and waits for it at the next touch, which is not what a transfer costs. No more than half of what is free.
func (p *benchPath) warm() {
	p.b.Helper()
	size := 4 << 30
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		p.b.Fatal(err)
	}
	size = min(size, int(info.Freeram*uint64(info.Unit)/2))
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err == nil {
		err = unix.Munmap(mem)
	}
	if err != nil {
		p.b.Fatal("touch memory: ", err)
	}
}

// iperf has iperf3 send size bytes the same way and returns what arrived, in Gbit/s.
func (p *benchPath) iperf(size int64, port int, args ...string) float64 {
	p.b.Helper()
	p.warm()
	var r struct {
		End struct {
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	args = append(args, "-J", "-c", p.n.Host("h1").Addr().String(), "-p", strconv.Itoa(port), "-R", "-n", strconv.FormatInt(size, 10))
	p.onH2(&r, "iperf3", "", args...)
	return r.End.Received.BitsPerSecond / 1e9
}

// iperfToFile is iperf with the file at one end and a file at the other.
func (p *benchPath) iperfToFile(size int64) float64 {
	p.b.Helper()
	to := filepath.Join(p.b.TempDir(), "iperf3")
	defer os.Remove(to)
	return p.iperf(size, iperfFilePort, "-F", to)
}

// fetch has a new client process fetch the file.
func (p *benchPath) fetch() peers.FileResult {
	p.b.Helper()
	p.warm()
	dir, err := os.MkdirTemp("", "wireproof-bench-")
	if err != nil {
		p.b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var told peers.GetResult
	p.onH2(&told, p.program, peers.GetEnv(peers.GetConfig{
		Server: p.n.Host("h1").Addr().String(), Names: []string{"gigabyte"}, Dir: dir,
	}))
	return told.Transfer.Files[0]
}

// capture is fetch, captured whole.
func (p *benchPath) capture(ring int) (peers.FileResult, capture.Stats) {
	p.b.Helper()
	w, err := os.Create(p.pcap)
	if err != nil {
		p.b.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	h1 := p.n.Host("h1")
	c, err := h1.Capture(ctx, "", w, capture.Options{RingBytes: ring})
	if err != nil {
		p.b.Fatal(err)
	}
	f := p.fetch()
	if err := h1.WaitQuiet(ctx, protocol.DefaultPort); err != nil {
		p.b.Error(err)
	}
	s, err := c.Stop(ctx)
	if err != nil {
		p.b.Fatal(err)
	}
	if !s.Complete {
		p.b.Errorf("the capture is not whole: %s", s.Reason)
	}
	return f, s
}

// judge checks the last capture: the file, whole, over one connection.
func (p *benchPath) judge() {
	p.b.Helper()
	file, err := flow.Files(os.DirFS(p.files))
	if err != nil {
		p.b.Fatal(err)
	}
	r, err := os.Open(p.pcap)
	if err != nil {
		p.b.Fatal(err)
	}
	defer r.Close()
	server := netip.AddrPortFrom(p.n.Host("h1").Addr(), protocol.DefaultPort)
	a, err := flow.Analyze(context.Background(), r, flow.Options{Files: file, Server: server})
	if err != nil {
		p.b.Fatal(err)
	}
	var failed strings.Builder
	for _, c := range a.Judge([]flow.Session{{Client: p.n.Host("h2").Addr(), Server: server, Files: []string{"gigabyte"}}}) {
		if c.Verdict != flow.Pass {
			fmt.Fprintf(&failed, "\n%s %s: %s", c.Verdict, c.Name, c.Detail)
		}
	}
	if failed.Len() > 0 {
		p.b.Error("the capture does not prove the transfer:", failed.String())
	}
}
