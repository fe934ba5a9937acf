// Package vm runs a command on a kernel of its own: Debian's user-mode-linux, booted as an ordinary process on the host's
// own files. It needs neither root nor KVM, and its kernel has what the machine's may lack: netem, fq, Open vSwitch.
//
//	caller ── Run ── keeper ── linux.uml ─────────────────────────────────────┐
//	stdin, stdout, stderr         │  init: this program again, process 1      │
//	   ▲                          │  /  hostfs   /tmp /run … tmpfs   /proc    │
//	   └── frames over ttyS0 ─────┼──▶ relay ──▶ COMMAND, as root             │
//	       kernel log ◀── console ┴───────────────────────────────────────────┘
//
// The keeper is this program too. It lives in a process-id namespace of its own where the machine allows one, and ends
// everything when the pipe to Run closes: also when Run's process is killed.
//
// A program that calls Run is itself what boots in the guest: an init function of this package takes over where the
// program was started as a keeper, as the guest's process 1, or as its modprobe.
package vm
