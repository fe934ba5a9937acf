package relay_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/relay"
)

// iperf is what a run of iperf3 reached.
type iperf struct {
	mbit        float64
	retransmits int
	cpu         float64 // processor seconds of the whole machine for each gigabit
}

// iperf runs iperf3 from a to b, TCP with cubic unless args say otherwise.
func runIperf(t testing.TB, a, b space, seconds int, args ...string) iperf {
	t.Helper()
	srv := exec.Command("iperf3", "-s", "-1", "--forceflush")
	out, err := srv.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.do(srv.Start)
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "listening") {
	}
	busy := harnesstest.MachineBusy(t)
	text, err := a.output("iperf3", append([]string{"-c", addrB, "-t", strconv.Itoa(seconds), "-O", "1", "-J"}, args...)...)
	busy = harnesstest.MachineBusy(t) - busy
	for lines.Scan() {
	}
	srv.Wait()
	if err != nil {
		t.Fatalf("iperf3: %v: %.300s", err, text)
	}
	type sum struct {
		BitsPerSecond float64 `json:"bits_per_second"`
		Bytes         float64 `json:"bytes"`
		Retransmits   int     `json:"retransmits"`
		LostPercent   float64 `json:"lost_percent"`
	}
	var r struct {
		End struct {
			SumSent     sum `json:"sum_sent"`
			SumReceived sum `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	total := r.End.SumReceived.BitsPerSecond * float64(seconds+1) / 1e9
	return iperf{mbit: r.End.SumReceived.BitsPerSecond / 1e6, retransmits: r.End.SumSent.Retransmits, cpu: busy.Seconds() / total}
}

// veth is two hosts joined by a bare veth pair.
func veth(t testing.TB) (a, b space) {
	t.Helper()
	s := newSpaces(t, 2)
	s[0].ip("link add name eth0 type veth peer name peer0")
	s[0].do(func() error {
		return exec.Command("ip", "link", "set", "dev", "peer0", "name", "eth0", "netns", fmt.Sprintf("/proc/%d/fd/%d", unix.Getpid(), int(s[1].ns))).Run()
	})
	for i, h := range s {
		h.ip(fmt.Sprintf("addr add 10.0.0.%d/24 dev eth0", i+1))
		h.ip("link set dev eth0 up")
	}
	return s[0], s[1]
}

// BenchmarkThroughput compares TCP over each kind of link with TCP over a bare veth pair, in turns.
func BenchmarkThroughput(b *testing.B) {
	requireKernel(b, tap)
	harnesstest.Require(b, "iperf3")
	type path struct {
		name string
		a, b space
		link *relay.Link
		mbit []float64
		cpu  []float64
		retr int
	}
	var paths []*path
	x, y := veth(b)
	paths = append(paths, &path{name: "veth", a: x, b: y})
	x, y = veth(b)
	for _, s := range []space{x, y} {
		s.do(func() error {
			return exec.Command("ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off").Run()
		})
	}
	paths = append(paths, &path{name: "vethnotso", a: x, b: y})
	for _, c := range []struct {
		name   string
		kind   kind
		config relay.Config
		class  relay.Class
	}{
		{"tap", tap, relay.Config{}, relay.ClassAuto},
		{"tapother", tap, relay.Config{}, relay.ClassOther},
		{"tapdecider", tap, relay.Config{Decider: deciderFunc(func(*relay.Packet) relay.Decision { return relay.Pass })}, relay.ClassAuto},
		{"tapperframe", tap, relay.Config{PerFrame: true}, relay.ClassAuto},
		{"packet", packet, relay.Config{}, relay.ClassAuto},
		{"packetperframe", packet, relay.Config{PerFrame: true}, relay.ClassAuto},
	} {
		e, err := relay.New(relay.Options{Class: c.class})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { e.Close() })
		n := joinOn(b, e, c.kind, c.config, c.config)
		paths = append(paths, &path{name: c.name, a: n.a, b: n.b, link: n.link})
	}
	for b.Loop() {
		for _, p := range paths {
			r := runIperf(b, p.a, p.b, 3, "-C", "cubic")
			p.mbit, p.cpu, p.retr = append(p.mbit, r.mbit), append(p.cpu, r.cpu), p.retr+r.retransmits
		}
	}
	for _, p := range paths {
		slices.Sort(p.mbit)
		slices.Sort(p.cpu)
		b.ReportMetric(p.mbit[len(p.mbit)/2]/1000, p.name+"-Gbit/s")
		b.ReportMetric(p.cpu[len(p.cpu)/2], p.name+"-cpu-s/Gbit")
		b.ReportMetric(float64(p.retr), p.name+"-retr")
		if base := paths[0].mbit[len(p.mbit)/2]; p != paths[0] {
			b.ReportMetric(p.mbit[len(p.mbit)/2]/base, p.name+"-x-veth")
		}
		if p.link != nil {
			s, _ := p.link.Stats()
			b.ReportMetric(float64(s.EngineDrops()), p.name+"-enginedrops")
			b.Logf("%s: %v (%v)", p.name, s.Thread, s.AB.Late)
		}
	}
}

// roundTrips measures by datagrams, each answered by b, with the kernel's time stamps: at the devices from when the sending
// host's kernel hands the datagram to its device to when the receiving one takes it in, and as programs see it from before the system
// call that sends. Each way is taken by itself, so that waking the program that answers is in neither figure.
func (n *network) roundTrips(count int) (devices, programs []time.Duration) {
	n.t.Helper()
	rx := n.b.udpSocket(addrB + ":6000")
	defer rx.Close()
	tx := n.a.udpSocket(addrA + ":5000")
	defer tx.Close()
	buf, oob := make([]byte, 64), make([]byte, 64)
	oneWay := func(from, to *net.UDPConn, addr netip.AddrPort) (device, program time.Duration) {
		called := time.Now().Round(0)
		if _, err := from.WriteToUDPAddrPort(buf, addr); err != nil {
			n.t.Fatal(err)
		}
		_, on, _, _, err := to.ReadMsgUDP(buf, oob)
		if err != nil {
			n.t.Fatal(err)
		}
		came, ok := timestamp(oob[:on])
		if !ok {
			n.t.Fatal("a datagram without a time stamp")
		}
		return came.Sub(n.handedOver(from)), came.Sub(called)
	}
	n.stampSent(rx)
	n.stampSent(tx)
	there, back := mustAddrPort(addrB+":6000"), mustAddrPort(addrA+":5000")
	for range count {
		d1, p1 := oneWay(tx, rx, there)
		d2, p2 := oneWay(rx, tx, back)
		devices, programs = append(devices, d1+d2), append(programs, p1+p2)
	}
	slices.Sort(devices)
	slices.Sort(programs)
	return devices, programs
}

// stampSent asks for the times at which the socket's datagrams are handed to the device (Documentation/networking/timestamping.rst).
func (n *network) stampSent(c *net.UDPConn) {
	n.t.Helper()
	n.onSocket(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING,
			unix.SOF_TIMESTAMPING_TX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE|unix.SOF_TIMESTAMPING_OPT_TSONLY)
	})
}

// handedOver is the time at which the datagram that the socket sent last was handed to the device.
func (n *network) handedOver(c *net.UDPConn) (at time.Time) {
	n.t.Helper()
	n.onSocket(c, func(fd int) error {
		oob := make([]byte, 256)
		_, on, _, _, err := unix.Recvmsg(fd, nil, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return fmt.Errorf("read error queue: %w", err)
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:on])
		for _, m := range msgs {
			if m.Header.Type == unix.SCM_TIMESTAMPING && len(m.Data) >= 16 {
				at = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
		if err == nil && at.IsZero() {
			err = errors.New("no time stamp of what was sent")
		}
		return err
	})
	return at
}

func (n *network) onSocket(c *net.UDPConn, f func(fd int) error) {
	n.t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		if ran := raw.Control(func(fd uintptr) { err = f(int(fd)) }); ran != nil {
			err = ran
		}
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// BenchmarkRoundTrip reports how far round trips are from twice the delay, in microseconds, at the devices (us) and as programs
// see it (us-seen).
func BenchmarkRoundTrip(b *testing.B) {
	harnesstest.Require(b, "root")
	for _, k := range kinds {
		for _, class := range []relay.Class{relay.ClassAuto, relay.ClassOther} {
			for _, load := range []string{"idle", "loaded", "hogs"} {
				name := map[relay.Class]string{relay.ClassAuto: "auto", relay.ClassOther: "other"}[class]
				b.Run(fmt.Sprintf("%s/%s/%s", k, name, load), func(b *testing.B) {
					requireKernel(b, k)
					n := join(b, k, relay.Options{Class: class}, relay.Config{}, relay.Config{})
					stop := startLoad(b, n, load)
					defer stop()
					for b.Loop() {
						for _, us := range []int{100, 1000, 5000, 20_000, 100_000} {
							delay := time.Duration(us) * time.Microsecond
							c := relay.Config{Delay: delay}
							if err := n.link.Set(&c, &c); err != nil {
								b.Fatal(err)
							}
							// So many that the 99th percentile is not the worst.
							count := max(120, min(400, int(8*time.Second/(2*delay))))
							devices, programs := n.roundTrips(count)
							report := func(took []time.Duration, percent int, unit string) {
								off := took[len(took)*percent/100] - 2*delay
								b.ReportMetric(float64(off)/1e3, fmt.Sprintf("%s-p%d@%gms", unit, percent, float64(us)/1000))
							}
							report(devices, 50, "us")
							report(devices, 99, "us")
							report(programs, 50, "us-seen")
							report(programs, 99, "us-seen")
						}
					}
					s := n.stats()
					b.Logf("%+v; late %v", s.Thread, s.AB.Late)
				})
			}
		}
	}
}

// startLoad sends 300 Mbit/s over the link, or keeps every processor busy.
func startLoad(t testing.TB, n *network, load string) (stop func()) {
	t.Helper()
	switch load {
	case "loaded":
		var l net.Listener
		n.b.do(func() (err error) { l, err = net.Listen("tcp", addrB+":0"); return err })
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1<<20)
			for {
				if _, err := c.Read(buf); err != nil {
					c.Close()
					return
				}
			}
		}()
		var c net.Conn
		n.a.do(func() (err error) { c, err = net.Dial("tcp", l.Addr().String()); return err })
		raw, _ := c.(*net.TCPConn).SyscallConn()
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, 300_000_000/8)
		})
		go func() {
			buf := make([]byte, 64<<10)
			for {
				if _, err := c.Write(buf); err != nil {
					return
				}
			}
		}()
		return func() { c.Close(); l.Close() }
	case "hogs":
		var procs []*exec.Cmd
		for range runtime.NumCPU() {
			c := exec.Command("sh", "-c", "while :; do :; done")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			procs = append(procs, c)
		}
		return func() {
			for _, c := range procs {
				c.Process.Kill()
				c.Wait()
			}
		}
	}
	return func() {}
}

// BenchmarkRate reports TCP's goodput as a share of what the rate leaves for it, and UDP's as a share of the rate.
func BenchmarkRate(b *testing.B) {
	harnesstest.Require(b, "iperf3")
	for _, k := range kinds {
		for _, mbit := range []int{10, 100, 250, 500, 1000} {
			b.Run(fmt.Sprintf("%s/%d", k, mbit), func(b *testing.B) {
				requireKernel(b, k)
				c := relay.Config{Rate: int64(mbit) * 1e6, Delay: time.Millisecond}
				n := join(b, k, relay.Options{}, c, relay.Config{Delay: time.Millisecond})
				var r iperf
				for b.Loop() {
					r = runIperf(b, n.a, n.b, 5, "-C", "cubic")
				}
				s := n.stats()
				b.Logf("%+v; queue drops %d, retransmitted %d", s.Thread, s.AB.Dropped.Queue, r.retransmits)
				b.ReportMetric(r.mbit/float64(mbit)*1514/1448, "goodput-x")
				b.ReportMetric(r.cpu, "cpu-s/Gbit")
				b.ReportMetric(s.Thread.CPU.Seconds()/s.Thread.Running.Seconds(), "engine-cpu")
				b.ReportMetric(float64(s.AB.Late.P50.Microseconds()), "late-p50-us")
				b.ReportMetric(float64(s.AB.Late.P99.Microseconds()), "late-p99-us")
			})
		}
	}
}

// BenchmarkLinks carries 10,000 packets a second over many links of 10 ms by one thread.
func BenchmarkLinks(b *testing.B) {
	requireKernel(b, tap)
	for _, links := range []int{1, 10, 50} {
		b.Run(strconv.Itoa(links), func(b *testing.B) {
			e, err := relay.New(relay.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			var nets []*network
			for range links {
				nets = append(nets, joinOn(b, e, tap, relay.Config{Delay: 10 * time.Millisecond}, relay.Config{}))
			}
			var sent, came atomic.Uint64
			for b.Loop() {
				var stop atomic.Bool
				for _, n := range nets {
					rx := n.b.udpSocket(addrB + ":6000")
					go func() {
						buf := make([]byte, 256)
						for {
							if _, _, err := rx.ReadFromUDPAddrPort(buf); err != nil {
								return
							}
							came.Add(1)
						}
					}()
				}
				var senders []chan struct{}
				for _, n := range nets {
					tx := n.a.udpSocket(addrA + ":5000")
					done := make(chan struct{})
					senders = append(senders, done)
					go func() {
						defer close(done)
						tick := time.NewTicker(time.Duration(links) * 100 * time.Microsecond)
						defer tick.Stop()
						for !stop.Load() {
							<-tick.C
							tx.WriteToUDPAddrPort(make([]byte, 200), mustAddrPort(addrB+":6000"))
							sent.Add(1)
						}
					}()
				}
				time.Sleep(5 * time.Second) // the length of the measurement
				stop.Store(true)
				for _, d := range senders {
					<-d
				}
				for _, n := range nets {
					n.until("delivered", func(s relay.Stats) bool { return s.AB.InFlight == 0 })
				}
			}
			var p50, p99 time.Duration
			var out uint64
			for _, n := range nets {
				s := n.stats()
				p50, p99 = max(p50, s.AB.Late.P50), max(p99, s.AB.Late.P99)
				out += s.AB.PacketsOut
			}
			s := nets[0].stats().Thread
			b.ReportMetric(float64(sent.Load()-came.Load()), "lost")
			b.ReportMetric(float64(out)/5/float64(b.N), "packets/s")
			b.ReportMetric(float64(p50)/1e3, "late-p50-us")
			b.ReportMetric(float64(p99)/1e3, "late-p99-us")
			b.ReportMetric(s.CPU.Seconds()/s.Running.Seconds(), "engine-cpu")
		})
	}
}

// BenchmarkTimer says what the machine's own wake-ups take, which the figures above are to be held against.
func BenchmarkTimer(b *testing.B) {
	var late []time.Duration
	nsthread.Make(func(func() (netns.NsHandle, error)) error {
		unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
		for b.Loop() {
			want := time.Now().Add(100 * time.Microsecond)
			ts := unix.NsecToTimespec(100_000)
			unix.Ppoll(nil, &ts, nil)
			late = append(late, time.Since(want))
		}
		return nil
	})
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2])/1e3, "us-p50")
	b.ReportMetric(float64(late[len(late)*99/100])/1e3, "us-p99")
}
