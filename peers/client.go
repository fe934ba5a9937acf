package peers

import (
	"context"
	"errors"
	"net"

	"github.com/wireproof/wireproof/protocol"
)

// Client fetches files into a folder. Set its fields before the first Fetch and
// not after it. Fetch is safe for concurrent use with different names.
type Client struct {
	Dial    func(ctx context.Context) (net.Conn, error)
	Dialect protocol.Dialect // zero: protocol.Stream
	Mode    Mode             // zero: Persistent
	// Buffer is the lockstep dialect's chunk, which must be the server's too, and
	// the stream dialect's unit of reading, in bytes. Zero: 1024 for lockstep; for
	// stream, what is fastest.
	Buffer int
	Socket SocketOptions
	Limits Limits
	// Dir is where the files go. A file is written as .NAME.part and renamed to
	// NAME once it is whole. Zero is the working directory.
	Dir string
	// Resume continues at the end of a .NAME.part that an earlier stream transfer left.
	Resume bool
	// Progress, if set, is told of each file's progress, a few times a second, at
	// its start (done is what a resumed transfer has already) and at its end.
	// total is -1 where the dialect does not tell it. Calls for
	// one connection come one after the other.
	Progress func(name string, done, total int64)
}

// Fetch fetches the named files. Files that fail do not keep the others from
// being fetched where the connection survives; the error joins all failures, and the
// Transfer is filled in as far as things went.
//
// A broken stream transfer leaves its .part for Resume; a broken lockstep
// transfer, which cannot be resumed, and one whose digest disagrees leave nothing.
func (c *Client) Fetch(ctx context.Context, names []string) (Transfer, error) {
	return Transfer{}, errors.ErrUnsupported
}

// FetchAll runs clients at once, the i-th for names[i], and returns their
// transfers in that order, with their errors joined.
func FetchAll(ctx context.Context, clients []*Client, names [][]string) ([]Transfer, error) {
	return nil, errors.ErrUnsupported
}
