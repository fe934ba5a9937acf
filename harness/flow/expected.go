package flow

// Expected is what a check of this package's, by its name, passes for: the other half of
// a message that says what was seen. "" for a name that is not known.
func Expected(check string) string {
	return map[string]string{
		"capture":     "a capture that lost, cut and left out nothing",
		"connections": "exactly the connections that were claimed, counted by their handshakes",
		"streams":     "both directions of each connection without a hole, retransmissions with the bytes first seen",
		"wire":        "each file as one run of bytes in its connection's stream, in the order claimed",
		"close":       "each connection ended in good order",
		"disk":        "the files that were sent, byte for byte, and no other",
		"link":        "what was asked of the link: no other losses, nothing sooner than its delay or faster than its rate",
	}[check]
}
