// Package relay is the user-space engine of a link: it carries frames between two ends, each direction with parameters
// of its own, and decides about each wire packet.
//
//	 host h1                        engine thread                        host h2
//	+-------+    +------+   +-------+-------+------+-------+   +------+   +-------+
//	| stack | -> | TAP  | ->|decide | queue | rate | delay |-> | TAP  | ->| stack |
//	|       | <- | eth0 | <-|delay  | rate  | queue| decide|<- | eth0 | <-|       |
//	+-------+    +------+   +-------+-------+------+-------+   +------+   +-------+
//
// An end is a TAP device that the host uses as its interface, or, where /dev/net/tun is closed, a packet socket on the
// far end of the host's veth pair. Both carry a virtio header with each frame, so TCP's super-frames of up to 64 KB travel
// whole. Where something acts on each wire packet (a rate, a decider, a drop), a super-frame is considered as the wire
// packets it stands for, and is cut only between packets that do not travel together.
//
// Of an end of the second kind the kernel carries the frames by itself while nothing is asked of them, where the end has a bypass
// (End.Bypass); the engine then sees none.
//
// What happens to a packet, in this order:
//
//  1. It arrives, and is given its index in its direction (IP packets only).
//  2. A pending DropNext, or the decider, may lose it. A lost packet is lost on the wire: it takes its turn in the queue and
//     its time on the transmitter, as it does on a real link.
//  3. The queue takes it, or drops it when full (drop tail), and may mark it (ECN, RFC 3168) past a threshold.
//  4. The transmitter sends it: at the rate, or at the next opportunities of a trace.
//  5. It is delivered after the delay and its own jitter, never sooner.
//
// A packet's delay counts from when the sending host handed it over, by the kernel's clock, however long the thread slept: a
// packet socket tells, and for a TAP device a small program notes it. Where that is not allowed it is an estimate.
//
// One thread runs an engine: locked, in a real-time class where permitted, asleep in epoll_pwait2 with a timer slack of
// 1 ns until the next packet is due. It wakes early by what nearly all its wake-ups were measured to take, and spins for the
// rest, at most a fifth of the time. While gigabits pass it waits awake for the next frame, too.
package relay
