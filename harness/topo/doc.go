// Package topo describes a network as a value.
//
//	h1 ──┐                 ┌── h3
//	     [s1] ── 10Mbit ── [s2]
//	h2 ──┘                 └── h4
//
// A [Topo] lists hosts, switches and the links between them. It is pure data:
// building, checking, numbering and drawing one needs no privilege and touches
// no kernel, and gives the same answer on every machine. Package harness
// brings a Topo up.
//
// Names, ports and addresses follow Mininet 2.3, so that a capture taken here
// and one taken there can be laid side by side:
//
//   - hosts are numbered from 1 in the natural order of their names (h2 before
//     h10, S before S1), and host N has the address 10.0.0.N of 10.0.0.0/8
//     (mininet.net.Mininet.addHost, mininet.util.natural and ipAdd);
//   - the interfaces of a node are named NODE-ethP, where P counts the node's
//     links in the order they were added, from 0 at a host and from 1 at a
//     switch (mininet.topo.Topo.addPort, mininet.link.Link.intfName).
//
// A link shapes and impairs what each of its ends sends as [LinkParams] say: in Go
//
//	t.AddLink("h1", "s1", LinkParams{Rate: 10 * Mbit, Delay: 10 * time.Millisecond, LossPercent: 1})
//
// or as text, on a topology that exists already:
//
//	t.SetLink("h1>s1:rate=10Mbit,delay=10ms,loss=1%", nil)
//	t.SetSchedule("h1-s1: down 2s..3s; 10Mbit after 5s")
//
// What happens by chance follows from Topo.Seed, the name of the link, the direction
// and the number of the packet alone. docs/links.md describes each parameter.
//
// A Topo may be written by hand, built with the Add methods, made by one of the
// builders, or read from JSON; [Topo.Validate] reports everything wrong with it
// at once. Reading methods are safe for concurrent use; adding is not.
package topo
