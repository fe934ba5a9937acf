package harness

import "context"

// A Capability is something that this machine can or cannot do.
type Capability struct {
	Name   string `json:"name"`             // "root", "veth", "tshark", …
	OK     bool   `json:"ok"`               //
	Needed bool   `json:"needed"`           // whether the harness needs it; the others are for some links, parts or tests
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do where it is missing: a package, a setting, a way to run
}

// Doctor finds out what this machine can do, by doing it in namespaces of its own, and leaves nothing behind.
func Doctor(ctx context.Context) []Capability { panic("stub") }
