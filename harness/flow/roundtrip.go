package flow

import "time"

// RoundTrips are times from a segment with data to the acknowledgement of its last byte, both where the segment's direction
// is counted: the way from there to the receiver and back, and what the receiver delays its
// acknowledgement. As RFC 6298 has it, one segment is timed at a time, and none that was sent again.
type RoundTrips struct {
	Samples uint64        `json:"samples"`
	Min     time.Duration `json:"min_ns"`
	Mean    time.Duration `json:"mean_ns"`
	Max     time.Duration `json:"max_ns"`
}

// timing makes RoundTrips of one direction.
type timing struct {
	running bool
	end     int64 // offset behind the segment that is timed
	start   int64 // when it was seen
	sum     int64
	r       RoundTrips
}

// sent is told of each segment with data that is counted.
func (t *timing) sent(end, now int64, again bool) {
	switch {
	case again: // what the next acknowledgement is for is not known (Karn)
		t.running = false
	case !t.running:
		t.running, t.end, t.start = true, end, now
	}
}

// acknowledged is told of each acknowledgement seen where the segments are counted.
func (t *timing) acknowledged(off, now int64) {
	if !t.running || off < t.end {
		return
	}
	t.running = false
	d := time.Duration(now - t.start)
	if d < 0 { // the capture's clock went back
		return
	}
	t.r.Samples++
	t.sum += int64(d)
	t.r.Max = max(t.r.Max, d)
	if t.r.Min == 0 || d < t.r.Min {
		t.r.Min = d
	}
}

func (t *timing) result() RoundTrips {
	r := t.r
	if r.Samples > 0 {
		r.Mean = time.Duration(t.sum / int64(r.Samples))
	}
	return r
}

// Estimate is the connection's round trip: the handshake's where it was seen; else the least of both directions
// together, where each was counted at the same interface. 0: not known.
func (c *Connection) Estimate() time.Duration {
	switch {
	case c.RoundTrip > 0:
		return c.RoundTrip
	case c.Interface != c.ClientInterface:
		return 0
	}
	return c.ToClientTrips.Min + c.ToServerTrips.Min
}
