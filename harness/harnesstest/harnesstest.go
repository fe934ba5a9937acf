// Package harnesstest adapts package harness to tests: skips that say why, networks that are closed at the test's end,
// and checks that nothing was left behind.
package harnesstest

import (
	"testing"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/topo"
)

// EnvRequire names the environment variable that lists capabilities which must be there ("root,tshark", or "all"): a
// test that would skip for want of one fails instead.
const EnvRequire = "WIREPROOF_REQUIRE"

// Require skips the test, with the reason and the remedy, unless the machine has all these capabilities, by
// harness.Doctor's names ("root", "tshark", …). Without root, only the ones that can be told without it are known.
func Require(tb testing.TB, what ...string) { panic("stub") }

// Start brings t up and takes it down at the end of the test. It requires "root" and what t needs. A failure is fatal.
func Start(tb testing.TB, t topo.Topo, o *harness.Options) *harness.Network { panic("stub") }

// NoLeaks notes what there is now, and fails the test if at its end (after later clean-ups) there is more: goroutines,
// file descriptors, child processes, interfaces of the machine's own namespace, mounts. Call it first in a test.
func NoLeaks(tb testing.TB) { panic("stub") }
