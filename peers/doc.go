// Package peers holds the two ends of a file transfer: a server in three models
// and a client in three modes, in both dialects of package protocol.
//
//	Client.Fetch                                        Server.Serve
//	persistent     ──────── one connection ────────▶    sequential  one connection at a time
//	nonpersistent  ──────── one for each file ─────▶    thread      a goroutine for each connection
//	concurrent     ════════ all at once ═══════════▶    fork        a process for each connection
//
// Peers run over any net.Listener and net.Conn and serve any fs.FS; what they
// can do better on Linux TCP sockets and plain files (large pieces, splice, the
// socket options) they find out for themselves.
//
// A peer is also a process: Main, called first in main or TestMain, turns the
// running program into a server or a client when the environment says so.
package peers
