package link

import "github.com/wireproof/wireproof/harness/flow"

// agree compares what the captures show with what the engine counted, where both are of the same packets.
func (j *judge) agree() {
	e, c := j.e, j.c
	if c.Engine == "" || !c.Exact {
		return
	}
	have, want := e.Sent, c.Packets
	spare := c.Lost.Engine // what it lost before it saw it
	switch c.Place {
	case Before:
		want -= min(c.Lost.Chance+c.Lost.Listed, want)
		spare += c.Lost.others() + c.InFlight
	case Behind:
		have = e.Received + e.Duplicated
	}
	if c.Packets > 0 && (have > want+spare || c.Place == Before && have+spare < want || c.Place != Before && have < want) {
		j.add(flow.Inconclusive, "engine %s met %s, the captures show %s: they are not of the same time", c.Engine, count(want, "packet"), count(have, "packet"))
		return
	}
	if c.Place != Between {
		return
	}
	lost := e.Lost + e.OtherLost
	least, most := c.Lost.Chance+c.Lost.Listed, c.Lost.Total()+c.InFlight
	// Marker frames of captures are in no capture, and may be among what a full queue lost.
	switch {
	case e.Lost < least:
		j.add(flow.Fail, "engine %s lost %s by chance or by filter, the captures show %s", c.Engine, count(least, "packet"), thousands(e.Lost))
		return
	case lost > most+e.Unsettled:
		j.add(flow.Fail, "the captures show %s lost, engine %s counts %s", count(lost, "packet"), c.Engine, thousands(most))
		return
	case lost > most:
		j.add(flow.Inconclusive, "the captures show %s lost, engine %s counts %s; %s sent shortly before the captures ended", count(lost, "packet"), c.Engine, thousands(most), count(e.Unsettled, "packet"))
		return
	}
	spare = c.InFlight + c.Lost.others()
	for _, pair := range []struct {
		seen, counted uint64
		what          string
	}{{e.Duplicated, c.Duplicated, "duplicate"}, {e.Corrupted, c.Corrupted, "corrupted packet"}} {
		if pair.seen > pair.counted || pair.seen+spare < pair.counted {
			j.add(flow.Fail, "the captures show %s, engine %s counts %s", count(pair.seen, pair.what), c.Engine, thousands(pair.counted))
			return
		}
	}
	j.add(flow.Pass, "the captures and engine %s agree: %s lost, %s, %s", c.Engine, thousands(e.Lost), count(e.Duplicated, "duplicate"), count(e.Corrupted, "corrupted packet"))
}
