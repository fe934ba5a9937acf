package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
)

// maxMininetMbit is the rate above which TCIntf.bwCmds sets none (mininet.link, bwParamMax).
const maxMininetMbit = 1000

// shape reads what TCIntf.config was given, and says what of it has no place in LinkParams.
func shape(given map[string]json.RawMessage) (p topo.LinkParams, without []string) {
	lost := func(format string, a ...any) { without = append(without, fmt.Sprintf(format, a...)) }
	for _, key := range slices.Sorted(maps.Keys(given)) {
		text := strings.Trim(string(given[key]), `"`)
		switch key {
		case "bw":
			mbit, err := strconv.ParseFloat(text, 64)
			switch {
			case err != nil || !(mbit > 0):
				lost("bw=%s is no rate in Mbit/s", text)
			case mbit > maxMininetMbit:
				lost("bw=%s is more than the %d Mbit/s that Mininet takes, and so it sets no rate, here as there", text, maxMininetMbit)
			default:
				p.Rate = topo.BitRate(math.Round(mbit * float64(topo.Mbit)))
			}
		case "delay", "jitter":
			d, ok := tcTime(text)
			if !ok {
				lost("%s=%s is no time that tc reads", key, text)
			} else if key == "delay" {
				p.Delay = d
			} else {
				p.Jitter = d
			}
		case "loss":
			share, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
			if err != nil || !(share >= 0 && share <= 100) {
				lost("loss=%s is no percentage", text)
				continue
			}
			p.LossPercent = share
		case "max_queue_size":
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				lost("max_queue_size=%s is no number of packets", text)
				continue
			}
			p.MaxQueue = n
		case "use_htb":
		case "use_hfsc", "use_tbf":
			if text == "true" {
				lost("%s is not represented: rates are htb's, as Mininet's are without it", key)
			}
		default: // speedup, latency_ms, enable_ecn, enable_red
			if text != "false" && text != "0" {
				lost("%s=%s is not represented", key, text)
			}
		}
	}
	if p.Jitter > p.Delay {
		lost("jitter %v is more than the delay, and is cut to %v", p.Jitter, p.Delay)
		p.Jitter = p.Delay
	}
	return p, without
}

// tcTime reads a time as tc does (iproute2, lib/utils_math.c, get_time): a number alone is in microseconds.
func tcTime(s string) (time.Duration, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	split := strings.IndexFunc(s, func(c rune) bool { return (c < '0' || c > '9') && c != '.' && c != '+' && c != '-' })
	number, unit := s, ""
	if split >= 0 {
		number, unit = s[:split], strings.TrimSpace(s[split:])
	}
	scale, ok := map[string]time.Duration{
		"": time.Microsecond, "s": time.Second, "sec": time.Second, "secs": time.Second,
		"ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond,
		"us": time.Microsecond, "usec": time.Microsecond, "usecs": time.Microsecond,
		"ns": time.Nanosecond, "nsec": time.Nanosecond, "nsecs": time.Nanosecond,
	}[unit]
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(scale)
	if !ok || err != nil || !(f >= 0 && f <= float64(time.Hour)) {
		return 0, false
	}
	return time.Duration(math.Round(f)), true
}

func same(a, b map[string]json.RawMessage) bool {
	return maps.EqualFunc(a, b, func(x, y json.RawMessage) bool { return string(x) == string(y) })
}
