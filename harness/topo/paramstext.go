package topo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseLinkParams reads parameters as the command line has them, parted by commas:
//
//	rate=10Mbit,delay=10ms,jitter=2ms,dist=normal,loss=1%
//
// The keys are rate, delay, jitter, dist, loss, gemodel, drop, duplicate, reorder, gap, corrupt,
// queue, queuebytes, ecn, mtu, trace and perflow; docs/links.md describes each. drop may
// be given several times, and its value may contain commas. A rate or a delay may
// stand without its key. The error joins a *Mistake for each value that cannot be
// read; ranges are for Topo.Validate to check.
func ParseLinkParams(text string, open TraceOpener) (LinkParams, error) {
	var p LinkParams
	var m mistakes
	p.apply(text, open, &m, "link parameters")
	return p, m.err()
}

// Text returns p as ParseLinkParams reads it, without the schedule. Of a trace it has
// the name. It is empty for the zero LinkParams.
func (p LinkParams) Text() string {
	var s []string
	for _, each := range parameters {
		if each.asked(p) {
			s = append(s, each.key+"="+each.get(p))
		}
	}
	return strings.Join(s, ",")
}

// printItems returns those parameters of p that items name.
func printItems(p LinkParams, items []linkItem) string {
	var s []string
	for _, each := range parameters {
		if slices.ContainsFunc(items, func(i linkItem) bool { return i.key == each.key }) {
			s = append(s, each.key+"="+each.get(p))
		}
	}
	return strings.Join(s, ",")
}

// A linkItem is one key=value of a text.
type linkItem struct{ key, value string }

// cutItems parts a text at the commas behind which a new key begins, so that a value
// may contain others.
func cutItems(text string) []linkItem {
	var items []linkItem
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		switch {
		case ok:
			items = append(items, linkItem{key, strings.TrimSpace(value)})
		case key == "perflow":
			items = append(items, linkItem{key, "yes"})
		case len(items) > 0 && items[len(items)-1].key == "drop":
			items[len(items)-1].value += "," + part
		default:
			items = append(items, bareItem(strings.TrimSpace(part)))
		}
	}
	return items
}

// bareItem tells what a value without a key is for. What could be both a delay and a rate,
// such as 10m, is neither.
func bareItem(value string) linkItem {
	_, notDelay := time.ParseDuration(value)
	_, notRate := ParseBitRate(value)
	switch {
	case notDelay == nil && notRate != nil:
		return linkItem{"delay", value}
	case notRate == nil && notDelay != nil:
		return linkItem{"rate", value}
	}
	return linkItem{"", value}
}

// apply changes what text names, and adds what it cannot read to m. It returns the items
// that it met.
func (p *LinkParams) apply(text string, open TraceOpener, m *mistakes, where string) []linkItem {
	items := cutItems(text)
	seen := map[string]bool{}
	for _, item := range items {
		at := slices.IndexFunc(parameters, func(each parameter) bool { return each.key == item.key })
		if at < 0 {
			p.unknown(item, m, where)
			continue
		}
		if item.key == "drop" && !seen["drop"] {
			p.Drop = nil // the first replaces what was there, and shares nothing with it
		} else if item.key != "drop" && seen[item.key] {
			m.add(where, item.key+" is given twice", "give it once")
		}
		seen[item.key] = true
		switch each := parameters[at]; {
		case item.key == "trace":
			p.openTrace(item.value, open, m, where)
		case each.set(p, item.value):
		case item.key == "drop":
			checkFilter(m, where, item.value, nil)
		default:
			m.add(where, fmt.Sprintf("%s %s", item.key, strconv.QuoteToASCII(clip(item.value))), "use "+each.want)
		}
	}
	return items
}

// unknown reports an item whose key there is not.
func (p *LinkParams) unknown(item linkItem, m *mistakes, where string) {
	if item.key == "" {
		m.add(where, strconv.QuoteToASCII(clip(item.value))+" is no parameter", "write it as key=value, like delay=10ms")
		return
	}
	var keys []string
	for _, each := range parameters {
		keys = append(keys, each.key)
	}
	remedy := "there are " + strings.Join(keys, ", ")
	if n := nearest(item.key, keys); n != "" {
		remedy = "did you mean " + n + "? " + remedy
	}
	m.add(where, "there is no parameter "+strconv.QuoteToASCII(clip(item.key)), remedy)
}

// openTrace reads the file of a trace.
func (p *LinkParams) openTrace(name string, open TraceOpener, m *mistakes, where string) {
	bad := func(err error) {
		what, remedy := halves(err)
		m.add(where, "trace "+quotedFile(name)+": "+what, remedy)
	}
	if open == nil {
		m.add(where, "trace "+quotedFile(name)+" cannot be read here", "set it as a value: LinkTrace")
		return
	}
	file, err := open(name)
	if err != nil {
		m.add(where, fmt.Sprintf("trace %s: %v", quotedFile(name), err), "give a file that exists and can be read")
		return
	}
	defer file.Close()
	times, err := ParseTrace(file)
	if err != nil {
		bad(err)
		return
	}
	p.Trace = &LinkTrace{Name: name, Times: times}
}

// String returns what p asks for, such as "10Mbit 1ms loss 5% queue 100", or
// "unshaped". It is for people: Text is for ParseLinkParams.
func (p LinkParams) String() string {
	var s []string
	add := func(asked bool, text string) {
		if asked {
			s = append(s, text)
		}
	}
	share := func(name string, value float64) { add(value != 0, name+" "+percent(value)) }
	count := func(name string, n int) { add(n != 0, name+" "+strconv.Itoa(n)) }
	add(p.Rate != 0, p.Rate.String())
	if p.Trace != nil {
		s = append(s, "trace "+p.Trace.Name)
	}
	delay := p.Delay.String()
	if p.Jitter != 0 {
		delay += "±" + p.Jitter.String()
		if p.Distribution != "" && p.Distribution != Uniform {
			delay += " " + string(p.Distribution)
		}
	}
	add(p.Delay != 0 || p.Jitter != 0, delay)
	share("loss", p.LossPercent)
	add(p.Gilbert != GilbertElliott{}, "bursts "+percent(p.Gilbert.PPercent)+"/"+percent(p.Gilbert.R()))
	add(len(p.Drop) > 0, "drop "+strings.Join(p.Drop, ", "))
	share("duplicate", p.DuplicatePercent)
	share("reorder", p.ReorderPercent)
	share("corrupt", p.CorruptPercent)
	count("queue", p.MaxQueue)
	count("queue bytes", p.MaxQueueBytes)
	count("ecn", p.ECNThreshold)
	count("mtu", p.MTU)
	add(p.PerFlow, "per flow")
	for _, c := range p.Schedule {
		s = append(s, c.String())
	}
	if len(s) == 0 {
		return "unshaped"
	}
	return strings.Join(s, " ")
}
