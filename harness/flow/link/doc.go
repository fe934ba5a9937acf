// Package link says from captures what one direction of a link did to its packets,
// and judges whether that is what was asked of it.
//
//	h1 ── h1-eth0 ════ link, its engine ════ s1-eth1 ── s1
//	         │ sent                             │ received
//	         ▼                                  ▼
//	      capture ───────► Compare ◄───────  capture
//	         │                │
//	         ▼                ▼
//	      Conform          Evidence ──┐
//	         │                        ├──► Judge: checks named "link"
//	         ▼           Counters ────┘
//	     Conformity ──► JudgeRate
//
// Packets are matched one to one by all their bytes, so nothing has to be put into them,
// and neither their senders nor the engine has to be believed. What the engine counts is
// compared with it.
//
// # Packets that count
//
// Evidence counts, as engines do, IP packets without those that hosts and bridges send on
// timers of their own: IGMP, ICMPv6 multicast listener and neighbour messages. They are numbered
// from 0 in the order in which they were sent. All else (ARP, those) is counted apart.
//
// # Where the captures stand
//
// An AF_PACKET capture sees what an interface sends behind its queueing discipline, and what
// it receives before its ingress hook. So htb, netem and a program at the egress hook act
// before the sending capture, and a program at the ingress hook acts behind the receiving one: neither
// is between the two. Counters.Place says so, and what cannot be seen is not judged from captures.
//
// # Three values
//
// As in package flow: a FAIL is never what missing evidence could explain, and nothing seen is
// never a PASS. The package is pure: it reads captures, and nothing else. It shares no code
// with the engines that it judges; that it counts packets and bounds chance as they do is tested.
package link
