package flow

// Judge decides the claim that, for every pair of client and server named in
// sessions, the established connections of the pair and its sessions are the
// same, one for one: each connection carries exactly the files of its session.
// Connections of pairs that no session names are not judged.
//
// It returns the checks capture, connections, streams, wire (one for each
// session) and close, in this order.
func (a *Analysis) Judge(sessions []Session) []Check { return nil }
