package harness

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/wireproof/wireproof/harness/internal/impaired"
	"github.com/wireproof/wireproof/harness/topo"
)

// initialWindow is what TCP sends before the first acknowledgement, in segments: RFC 6928, and the kernel's default. Every
// host's route says it.
const initialWindow = 10

// tcpSettings are what every host's TCP is pinned to, so that a result does not depend on the machine: the kernel's defaults
// as of Linux 3.17 to 6.18, but for the metrics cache, which would let one transfer learn from another, and ECN. Explicit
// congestion notification is asked for (RFC 3168) where a link of the network marks packets, and else off: by default the
// kernel accepts it and never asks.
func tcpSettings(t topo.Topo) []sysctl {
	ecn := "0"
	if marks(t) {
		ecn = "1"
	}
	return []sysctl{
		{"net/ipv4/tcp_no_metrics_save", "1", false},
		{"net/ipv4/tcp_sack", "1", false},
		{"net/ipv4/tcp_dsack", "1", false},
		{"net/ipv4/tcp_timestamps", "1", false},
		{"net/ipv4/tcp_window_scaling", "1", false},
		{"net/ipv4/tcp_ecn", ecn, false},
		{"net/ipv4/tcp_moderate_rcvbuf", "1", false},
		{"net/ipv4/tcp_slow_start_after_idle", "1", false},
		{"net/ipv4/tcp_mtu_probing", "0", false},
		{"net/ipv4/tcp_recovery", "1", true}, // RACK, RFC 8985
		// Bytes: least, at the start, most. The kernel lowers the last on machines with little memory.
		{"net/ipv4/tcp_rmem", "4096 131072 6291456", true},
		{"net/ipv4/tcp_wmem", "4096 16384 4194304", true},
	}
}

// marks says that some link of t marks packets, now or later.
func marks(t topo.Topo) bool {
	return anyStep(t, func(p topo.LinkParams) bool { return p.ECNThreshold > 0 })
}

// neighbourAsks is how often hosts ask for a neighbour's address where links lose frames, as ARP has no other remedy. By the kernel's
// three, one connection in 160 over two links that lose 5 % ends as "no route to host" before it begins.
const neighbourAsks = 12

// loses says that some link of t loses frames by chance, now or later.
func loses(t topo.Topo) bool {
	return anyStep(t, func(p topo.LinkParams) bool {
		return p.LossPercent > 0 || p.Gilbert.PPercent > 0 || p.CorruptPercent > 0
	})
}

// anyStep says whether some link of t has such parameters in some direction, now or later.
func anyStep(t topo.Topo, such func(topo.LinkParams) bool) bool {
	for _, l := range t.Links {
		for _, p := range []topo.LinkParams{l.AB, l.BA} {
			if slices.ContainsFunc(impaired.Steps(p), func(step impaired.Step) bool { return such(step.Params) }) {
				return true
			}
		}
	}
	return false
}

// TCP returns the settings of the host's TCP that change results, as the kernel has them now: those of net.ipv4 under their
// own names ("tcp_sack": "1"), the congestion control as "congestion", and the initial window, in segments, as "initcwnd".
// Settings that the kernel lacks are left out.
func (h *Host) TCP() (map[string]string, error) {
	settings := map[string]string{"initcwnd": strconv.Itoa(initialWindow)}
	err := h.do(func() error {
		read := func(path string) (string, error) {
			text, err := os.ReadFile("/proc/sys/" + path)
			return strings.Join(strings.Fields(string(text)), " "), err
		}
		for _, s := range tcpSettings(h.n.topo) {
			value, err := read(s.path)
			switch {
			case err == nil:
				settings[s.path[len("net/ipv4/"):]] = value
			case !s.optional || !os.IsNotExist(err):
				return err
			}
		}
		congestion, err := read("net/ipv4/tcp_congestion_control")
		if h.node.congestion != "" {
			congestion = h.node.congestion // of the routes
		}
		settings["congestion"] = congestion
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("host %s: TCP settings: %w", h.name, err)
	}
	return settings, nil
}
