package pcapng

import "time"

// Statistics are the counters of one interface at the end of its capture.
type Statistics struct {
	Interface  uint32    // from AddInterface
	Start, End time.Time // when the capture began and ended; zero: left out
	Received   uint64    // packets that reached the interface, dropped ones among them
	Dropped    uint64    // packets of these that are not in the file, for want of room
}

// AppendStatistics appends the interface statistics block of s. Both counters
// are always written: a file in which they are missing says nothing of drops.
func AppendStatistics(b []byte, s Statistics) []byte {
	b, start := openBlock(b, blockStatistics)
	b = le.AppendUint32(b, s.Interface)
	stamp := s.End
	if stamp.IsZero() {
		stamp = s.Start
	}
	b = appendTime(b, nanos(stamp))
	o := len(b)
	if !s.Start.IsZero() {
		b = appendOption(b, optStatisticsStart, appendTime(nil, nanos(s.Start)))
	}
	if !s.End.IsZero() {
		b = appendOption(b, optStatisticsEnd, appendTime(nil, nanos(s.End)))
	}
	b = appendOption(b, optStatisticsReceived, le.AppendUint64(nil, s.Received))
	b = appendOption(b, optStatisticsDropped, le.AppendUint64(nil, s.Dropped))
	return closeBlock(endOptions(b, o), start)
}
