package topo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// TraceBytes is what one opportunity of a trace delivers, in bytes of IP packets: one of
// full length. Mahimahi's own figure, PACKET_SIZE = 1504 in src/frontend/link_queue.hh,
// counts 4 bytes of its tunnel device.
const TraceBytes = 1500

// MaxTraceLines bounds a trace; it is over a day at 100 Mbit/s.
const MaxTraceLines = 1 << 30

// A Trace is a link as it was recorded: the times, in milliseconds from the
// start, at which it could deliver TraceBytes more. It begins anew when it
// ends; the last time is its period. Times may repeat and never go back.
type Trace []uint32

// Errors of a Trace.
var (
	ErrTraceEmpty  = errors.New("the trace has no line: give at least one time in milliseconds")
	ErrTraceBack   = errors.New("the time goes back: give times that stay or grow from line to line")
	ErrTracePeriod = errors.New("the trace lasts no time: its last line must be above 0")
)

// ParseTrace reads mahimahi's file format: one decimal number of milliseconds on
// each line. Errors name the line.
func ParseTrace(r io.Reader) (Trace, error) {
	var t Trace
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 4096)
	for n := 1; lines.Scan(); n++ {
		ms, err := strconv.ParseUint(lines.Text(), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no time: give a whole number of milliseconds below 2^32",
				n, clip(lines.Text()))
		}
		if len(t) > 0 && uint32(ms) < t[len(t)-1] {
			return nil, fmt.Errorf("line %d: %d after %d: %w", n, ms, t[len(t)-1], ErrTraceBack)
		}
		if t = append(t, uint32(ms)); len(t) > MaxTraceLines {
			return nil, fmt.Errorf("line %d: the trace is too long: give at most %d lines", n, MaxTraceLines)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(t)+1, err)
	}
	return t, t.Validate()
}

// Validate returns what is wrong with t, or nil.
func (t Trace) Validate() error {
	if len(t) == 0 {
		return ErrTraceEmpty
	}
	for i := 1; i < len(t); i++ {
		if t[i] < t[i-1] {
			return fmt.Errorf("line %d: %d after %d: %w", i+1, t[i], t[i-1], ErrTraceBack)
		}
	}
	if t[len(t)-1] == 0 {
		return ErrTracePeriod
	}
	return nil
}

// WriteTo writes t in the format that ParseTrace reads.
func (t Trace) WriteTo(w io.Writer) (int64, error) {
	var done int64
	b := make([]byte, 0, 8192)
	for i, ms := range t {
		b = append(strconv.AppendUint(b, uint64(ms), 10), '\n')
		if len(b) > 8000 || i == len(t)-1 {
			n, err := w.Write(b)
			if done += int64(n); err != nil {
				return done, err
			}
			b = b[:0]
		}
	}
	return done, nil
}

// Period returns after how long t begins anew.
func (t Trace) Period() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return time.Duration(t[len(t)-1]) * time.Millisecond
}

// MeanRate returns what t delivers in bit/s in the long run.
func (t Trace) MeanRate() float64 {
	if t.Period() == 0 {
		return 0
	}
	return float64(len(t)) * TraceBytes * 8 / t.Period().Seconds()
}

// Opportunities returns the times of one period as durations.
func (t Trace) Opportunities() []time.Duration {
	at := make([]time.Duration, len(t))
	for i, ms := range t {
		at[i] = time.Duration(ms) * time.Millisecond
	}
	return at
}
