package page

import (
	"fmt"
	"html/template"
	"time"

	"github.com/wireproof/wireproof/harness/flow/series"
)

// A plot is a chart with its heading and what its lines are.
type plot struct {
	Title  string
	Note   string
	Legend []legend
	Folded bool // it is there for those who ask
	Chart  template.HTML
}

type legend struct{ Class, Name string }

const (
	tall = 170
	low  = 90
)

// plots are those of one connection. marks are the files in it.
func plots(s *series.Connection, marks []chartMark) []plot {
	span := max(s.Last.Sub(s.First), time.Microsecond)
	all := []plot{throughput(s, span, marks)}
	if s.ToClient.Length > 0 {
		all = append(all, sequence(s, span, marks, true))
	}
	if s.ToServer.Length > 0 {
		up := sequence(s, span, nil, false)
		up.Folded = s.ToServer.Length < s.ToClient.Length/1000 // requests
		all = append(all, up)
	}
	return append(all, roundTrip(s, span, marks))
}

func (c *chart) finish() template.HTML {
	var d drawing
	c.draw(&d)
	return d.html()
}

// throughput is what passed, in steps of several bins: single ones are so short that they show segments rather than rates.
func throughput(s *series.Connection, span time.Duration, marks []chartMark) plot {
	steps := int(min(max(s.ToClient.Segments/8, 12), 120))
	group := max((len(s.Bins)+steps-1)/steps, 1)
	width := s.Width * time.Duration(group)
	type step struct {
		at       time.Duration
		down, up float64 // bit/s
	}
	var all []step
	var high float64
	for i := 0; i < len(s.Bins); i += group {
		var down, up uint64
		n := 0
		for ; n < group && i+n < len(s.Bins); n++ {
			down += s.Bins[i+n].ToClient.Bytes
			up += s.Bins[i+n].ToServer.Bytes
		}
		// A connection shorter than a step, or the rest at its end, is measured by its own length.
		at := s.Width * time.Duration(i)
		lasted := max(min(width, span-at), s.Width).Seconds()
		if span-at < width/2 && i > 0 {
			lasted = width.Seconds()
		}
		one := step{at, float64(down) * 8 / lasted, float64(up) * 8 / lasted}
		all = append(all, one)
		high = max(high, one.down, one.up)
	}
	c := &chart{span: span, high: high * 1.05, scales: rateScales, height: tall, marks: marks}
	c.label = fmt.Sprintf("Throughput over %s: at most %s in any %s", seconds(span), rate(high), seconds(width))
	down, up := &path{}, &path{}
	down.move(0, 0)
	up.move(0, 0)
	for i, one := range all {
		end := span
		if i+1 < len(all) {
			end = all[i+1].at
		}
		down.line(c.x(one.at), c.y(one.down))
		down.line(c.x(end), c.y(one.down))
		up.line(c.x(one.at), c.y(one.up))
		up.line(c.x(end), c.y(one.up))
	}
	down.line(1000, 0)
	c.curves = []curve{{"fill", down}, {"back", up}}
	return plot{
		Title: "Throughput", Note: "Bytes of data in each " + seconds(width) + ", those sent again included.",
		Legend: []legend{{"fill", "to the client"}, {"back", "to the server"}}, Chart: c.finish(),
	}
}

