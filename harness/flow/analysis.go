package flow

import "time"

// Analysis is what a capture shows. It is a value of plain data; its methods
// may be called concurrently.
type Analysis struct {
	// Connections are those that were established (the client acknowledged the
	// server's SYN-ACK), and those whose handshake the capture does not show
	// whole while other segments say that they existed (Handshake is then
	// HandshakePartial or HandshakeMissing). In the order of their first packet.
	Connections []Connection `json:"connections"`
	// Attempts are those that were not established: HandshakeHalfOpen,
	// HandshakeRefused, HandshakeUnanswered. At most a thousand are listed.
	Attempts []Connection `json:"attempts,omitempty"`
	// AttemptsNotListed and ConnectionsNotListed count those past the bounds.
	AttemptsNotListed    uint64 `json:"attempts_not_listed,omitempty"`
	ConnectionsNotListed uint64 `json:"connections_not_listed,omitempty"`

	Format      string      `json:"format"` // "pcap" or "pcapng"; of several captures, the first's
	Captures    []Capture   `json:"captures"`
	Interfaces  []Interface `json:"interfaces"`
	Comments    []string    `json:"comments,omitempty"`    // of sections, at most 16
	Packets     uint64      `json:"packets"`               // packets read
	Bytes       uint64      `json:"bytes"`                 // captured bytes of them, without the file's own headers
	TCP         uint64      `json:"tcp"`                   // packets of TCP that were decoded
	Ignored     uint64      `json:"ignored"`               // packets of other protocols, or not of Options.Server
	Duplicates  uint64      `json:"duplicates"`            // the same packet captured again
	Pieces      uint64      `json:"pieces,omitempty"`      // IP fragments of TCP
	Reassembled uint64      `json:"reassembled,omitempty"` // packets that were put together from them

	// Missing evidence. Each is also a sentence in Problems.
	Dropped      uint64 `json:"dropped"`       // by the capture's own count (interface statistics)
	DropsKnown   bool   `json:"drops_known"`   // the capture says how many it dropped, and be it none
	Truncated    uint64 `json:"truncated"`     // TCP segments cut short by the snap length
	Fragments    uint64 `json:"fragments"`     // IP fragments of TCP that could not be put together
	Undecodable  uint64 `json:"undecodable"`   // packets whose headers are cut or contradict themselves
	UnknownLinks uint64 `json:"unknown_links"` // packets of a link type that is not known
	BadChecksums uint64 `json:"bad_checksums"` // TCP segments that arrived damaged; not used
	CutShort     bool   `json:"cut_short"`     // the file ends in the middle, or breaks off in nonsense
	Backwards    uint64 `json:"backwards"`     // packets with a time earlier than the one before

	// Vantage is a sentence about which of several interfaces each connection was counted at, and why; "" where
	// there is one.
	Vantage string `json:"vantage,omitempty"`

	// Problems are sentences for people, each about evidence that is missing or
	// odd. At most 64.
	Problems []string `json:"problems,omitempty"`

	First time.Time `json:"first"` // time of the first packet
	Last  time.Time `json:"last"`  // the latest time

	files []File // Options.Files
}

// Capture is one of the captures that were read.
type Capture struct {
	Name        string `json:"name,omitempty"`
	Format      string `json:"format"`                // "pcap" or "pcapng"
	Compression string `json:"compression,omitempty"` // "gzip" or "zstd"
	Packets     uint64 `json:"packets"`
}

// Interface is one interface of the capture.
type Interface struct {
	Capture    string `json:"capture,omitempty"` // of several captures, the one that it is in, the first of them if it was rotated
	Name       string `json:"name"`              // "" if the capture does not say
	LinkType   string `json:"link_type"`
	SnapLen    uint32 `json:"snap_len"` // bytes; 0: no limit
	Packets    uint64 `json:"packets"`
	Dropped    uint64 `json:"dropped"`
	DropsKnown bool   `json:"drops_known"`
}
