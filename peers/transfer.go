package peers

import (
	"encoding/hex"
	"time"
)

// Transfer is what one Fetch did and how long it took.
type Transfer struct {
	Client  string `json:"client"` // the client's address and port, of its first connection
	Server  string `json:"server"` // the server's address and port
	Dialect string `json:"dialect"`
	Mode    string `json:"mode"`
	// Connections is how many connections were opened.
	Connections int `json:"connections"`
	// ConnectSeconds is the time that connection set-up took: the sum over
	// connections made one after the other, the longest of those made at once.
	ConnectSeconds float64      `json:"connect_seconds"`
	Files          []FileResult `json:"files"` // in the order asked for
	Bytes          int64        `json:"bytes"` // received, over all files
	// TotalSeconds runs from before the first connection to after the last file.
	TotalSeconds float64 `json:"total_seconds"`
	// MbitPerSecond is all bytes over the total time.
	MbitPerSecond float64 `json:"mbit_per_second"`
}

// FileResult is one file of a transfer.
type FileResult struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`            // received now, without those before Offset
	Offset int64  `json:"offset,omitempty"` // where the transfer was resumed
	SHA256 string `json:"sha256"`           // of the whole file as it stands on disk; empty when it failed
	// Seconds runs from the request, or from the end of the file before it on the
	// same connection where that is later, to its last byte written to the file.
	Seconds float64 `json:"seconds"`
	// VerifySeconds is what the digests took beyond that, on both sides. It is
	// near zero where the network is slower than SHA-256.
	VerifySeconds float64 `json:"verify_seconds"`
	MbitPerSecond float64 `json:"mbit_per_second"` // Bytes over Seconds
	// Client is the address and port of the connection that carried the file.
	Client string `json:"client,omitempty"`
	Error  string `json:"error,omitempty"` // why it failed; empty when it did not
}

// Stats counts what a server did since it was made.
type Stats struct {
	Accepted int64 `json:"accepted"` // connections
	Active   int64 `json:"active"`   // connections open now
	Failed   int64 `json:"failed"`   // connections that ended in an error
	// Files and Bytes are what was served. The fork model's processes keep
	// their own counts, so they stay zero there.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// took sets the file's times: when its turn began, its last byte came, and its
// digest agreed.
func (r *FileResult) took(begun, last, done time.Time) {
	r.Seconds = last.Sub(begun).Seconds()
	r.VerifySeconds = done.Sub(last).Seconds()
	r.MbitPerSecond = mbit(r.Bytes, r.Seconds)
}

func (t *Transfer) total(since time.Time) {
	t.TotalSeconds = time.Since(since).Seconds()
	t.Bytes = 0
	for _, f := range t.Files {
		t.Bytes += f.Bytes
	}
	t.MbitPerSecond = mbit(t.Bytes, t.TotalSeconds)
}

func mbit(bytes int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(bytes) * 8 / 1e6 / seconds
}

func hexSum(sum [32]byte) string { return hex.EncodeToString(sum[:]) }