// sequence is the time-sequence plot of one direction.
func sequence(s *series.Connection, span time.Duration, marks []chartMark, toClient bool) plot {
	total, title, height := s.ToClient, "Time and sequence, to the client", float64(tall)
	if !toClient {
		total, title, height = s.ToServer, "Time and sequence, to the server", low
	}
	c := &chart{span: span, high: float64(total.Length), scales: byteScales, height: height, marks: marks}
	c.label = fmt.Sprintf("Time and sequence: %s in %s, %s sent again", size(uint64(total.Length)), seconds(span), count(int(total.Again), "segment"))
	sent, acked, again := &path{}, &path{}, &path{}
	begun, ackBegun := false, false
	var lastAck int64
	for i := range s.Bins {
		f := &s.Bins[i].ToClient
		if !toClient {
			f = &s.Bins[i].ToServer
		}
		from, to := c.x(s.Width*time.Duration(i)), c.x(s.Width*time.Duration(i+1))
		if !f.Sent.Empty() {
			if !begun {
				sent.move(from, c.y(float64(f.Sent.Low)))
				begun = true
			}
			sent.line(from, c.y(float64(f.Sent.Low)))
			sent.line(to, c.y(float64(f.Sent.High)))
		}
		if f.Acked > lastAck {
			if !ackBegun {
				acked.move(from, 0)
				ackBegun = true
			}
			acked.line(from, c.y(float64(lastAck)))
			acked.line(to, c.y(float64(f.Acked)))
			lastAck = f.Acked
		}
		if !f.SentAgain.Empty() {
			x, low, high := (from+to)/2, c.y(float64(f.SentAgain.Low)), c.y(float64(f.SentAgain.High))
			again.dot(x, low)
			if high > low {
				again.line(x, high)
			}
		}
	}
	c.curves = []curve{{"sent", sent}, {"acked", acked}, {"again", again}}
	p := plot{Title: title, Chart: c.finish(), Legend: []legend{{"sent", "sent"}, {"acked", "acknowledged"}}}
	if total.Again > 0 {
		p.Legend = append(p.Legend, legend{"again", "sent again"})
	}
	p.Note = fmt.Sprintf("Offset in the stream over time: %s, %s, %s of them sent again.",
		size(uint64(total.Length)), count(int(total.Segments), "segment"), thousands(total.Again))
	return p
}

// roundTrip is that of data to the client, as seen from where the capture was made.
func roundTrip(s *series.Connection, span time.Duration, marks []chartMark) plot {
	const steps = 200
	group := max((len(s.Bins)+steps-1)/steps, 1)
	p := plot{Title: "Round trip"}
	if s.HandshakeRTT > 0 {
		p.Note = "The handshake's round trip was " + seconds(s.HandshakeRTT) + ". "
	}
	type step struct{ at, end, low, mean, high time.Duration }
	var all []step
	var high, lowest time.Duration
	for i := 0; i < len(s.Bins); i += group {
		var f series.Flow
		for _, b := range s.Bins[i:min(i+group, len(s.Bins))] {
			if b.ToClient.RTTs == 0 {
				continue
			}
			if f.RTTs == 0 {
				f.RTTMin = b.ToClient.RTTMin
			}
			f.RTTMin, f.RTTMax = min(f.RTTMin, b.ToClient.RTTMin), max(f.RTTMax, b.ToClient.RTTMax)
			f.RTTSum += b.ToClient.RTTSum
			f.RTTs += b.ToClient.RTTs
		}
		if f.RTTs == 0 {
			continue
		}
		one := step{s.Width * time.Duration(i), s.Width * time.Duration(i+group), f.RTTMin, f.RTTSum / time.Duration(f.RTTs), f.RTTMax}
		if len(all) == 0 || one.low < lowest {
			lowest = one.low
		}
		high = max(high, one.high)
		all = append(all, one)
	}
	if len(all) == 0 {
		p.Note += "No segment with data was acknowledged that had been sent only once, so nothing else can be measured."
		return p
	}
	c := &chart{span: span, high: high.Seconds() * 1.05, scales: timeScales, height: tall * .8, marks: marks}
	c.label = fmt.Sprintf("Round trip over time: between %s and %s", seconds(lowest), seconds(high))
	band, mean := &path{}, &path{}
	for i, one := range all {
		x := c.x((one.at + one.end) / 2)
		band.move(x, c.y(one.low.Seconds()))
		band.b.WriteString(fmt.Sprintf("V%d", 1000-c.y(one.high.Seconds())))
		if i == 0 || one.at-all[i-1].end > span/25 {
			mean.dot(x, c.y(one.mean.Seconds())) // nothing is known of what lies between
		}
		mean.line(x, c.y(one.mean.Seconds()))
	}
	c.curves = []curve{{"band", band}, {"sent", mean}}
	p.Legend = []legend{{"sent", "mean"}, {"band", "lowest to highest"}}
	p.Note += fmt.Sprintf("From a segment to the client to its acknowledgement, at the capture: %s to %s. Segments sent twice do not count.", seconds(lowest), seconds(high))
	p.Chart = c.finish()
	return p
}
