package scenarios

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/topo"
)

// Facts are what a network is, as its own hosts find it.
type Facts struct {
	Interfaces []string `json:"interfaces"` // "h1-eth0 00:00:00:00:00:01 10.0.0.1/8", of all hosts
	Reached    []string `json:"reached"`    // "h1>h2": h1 has a connection to h2
	Paths      []Path   `json:"paths"`      // one for each client and server of the scenario
}

// A Path is what was measured from a server to a client, and what the links between them are asked for.
type Path struct {
	Client      string        `json:"client"`
	Server      string        `json:"server"`
	RTT         time.Duration `json:"rtt_ns"`
	AskedRTT    time.Duration `json:"asked_rtt_ns"` // the links' delays, there and back
	Rate        topo.BitRate  `json:"rate_bps"`     // from server to client, of whole frames
	AskedRate   topo.BitRate  `json:"asked_rate_bps"`
	LossPercent float64       `json:"loss_percent,omitempty"` // of the links: a rate is then TCP's and not the link's
	// TimerLate is how late this machine's timers were meanwhile, at the 75th percentile: qdiscs and engines work by timers.
	TimerLate time.Duration `json:"timer_late_ns"`
	Delays    int           `json:"delays,omitempty"` // how many times a round trip is delayed
}

const (
	// tolerance is Mininet's own for its performance tests (mininet/test/test_hifi.py).
	tolerance = 0.2
	// Whatever else a busy machine does comes and goes; a link that is not what it was asked to be stays so.
	measureTries = 5

	measureTimeout = 2 * time.Minute
	measurePort    = 7 // nobody else's: servers have protocol.DefaultPort
	rateTime       = 300 * time.Millisecond
	warmTime       = 100 * time.Millisecond // TCP's slow start is over
	pings          = 15
)

// factsOf looks at a network that is up.
func factsOf(ctx context.Context, n *harness.Network, s Scenario) (Facts, error) {
	var f Facts
	for _, h := range s.Topo.Hosts {
		lines, err := interfacesOf(n.Host(h.Name))
		if err != nil {
			return f, err
		}
		f.Interfaces = append(f.Interfaces, lines...)
		l, err := n.Host(h.Name).Listen(ctx, "tcp4", fmt.Sprintf(":%d", measurePort))
		if err != nil {
			return f, err
		}
		defer l.Close()
		go answer(l)
	}
	for _, a := range s.Topo.Hosts {
		for _, b := range s.Topo.Hosts {
			if a.Name == b.Name {
				continue
			}
			c, err := dial(ctx, n, a.Name, b.Name)
			if err != nil {
				if ctx.Err() != nil {
					return f, context.Cause(ctx)
				}
				continue
			}
			c.Close()
			f.Reached = append(f.Reached, a.Name+">"+b.Name)
		}
	}
	for _, fetch := range s.Fetches() {
		p := askedOf(s.Topo, fetch.Client, fetch.Server)
		if slices.ContainsFunc(f.Paths, func(q Path) bool { return q.Client == p.Client && q.Server == p.Server }) {
			continue
		}
		for try := 1; ; try++ {
			if err := p.measure(ctx, n); err != nil {
				return f, fmt.Errorf("measure %s to %s: %w", p.Server, p.Client, err)
			}
			if try == measureTries || p.RTTOff() <= tolerance && p.RateOff() <= tolerance {
				break
			}
		}
		f.Paths = append(f.Paths, p)
	}
	return f, nil
}

// interfacesOf are a host's interfaces as the kernel has them, lo apart.
func interfacesOf(h *harness.Host) (lines []string, err error) {
	err = h.Do(func() error {
		all, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Flags&net.FlagLoopback != 0 {
				continue
			}
			addrs, err := i.Addrs()
			if err != nil {
				return err
			}
			line := i.Name + " " + i.HardwareAddr.String()
			for _, a := range addrs {
				line += " " + a.String()
			}
			lines = append(lines, line)
		}
		return nil
	})
	return lines, err
}

// answer serves connections until l is closed: one byte asks for itself, or, if it is 's', for bytes until the other ends.
func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			asked := make([]byte, 1)
			chunk := make([]byte, 64<<10)
			for {
				if _, err := io.ReadFull(c, asked); err != nil {
					return
				}
				if asked[0] == 's' {
					for err == nil {
						_, err = c.Write(chunk)
					}
					return
				}
				if _, err := c.Write(asked); err != nil {
					return
				}
			}
		}()
	}
}

func dial(ctx context.Context, n *harness.Network, from, to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := n.Host(from).Dial(ctx, "tcp4", fmt.Sprintf("%s:%d", to, measurePort))
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(20 * time.Second))
}

// measure finds the path's round trip, the median of some, and the rate at which the server's bytes arrive.
func (p *Path) measure(ctx context.Context, n *harness.Network) error {
	c, err := dial(ctx, n, p.Client, p.Server)
	if err != nil {
		return err
	}
	defer c.Close()
	trips := make([]time.Duration, pings)
	one := []byte{'?'}
	for i := range trips {
		began := time.Now()
		if _, err := c.Write(one); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, one); err != nil {
			return err
		}
		trips[i] = time.Since(began)
	}
	slices.Sort(trips)
	p.RTT = trips[pings/2]
	p.TimerLate = timerLate()

	if _, err := c.Write([]byte{'s'}); err != nil {
		return err
	}
	chunk := make([]byte, 256<<10)
	began, from, total := time.Now(), time.Time{}, 0
	for {
		k, err := c.Read(chunk)
		if err != nil {
			return err
		}
		now := time.Now()
		switch {
		case !from.IsZero():
			total += k
		case now.Sub(began) >= warmTime:
			from = now
		}
		if !from.IsZero() && now.Sub(from) >= rateTime {
			// Frames of 1,514 bytes carry 1,448: Ethernet, IPv4 and TCP with time stamps have the rest.
			kbit := float64(total) * 8 * 1514 / 1448 / now.Sub(from).Seconds() / 1000
			p.Rate = topo.BitRate(math.Round(kbit)) * 1000
			return nil
		}
	}
}

