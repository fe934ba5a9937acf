// Package scenarios holds the parts of "Persistent TCP Transfer over Mininet" as values, and runs them.
//
//	Parts, List          Run                                  Report
//	┌──────────┐   ┌───────────────────────────────┐   ┌──────────────────────┐
//	│ Scenario │──▶│ network up · capture · peers  │──▶│ disk · wire ·        │──▶ PASS, FAIL or
//	│ (a value)│   │ barrier · network down        │   │ connections: checks  │    INCONCLUSIVE
//	└──────────┘   └───────────────────────────────┘   └──────────────────────┘
//
// A Scenario says which network there is, who serves, and who fetches what and when. Run brings the network up out of
// namespaces, starts every peer as a process of its own in its host, captures at each server's interface from before the
// first process until every connection is over, and lets the judge (package flow) compare three independent proofs: the
// files on the clients' disks, the bytes on the wire, and the connections that carried them.
//
// A program that calls Run, a test binary included, must call [peers.Main] first in main or TestMain: the peers are that
// same program, started again with a role.
package scenarios
