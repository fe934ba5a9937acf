package topo

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

const (
	minMTU = 68    // RFC 791 section 3.2: what every IPv4 network carries
	maxMTU = 65535 // the IP header's field for the length
)

// check adds what is wrong with p. hosts are the names that filters may use; nil: any.
func (p LinkParams) check(m *mistakes, where string, hosts []string) {
	p.checkNumbers(m, where)
	if p.Jitter < 0 || p.Jitter > maxDelay {
		m.add(where, "jitter "+p.Jitter.String()+" is out of range", "use 0 to "+maxDelay.String())
	} else if p.Jitter > p.Delay && p.Delay >= 0 {
		m.add(where, "jitter "+p.Jitter.String()+" is more than the delay of "+p.Delay.String(),
			"use at most the delay: no packet arrives before it is sent")
	}
	if _, err := ParseDistribution(string(p.Distribution)); err != nil {
		what, remedy := halves(err)
		m.add(where, what, remedy)
	}
	if p.Gilbert.PPercent == 0 && p.Gilbert != (GilbertElliott{}) {
		m.add(where, "gemodel without p", "give the chance to go from good to bad, above 0 and up to 100")
	}
	if p.ReorderPercent > 0 && p.Delay == 0 {
		m.add(where, "reorder without delay", "give a delay: only a packet that waits can be overtaken")
	}
	if p.ReorderGap < 0 || p.ReorderGap > 0 && p.ReorderPercent == 0 {
		m.add(where, fmt.Sprintf("reorder gap %d with reorder %v%%", p.ReorderGap, p.ReorderPercent), "use a gap of 1 or more, and a share above 0")
	}
	if p.Trace != nil {
		if err := p.Trace.Times.Validate(); err != nil {
			what, remedy := halves(err)
			m.add(where, "trace "+quotedFile(p.Trace.Name)+": "+what, remedy)
		}
		if p.Rate != 0 {
			m.add(where, "rate "+p.Rate.String()+" beside trace "+quotedFile(p.Trace.Name), "use one of them: the trace is the rate")
		}
	}
	for _, text := range p.Drop {
		checkFilter(m, where, text, hosts)
	}
	p.checkSchedule(m, where, hosts)
}

// checkNumbers adds the numbers of p that are out of range.
func (p LinkParams) checkNumbers(m *mistakes, where string) {
	if p.Rate != 0 && p.Rate < minRate {
		m.add(where, "rate "+p.Rate.String()+" is less than a byte a second", "use 0 for an unshaped link, or at least "+minRate.String())
	}
	if p.Rate > maxRate {
		m.add(where, "rate "+p.Rate.String()+" is more than can be shaped", "use 0 for an unshaped link, or at most "+maxRate.String())
	}
	if p.Delay < 0 || p.Delay > maxDelay {
		m.add(where, "delay "+p.Delay.String()+" is out of range", "use 0 to "+maxDelay.String())
	}
	for _, share := range p.shares() {
		if !(*share.percent >= 0 && *share.percent <= 100) { // not a number is out of range too
			m.add(where, fmt.Sprintf("%s %v%% is out of range", share.name, *share.percent), "use 0 to 100")
		}
	}
	for _, queue := range []struct {
		what string
		size int
	}{{"queue of %d frames", p.MaxQueue}, {"queue of %d bytes", p.MaxQueueBytes}} {
		if queue.size < 0 || queue.size > maxQueue {
			m.add(where, fmt.Sprintf(queue.what+" is out of range", queue.size), fmt.Sprintf("use 0 for the engine's own, or 1 to %d", maxQueue))
		}
	}
	switch {
	case p.ECNThreshold < 0 || p.ECNThreshold > maxQueue:
		m.add(where, fmt.Sprintf("ECN threshold of %d frames is out of range", p.ECNThreshold), fmt.Sprintf("use 0 for no marks, or 1 to %d", maxQueue))
	case p.MaxQueue > 0 && p.ECNThreshold > 0 && p.ECNThreshold >= p.MaxQueue:
		m.add(where, fmt.Sprintf("ECN threshold of %d frames is never met in a queue of %d", p.ECNThreshold, p.MaxQueue), "use a threshold below the queue")
	}
	if p.MTU != 0 && (p.MTU < minMTU || p.MTU > maxMTU) {
		m.add(where, fmt.Sprintf("MTU of %d bytes is out of range", p.MTU), fmt.Sprintf("use 0 for none, or %d to %d", minMTU, maxMTU))
	}
}

// checkFilter adds what is wrong with one filter of Drop.
func checkFilter(m *mistakes, where, text string, hosts []string) {
	f, err := ParseFilter(text)
	if e := (*FilterError)(nil); errors.As(err, &e) {
		m.add(where, fmt.Sprintf("drop %q: cannot read it at %s", e.Filter, e.place()), "give "+e.Want)
		return
	}
	if hosts == nil {
		return
	}
	for _, name := range f.Hosts() {
		if _, err := netip.ParseAddr(name); err == nil || slices.Contains(hosts, name) {
			continue
		}
		remedy := "there are " + list(legible(hosts))
		if n := nearest(name, hosts); n != "" {
			remedy = "did you mean " + n + "? " + remedy
		}
		m.add(where, fmt.Sprintf("drop %q: there is no host %s", clip(text), strconv.QuoteToASCII(clip(name))), remedy)
	}
}

// halves cuts an error whose text ends in ": remedy".
func halves(err error) (what, remedy string) {
	text := err.Error()
	for i := len(text) - 2; i > 0; i-- {
		if text[i:i+2] == ": " {
			return text[:i], text[i+2:]
		}
	}
	return text, "correct it"
}

func quotedFile(name string) string { return strconv.QuoteToASCII(clip(name)) }
