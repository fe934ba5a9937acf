// Package harness brings a topology up on this machine's Linux kernel, lets programs run in it, and takes it down.
//
//	topo.Topo ──Start──▶ Network ──Host("h1")──▶ Listen, Dial, Command, Capture
//	                        └──────Link("h1","s1")──▶ Down, Up, Stats
//
// Every host is a network namespace, every switch a bridge in a network namespace of its own, every link a veth pair
// whose two ends are made where they belong. Nothing appears in the machine's own namespace, not even for a moment.
// Namespaces have no names; they are held by file descriptors of this process, so they end with it, however it ends.
//
// Programs started with Host.Command live in a process-id namespace of the network, whose first process is this program
// run again; it ends when this process ends, and the kernel then ends all that lives in it. The first process is
// started from an init function, so a program that imports harness needs to do nothing for it.
//
// All methods may be called from any goroutine, several at once, unless their documentation says otherwise.
package harness
