package flow

import (
	"context"
	"errors"
	"io"
)

// ErrNotCapture is in the chain of the error of [Analyze] for input that is
// neither pcap nor pcapng.
var ErrNotCapture = errors.New("not a packet capture")

// Analyze reads a capture (pcap or pcapng, both byte orders) to its end. An
// error means that nothing could be judged: r is no capture (ErrNotCapture), a
// file of o.Files cannot be read, or ctx was cancelled. A capture that breaks
// off is no error: the packets before are analysed, and the Analysis says so.
func Analyze(ctx context.Context, r io.Reader, o Options) (*Analysis, error) {
	return nil, errors.New("not yet")
}