// timerLate is how late timers are now, at the 75th percentile.
func timerLate() time.Duration {
	const wanted = 500 * time.Microsecond
	late := make([]time.Duration, 16)
	for i := range late {
		began := time.Now()
		time.Sleep(wanted)
		late[i] = time.Since(began) - wanted
	}
	slices.Sort(late)
	return late[len(late)*3/4]
}

// htbBurst is what htb lets go at once, in bits, as Mininet and package harness set it: what a late timer costs beyond that
// is lost to the rate.
const htbBurst = 15 << 10 * 8

// slow says that the path is slower than asked for no more than late timers make any: then nothing is known of the links.
func (p Path) slow() (rtt, rate bool) {
	rtt = p.RTT > p.AskedRTT && p.RTT-p.AskedRTT <= time.Duration(p.Delays+1)*p.TimerLate
	rate = p.Rate < p.AskedRate && p.TimerLate.Seconds()*float64(p.AskedRate) >= htbBurst
	return rtt, rate
}

// askedOf is what the shortest way from server to client is asked for. Of ways of the same length their rates are the
// same in all parts.
func askedOf(t topo.Topo, client, server string) Path {
	p := Path{Client: client, Server: server}
	type step struct {
		node string
		via  []topo.Link // turned so that A is nearer to the server
	}
	seen := map[string]bool{server: true}
	for queue := []step{{node: server}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.node == client {
			for _, l := range at.via {
				p.AskedRTT += l.AB.Delay + l.BA.Delay
				for _, d := range []time.Duration{l.AB.Delay, l.BA.Delay} {
					if d > 0 {
						p.Delays++
					}
				}
				if l.AB.Rate != 0 && (p.AskedRate == 0 || l.AB.Rate < p.AskedRate) {
					p.AskedRate = l.AB.Rate
				}
				p.LossPercent = max(p.LossPercent, l.AB.LossPercent, l.BA.LossPercent)
			}
			return p
		}
		for _, l := range t.Links {
			if l.B == at.node {
				l.A, l.B, l.AB, l.BA = l.B, l.A, l.BA, l.AB
			}
			if l.A == at.node && !seen[l.B] {
				seen[l.B] = true
				queue = append(queue, step{l.B, append(slices.Clip(at.via), l)})
			}
		}
	}
	return p
}

// RTTOff is how far the round trip is from what was asked for, as a share of that; 0 where nothing was.
func (p Path) RTTOff() float64 {
	if p.AskedRTT == 0 {
		return 0
	}
	return math.Abs(float64(p.RTT)/float64(p.AskedRTT) - 1)
}

// RateOff is how far the rate is from what was asked for, as a share of that; 0 where nothing was, or packets are lost.
func (p Path) RateOff() float64 {
	if p.AskedRate == 0 || p.LossPercent > 0 {
		return 0
	}
	return math.Abs(float64(p.Rate)/float64(p.AskedRate) - 1)
}

// within checks what was measured against what was asked for.
func (f Facts) within(b Backend) []flow.Check {
	check := func(name string, asked, slow func(Path) bool, off func(Path) float64, text func(Path) string) []flow.Check {
		paths := slices.DeleteFunc(slices.Clone(f.Paths), func(p Path) bool { return !asked(p) })
		if len(paths) == 0 {
			return nil
		}
		worst := slices.MaxFunc(paths, func(p, q Path) int {
			return int(1e6 * (off(p) - off(q)))
		})
		c := flow.Check{Name: name, Verdict: flow.Pass,
			Detail: fmt.Sprintf("%s: %s, %.0f %% off at most, over %d paths", b, text(worst), 100*off(worst), len(paths))}
		if off(worst) > tolerance {
			c.Verdict = flow.Inconclusive
			c.Detail += fmt.Sprintf("; %.0f %% are allowed", 100*tolerance)
			if slices.ContainsFunc(paths, func(p Path) bool { return off(p) > tolerance && !slow(p) }) {
				c.Verdict = flow.Fail
			} else {
				c.Detail += fmt.Sprintf(", and this machine's timers are %v late: try again when it is less busy, or on a faster one", worst.TimerLate.Round(time.Microsecond))
			}
		}
		return []flow.Check{c}
	}
	return append(
		check("round trip", func(p Path) bool { return p.AskedRTT > 0 }, func(p Path) bool { rtt, _ := p.slow(); return rtt }, Path.RTTOff,
			func(p Path) string { return fmt.Sprintf("%s to %s: %v of %v", p.Client, p.Server, p.RTT, p.AskedRTT) }),
		check("rate", func(p Path) bool { return p.AskedRate > 0 && p.LossPercent == 0 }, func(p Path) bool { _, rate := p.slow(); return rate }, Path.RateOff,
			func(p Path) string { return fmt.Sprintf("%s to %s: %v of %v", p.Server, p.Client, p.Rate, p.AskedRate) })...)
}
