// Package flow turns a packet capture into TCP connections and byte streams,
// finds files in them, and judges a claim about them.
//
//	capture ──► packets ──► connections ──► streams ──► files ──► checks
//	 pcap        Ethernet    SYN, SYN-ACK,   ISN+1 to    one run    capture
//	 pcapng      IPv4/IPv6   ACK, FIN, RST   FIN, both   of bytes   connections
//	             TCP                         directions  each       streams, wire, close
//
// The package is pure: it opens no socket, needs no privilege, and knows
// nothing of the programs whose traffic it reads. A claim such as "these five
// files, in this order, over exactly one connection" is decided from the bytes
// on the wire alone.
//
// # Three values
//
// A check is PASS, FAIL or INCONCLUSIVE. Missing evidence (a dropped or
// truncated packet, a capture that began late or ended early, a bound of the
// verifier that was reached) is never a pass, and turns into a failure only
// what it could not possibly explain: five established connections where one
// was claimed are a FAIL in a capture with drops too.
//
// # Memory
//
// [Analyze] reads the capture once, front to back, and holds a bounded amount
// of it ([Options].MemoryBytes) whatever its size: bytes that wait for an
// earlier segment, a short history to compare retransmissions with, and pieces
// of the files looked for. Where a bound is reached the result says so and is
// INCONCLUSIVE.
package flow
