package protocol

import "fmt"

// Dialect names one of the two wire formats.
type Dialect string

const (
	Stream   Dialect = "stream"   // lengths, digests, resume; the default
	Lockstep Dialect = "lockstep" // the original programs' format
)

// DefaultPort is the TCP port of the original programs.
const DefaultPort = 12345

// DefaultBuffer is the original programs' buffer in bytes: one lockstep chunk.
const DefaultBuffer = 1024

// ParseDialect reads a dialect's name. The empty string is Stream.
func ParseDialect(s string) (Dialect, error) {
	switch d := Dialect(s); d {
	case "":
		return Stream, nil
	case Stream, Lockstep:
		return d, nil
	}
	return "", fmt.Errorf("dialect %q is unknown: use %s or %s", clip(s), Stream, Lockstep)
}

func (d Dialect) String() string { return string(d) }
