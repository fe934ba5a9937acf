// Package mininet brings topologies up in real Mininet, for everything above to use as it uses package harness's own
// namespaces.
//
//	this program ── stdin: topology, JSON ──▶ driver.py ──▶ Mininet ──▶ h1 ── s1 ── h2
//	     ▲   ╰──────── events, JSON lines ◀──────╯                       ▲
//	     ╰─ harness.Attach: sockets, programs, captures in the hosts ────╯
//
// Switches that are Linux bridges live in a network namespace of the driver's, and are gone with it, however it ends. Those of
// Open vSwitch live where its daemon does, in the machine's own namespace, with names like s1 and s1-eth1, so one run at
// a time can use it: see Acquire. The driver ends when its standard input does, and so with this program, however that ends.
// Of driver and program, whichever is left removes what the run made there, and nothing else; Mininet's own cleanup,
// which kills and deletes by name, is never called.
//
// The folder also has the parts as Mininet scripts, part_e.py and so on, which a person runs by hand: see package
// mininet/scripts.
package mininet
