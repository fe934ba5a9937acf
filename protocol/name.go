package protocol

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest file name in bytes: Linux's NAME_MAX.
const MaxName = 255

// NameError says that a name cannot be served or asked for in either dialect.
type NameError struct {
	Name   string // the name, cut to a length fit for a message
	Reason string // what is wrong with it, and the remedy
}

func (e *NameError) Error() string {
	return fmt.Sprintf("name %q: %s", e.Name, e.Reason)
}

// CheckName reports, as a *NameError, what is wrong with a file name. A name is
// one element and never a path: 1 to 255 bytes of UTF-8 without control
// characters, '/' or '\', and not "." or "..". What passes is a valid argument
// to fs.FS.Open that names something in the root, and cannot break a line of
// the stream dialect, a terminal or a report.
func CheckName(name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "it is empty: give the name of a file"
	case len(name) > MaxName:
		reason = fmt.Sprintf("it has %d bytes: use at most %d", len(name), MaxName)
	case name == "." || name == "..":
		reason = "it is a folder: give the name of a file in it"
	case strings.ContainsAny(name, `/\`):
		reason = "it is a path: give its last element alone"
	case !utf8.ValidString(name):
		reason = "it is not UTF-8: rename the file"
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "it has a control character: rename the file"
	default:
		return nil
	}
	return &NameError{Name: clip(name), Reason: reason}
}

// clip bounds what a message shows of s.
func clip(s string) string {
	if len(s) > maxSeen {
		return strings.ToValidUTF8(s[:maxSeen], "") + "…"
	}
	return s
}
